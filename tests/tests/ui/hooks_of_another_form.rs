use taktline::prelude::*;

async fn open() {}

#[stage(init = open)]
fn fused(x: u64) -> u64 {
    x
}

#[sink(close = open, init = || async {})]
async fn reads(input: In<u64>) {
    while input.next().await.is_some() {}
}

fn main() {}
