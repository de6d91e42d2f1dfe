use taktline::prelude::*;

#[stage(workers = 4, capacity = 8)]
async fn fetch(x: u64) -> u64 {
    x
}

fn main() {}
