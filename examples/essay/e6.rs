//! Four producers and a pool of workers, without `task_done`, `join` or a list of tasks to cancel: 13.5 units with six.

use crate::unit::{say, units};
use taktline::prelude::*;

#[source]
pub(crate) async fn producer(out: Out<u64>) {
    for i in 0..10 {
        sleep(units(0.1 * i as f64)).await;
        out.send(i).await;
    }
}

#[sink(concurrency = 6)]
pub(crate) async fn consumer(x: u64) {
    let d = 2 * x;
    say(d);
    sleep(units(0.2 * d as f64)).await;
}

pub(crate) async fn main(workers: usize) -> taktline::Result<()> {
    let producers = merge([producer(), producer(), producer(), producer()]);
    let done = producers.sink(consumer().concurrency(workers)).run().await?;
    assert_eq!(done.report.stage("consumer").map(|row| row.done), Some(40));
    Ok(())
}
