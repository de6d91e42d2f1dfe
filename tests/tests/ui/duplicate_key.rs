use taktline::prelude::*;

#[stage(buffer = 1, concurrency = 2, buffer = 2)]
async fn fetch(x: u64) -> u64 {
    x
}

fn main() {}
