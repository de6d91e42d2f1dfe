use std::cell::Cell;

use taktline::prelude::*;

#[stage]
async fn count(x: u64, seen: &Cell<u64>) -> u64 {
    seen.set(seen.get() + 1);
    x
}

fn main() {}
