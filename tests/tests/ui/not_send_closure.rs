use std::rc::Rc;

use taktline::prelude::*;

fn main() {
    let flow = iter(0..3u64).then(|x| async move {
        let shared = Rc::new(x);
        yield_now().await;
        *shared
    });
    let _ = flow.count();
}
