use taktline::prelude::*;

#[sink]
async fn store(text: String) {
    drop(text);
}

fn main() {
    let _ = iter(0..3u64).sink(store());
}
