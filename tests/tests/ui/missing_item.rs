use taktline::prelude::*;

#[stage]
async fn fetch() -> u64 {
    1
}

#[source]
async fn numbers(n: u64) {}

#[sink]
async fn store(x: u64, out: Out<u64>) {}

fn main() {}
