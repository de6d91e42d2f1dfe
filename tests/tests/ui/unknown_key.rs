use taktline::prelude::*;

#[stage(concurency = 4)]
async fn fetch(x: u64) -> u64 {
    x
}

fn main() {}
