use std::rc::Rc;

use taktline::prelude::*;

fn main() {
    let _ = iter(0..3u64).then(|x| async move { Rc::new(x) });
    let _ = iter(0..3u64).map(|x| Rc::new(x));
    let _ = iter(vec![Rc::new(1)]);
}
