//! A loop of the user's own over a generator: 7 units, where the suspended generator of Python needs 9.

use crate::unit::{say, units};
use taktline::prelude::*;

#[source]
pub(crate) async fn g(out: Out<u64>) {
    for i in 0..3 {
        sleep(units(1.0)).await;
        out.send(i).await;
    }
}

pub(crate) async fn main() -> taktline::Result<()> {
    let mut xs = g().start();
    while let Some(x) = xs.next().await? {
        say(x);
        sleep(units(2.0)).await;
    }
    Ok(())
}
