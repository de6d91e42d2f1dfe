use taktline::prelude::*;

#[stage]
async fn twice(_: u64, out: Out) {
    let _ = out;
}

fn main() {}
