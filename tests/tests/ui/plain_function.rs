use taktline::prelude::*;

fn double(x: u64) -> u64 {
    2 * x
}

fn main() {
    let _ = iter(0..3u64).then(double);
    let _ = iter(0..3u64).then(|x| x + 1);
}
