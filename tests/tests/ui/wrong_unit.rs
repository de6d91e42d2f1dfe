use taktline::prelude::*;

#[stage(buffer = 2ms)]
async fn fetch(x: u64) -> u64 {
    x
}

fn main() {}
