use taktline::prelude::*;

fn main() {
    let _ = iter(0..3u64).broadcast().to(|f| f.count()).to(|f| f.map(|x| x + 1));
    let _ = iter(0..3u64).broadcast().to(|f| f.map(|x| x + 1)).to(|f| f.count());
    let _ = iter(0..3u64).broadcast().to(|f| f.map(|x| x + 1)).to(|f| f.map(|x| x.to_string()));
    let _ = iter(0..3u64).broadcast().to(|_| ());
    let _ = iter(0..3u64).route().case(|x| if x > 1 { Ok(x) } else { Err(x) }, |f| f.count()).rest(|f| f);
    let _ = iter(0..3u64).enumerate().unzip(|f| f.count(), |f| f);
    let _ = iter(0..3u64).balance(2, |_, _| ());
    let _ = iter(0..3u64).partition(2, |x| *x as f64, |_, f| f.count());
}
