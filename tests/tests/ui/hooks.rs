use taktline::prelude::*;

async fn open(text: &str) -> u64 {
    text.len() as u64
}

async fn shut() {}

#[stage(init = open)]
async fn returns_a_number(x: u64, text: &str) -> u64 {
    x + text.len() as u64
}

#[stage(close = shut)]
async fn other_arguments(x: u64, text: &str) -> u64 {
    x + text.len() as u64
}

fn main() {}
