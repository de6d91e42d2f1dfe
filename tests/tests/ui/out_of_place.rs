use taktline::prelude::*;

#[stage]
async fn out_first(out: Out<u64>, x: u64) {
    out.send(x).await;
}

#[stage]
async fn two_outs(x: u64, out: Out<u64>, other: Out<u64>) {
    out.send(x).await;
    other.send(x).await;
}

#[stage]
async fn in_behind_an_item(x: u64, input: In<u64>, out: Out<u64>) {
    out.send(x + input.next().await.unwrap()).await;
}

#[sink]
async fn sink_with_out(x: u64, out: Out<u64>) {
    out.send(x).await;
}

#[source]
async fn source_with_in(input: In<u64>, out: Out<u64>) {
    out.send(input.next().await.unwrap()).await;
}

#[stage]
async fn no_out(input: In<u64>) -> u64 {
    input.next().await.unwrap()
}

#[stage]
async fn borrowed(x: u64, out: &mut Out<u64>) {
    out.send(x).await;
}

fn main() {}
