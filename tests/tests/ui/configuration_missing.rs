use taktline::prelude::*;

#[stage]
async fn add(x: u64, by: u64) -> u64 {
    x + by
}

fn main() {
    let _ = iter(0..3u64).then(add()).count();
}
