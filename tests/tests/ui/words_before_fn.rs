use taktline::prelude::*;

#[stage]
const unsafe extern "C" fn add(x: u64) -> u64 {
    x
}

fn main() {}
