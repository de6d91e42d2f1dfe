//! The essay's last program, with one attribute argument: 18 units.

use crate::unit::{say, units};
use taktline::prelude::*;

#[source]
pub(crate) async fn producer(total: u64, out: Out<u64>) {
    for i in 0..total {
        sleep(units(i as f64)).await;
        out.send(i).await;
    }
}

#[stage(concurrency = 2)]
pub(crate) async fn consumer(i: u64) -> u64 {
    let d = 2 * i;
    sleep(units(d as f64)).await;
    d
}

pub(crate) async fn main() -> taktline::Result<()> {
    producer(5).then(consumer()).for_each(say).run().await?;
    Ok(())
}
