use taktline::prelude::*;

fn main() {
    let _ = iter(0..3u64).sink(|x| println!("{x}"));
}
