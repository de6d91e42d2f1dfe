//! A producer and a consumer that read like generators: 21 units instead of 30.

use crate::unit::{say, units};
use taktline::prelude::*;

#[source]
pub(crate) async fn producer(total: u64, out: Out<u64>) {
    for i in 0..total {
        sleep(units(i as f64)).await;
        out.send(i).await;
    }
}

#[stage]
pub(crate) async fn consumer(i: u64) -> u64 {
    sleep(units(2.0 * i as f64)).await;
    2 * i
}

pub(crate) async fn main() -> taktline::Result<()> {
    producer(5).then(consumer()).for_each(say).run().await?;
    Ok(())
}
