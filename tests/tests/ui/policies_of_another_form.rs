use taktline::prelude::*;

#[stage(timeout = 1s, retry = 3)]
fn fused(x: u64) -> u64 {
    x
}

#[stage(blocking, timeout = 1s, retry = 3)]
fn blocks(x: u64) -> u64 {
    x
}

#[stage(on_error = dead_letter, on_panic = skip)]
fn fused_too(x: u64) -> u64 {
    x
}

#[stage(retry = 3, on_error = skip)]
async fn reads(input: In<u64>, out: Out<u64>) {
    while let Some(x) = input.next().await {
        out.send(x).await;
    }
}

#[source(retry = 3)]
async fn makes(out: Out<u64>) {
    out.send(1).await;
}

fn main() {}
