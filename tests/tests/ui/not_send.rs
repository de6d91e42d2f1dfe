use taktline::prelude::*;

use std::rc::Rc;

#[stage]
async fn fetch(x: u64) -> u64 {
    let shared = Rc::new(x);
    yield_now().await;
    *shared
}

fn main() {}
