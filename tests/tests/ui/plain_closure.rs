use taktline::prelude::*;

fn main() {
    let _ = iter(0..3u64).then(|x: u64| x + 1).count();
}
