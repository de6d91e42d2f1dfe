use taktline::prelude::*;

#[taktline::main]
async fn main() {
    iter(0..3u64).count().await;
}
