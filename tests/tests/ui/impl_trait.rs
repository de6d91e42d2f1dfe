use taktline::prelude::*;

#[stage]
async fn item(text: impl Into<String>) -> String {
    text.into()
}

#[stage]
async fn configuration(x: u64, f: impl Fn(u64) -> u64) -> u64 {
    f(x)
}

#[stage]
async fn output(x: u64) -> impl Iterator<Item = u64> {
    0..x
}

#[source]
async fn sent(out: Out<Vec<impl Into<u64>>>) {
    let _ = out;
}

fn main() {}
