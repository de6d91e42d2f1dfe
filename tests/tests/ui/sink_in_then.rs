use taktline::prelude::*;

#[sink]
async fn store(_: u64) {}

fn main() {
    let _ = iter(0..3u64).then(store());
}
