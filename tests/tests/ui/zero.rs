use taktline::prelude::*;

#[stage(concurrency = 0, buffer = 0, window = 0)]
async fn fetch(x: u64) -> u64 {
    x
}

fn main() {}
