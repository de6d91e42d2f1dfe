use taktline::prelude::*;

struct Result;

#[stage]
async fn fetch(_: u64) -> Result {
    Result
}

fn main() {}
