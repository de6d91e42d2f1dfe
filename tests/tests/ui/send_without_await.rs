#![deny(unused_must_use)]

use taktline::prelude::*;

#[source]
async fn numbers(n: u64, out: Out<u64>) {
    out.send(n);
}

fn main() {
    let _ = numbers(1);
}
