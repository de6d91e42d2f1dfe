use taktline::prelude::*;

fn main() {
    let _ = merge((iter(0..3u64), iter(["a", "b"])));
}
