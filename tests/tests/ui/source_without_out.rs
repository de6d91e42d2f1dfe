use taktline::prelude::*;

#[source]
async fn numbers(n: u64) -> u64 {
    n
}

#[source]
fn none() {}

fn main() {}
