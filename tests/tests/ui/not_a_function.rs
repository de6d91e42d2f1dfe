use taktline::prelude::*;

#[stage]
struct Page {
    _links: u64,
}

#[sink(concurrency = 2)]
mod store {}

#[source]
impl Page {}

trait Fetch {
    #[stage]
    async fn fetch(x: u64) -> u64;
}

fn main() {}
