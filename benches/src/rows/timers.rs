//! Many short sleeps in a pool: nothing may come on top of what the timers take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use taktline::prelude::*;

use super::Row;
use crate::harness::{Bench, Role};
use crate::host::{Kind, Lane};
use crate::item;
use crate::peers::{futures, futures_concurrency, tokio};
use crate::plans::DEFAULT_BUFFER;
use crate::shape::{self, FUSED_SINK, SOURCE};
use crate::table::{self, Compare};
use crate::target::Target;

pub(crate) const ROW: Row = Row {
    id: "s9",
    title: "2,000 sleeps of 1 ms in a pool of 64",
    target: "<= 1.03 x bare tasks that sleep, on tokio and on smol, ordered and unordered",
    run: measure,
};

const WIDTH: u64 = 64;
const NAP: Duration = Duration::from_millis(1);
const FLOOR: &str = "64 bare tasks";

fn measure(bench: &Bench) -> Vec<Target> {
    [Kind::TokioMulti, Kind::SmolMulti].into_iter().flat_map(|kind| on(bench, kind)).collect()
}

fn on(bench: &Bench, kind: Kind) -> Vec<Target> {
    let items = bench.items(2_000);
    let mut table = bench.duration("sleeps of 1 ms, concurrency 64", kind, items, item::sum(items, 0));
    let width = WIDTH as usize;
    table.add(Role::Reference, FLOOR, move |lane| floor(lane, items));
    table.add(Role::Ours, "taktline", move |lane| ours(lane, items, true));
    table.add(Role::Ours, "taktline, unordered", move |lane| ours(lane, items, false));
    table.add(Role::Peer, "futures buffered", move |lane| {
        futures::buffered(items, width, move |x| nap(lane.clone(), x))
    });
    table.add(Role::Peer, "futures buffer_unordered", move |lane| {
        futures::buffer_unordered(items, width, move |x| nap(lane.clone(), x))
    });
    table.add(Role::Peer, "futures-concurrency", move |lane| {
        futures_concurrency::limited(items, width, move |x| nap(lane.clone(), x))
    });
    if kind == Kind::TokioMulti {
        table.add(Role::Peer, "JoinSet + Semaphore", move |_| {
            tokio::join_set(items, width, |x| async move {
                ::tokio::time::sleep(NAP).await;
                x
            })
        });
    }
    let measured = table.measure();
    table::print(&measured, Compare::Ours);
    ["taktline", "taktline, unordered"].map(|ours| Target::ratio(&measured, 0, ours, 1.03, FLOOR)).into()
}

async fn nap(lane: Lane, x: u64) -> u64 {
    lane.sleep(NAP).await;
    x
}

/// As many tasks as the pool has workers, and nothing between them but the number of the next item.
async fn floor(lane: Lane, items: u64) -> u64 {
    let next = Arc::new(AtomicU64::new(0));
    let (tx, rx) = async_channel::bounded(WIDTH as usize);
    for _ in 0..WIDTH {
        let (sleeper, next, tx) = (lane.clone(), next.clone(), tx.clone());
        lane.spawn(async move {
            let mut sum = 0;
            loop {
                let x = next.fetch_add(1, Relaxed);
                if x >= items {
                    break;
                }
                sleeper.sleep(NAP).await;
                sum += x;
            }
            tx.send(sum).await.expect("the sums are read");
        });
    }
    drop(tx);
    let mut sum = 0;
    while let Ok(one) = rx.recv().await {
        sum += one;
    }
    sum
}

async fn ours(lane: Lane, items: u64, is_ordered: bool) -> u64 {
    let pool = stage(|x: u64| async move {
        sleep(NAP).await;
        x
    });
    let pool = pool.concurrency(WIDTH as usize);
    let pool = if is_ordered { pool } else { pool.unordered() };
    let done = iter(0..items).then(pool).fold(0, |sum, x| sum + x).run_on(&lane.rt).await.expect("nothing fails");
    shape::check(&done.report, &[SOURCE, shape::stage(WIDTH, DEFAULT_BUFFER), FUSED_SINK]);
    done.value
}
