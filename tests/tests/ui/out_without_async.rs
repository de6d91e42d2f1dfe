use taktline::prelude::*;

#[stage]
fn twice(x: u64, out: Out<u64>) {
    out.send(x);
}

fn main() {}
