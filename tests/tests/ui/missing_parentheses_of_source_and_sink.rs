use taktline::prelude::*;

#[source]
async fn numbers(n: u64, out: Out<u64>) {
    out.send(n).await;
}

#[sink]
async fn store(_: u64) {}

fn main() {
    let _ = numbers.then(|x: u64| async move { x });
    let _ = numbers(3).sink(store);
}
