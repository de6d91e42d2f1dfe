use taktline::prelude::*;

#[stage]
async fn fetch() -> u64 {
    1
}

fn main() {}
