//! The queue with one worker, mended: the queue is the edge, and nobody sends a sentinel. 21 units.

use crate::unit::{say, units};
use taktline::prelude::*;

#[source]
pub(crate) async fn producer(out: Out<u64>) {
    for i in 0..5 {
        sleep(units(i as f64)).await;
        out.send(i).await;
    }
}

#[sink]
pub(crate) async fn consumer(x: u64) {
    let d = 2 * x;
    say(d);
    sleep(units(d as f64)).await;
}

pub(crate) async fn main() -> taktline::Result<()> {
    producer().sink(consumer()).run().await?;
    Ok(())
}
