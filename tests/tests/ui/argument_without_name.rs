use taktline::prelude::*;

#[stage]
async fn add((x, y): (u64, u64), (a, b): (u64, u64), _: u64) -> u64 {
    x + y + a + b
}

fn main() {}
