use taktline::prelude::*;

#[stage(concurrency = 4, window = 2)]
async fn narrow(x: u64) -> u64 {
    x
}

#[stage(unordered, window = 2)]
async fn no_order(x: u64) -> u64 {
    x
}

fn main() {}
