#![deny(unused_must_use)]

use taktline::prelude::*;

#[stage]
async fn double(x: u64) -> u64 {
    2 * x
}

fn main() {
    double();
    iter(0..3u64);
    iter(0..3u64).then(double());
    iter(0..3u64).count();
    iter(0..3u64).count().run();
}
