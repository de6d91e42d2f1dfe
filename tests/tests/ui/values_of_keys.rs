use taktline::prelude::*;

const N: usize = 4;

#[stage(concurrency, buffer(4), window: 8)]
async fn assigned(x: u64) -> u64 {
    x
}

#[stage(concurrency = "4", buffer = -1, window = N)]
async fn numbers(x: u64) -> u64 {
    x
}

#[stage(unordered = true, name = fetch)]
async fn flags_and_texts(x: u64) -> u64 {
    x
}

#[stage(concurrency = 4 unordered, 7)]
async fn commas_and_words(x: u64) -> u64 {
    x
}

#[stage(crate = "taktline")]
async fn paths(x: u64) -> u64 {
    x
}

fn main() {}
