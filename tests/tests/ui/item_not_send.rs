use std::rc::Rc;

use taktline::prelude::*;

#[stage]
async fn share(x: u64) -> Rc<u64> {
    Rc::new(x)
}

fn main() {}
