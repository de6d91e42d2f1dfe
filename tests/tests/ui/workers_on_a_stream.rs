use taktline::prelude::*;

#[stage(concurrency = 4)]
async fn sums(input: In<u64>, out: Out<u64>) {
    while let Some(x) = input.next().await {
        out.send(x).await;
    }
}

fn main() {}
