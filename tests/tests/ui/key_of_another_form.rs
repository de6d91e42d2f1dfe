use taktline::prelude::*;

#[sink(window = 4, unordered)]
async fn store(_: u64) {}

#[source(concurrency = 4, buffer = 2)]
async fn numbers(out: Out<u64>) {
    out.send(1).await;
}

#[stage(blocking)]
async fn read(x: u64) -> u64 {
    x
}

#[stage(window = 4)]
fn plain(x: u64) -> u64 {
    x
}

#[stage(result_is_item)]
async fn no_result(x: u64) -> u64 {
    x
}

fn main() {}
