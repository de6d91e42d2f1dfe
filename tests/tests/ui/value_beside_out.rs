use taktline::prelude::*;

#[stage]
async fn twice(x: u64, out: Out<u64>) -> u64 {
    out.send(x).await;
    x
}

fn main() {}
