use taktline::prelude::*;

fn main() {
    let _ = iter(0..3u64).broadcast().to(|f| f.count()).to(|f| f.map(|x| x + 1));
    let _ = iter(0..3u64).broadcast().to(|f| f.map(|x| x + 1)).to(|f| f.count());
    let _ = iter(0..3u64).broadcast().to(|_| ());
}
