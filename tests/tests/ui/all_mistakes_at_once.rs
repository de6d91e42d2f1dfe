use taktline::prelude::*;

#[stage(bufer = 1, concurrency = 0)]
async fn fetch<'a>(&self, x: &'a str) -> u64 {
    1
}

fn main() {}
