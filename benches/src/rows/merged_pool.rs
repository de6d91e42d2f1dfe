//! Several sources into one pool, trivial work.

use taktline::prelude::*;

use super::Row;
use crate::harness::{Bench, Role};
use crate::host::{Kind, Lane};
use crate::item;
use crate::peers::async_channel::AsyncChannel;
use crate::peers::crossfire::ManyToMany;
use crate::peers::flume::Flume;
use crate::peers::kanal::Kanal;
use crate::peers::{channel, tokio};
use crate::shape::{self, FUSED_SINK, SOURCE};
use crate::table::{self, Compare};
use crate::target::Target;

pub(crate) const ROW: Row = Row {
    id: "s11",
    title: "a merge of 4 sources into a pool of 6, trivial work; the peers give no results and keep no order",
    target: "<= 0.15 x tokio with Arc<Mutex<Receiver>>",
    run: measure,
};

const SOURCES: u64 = 4;
const WORKERS: u64 = 6;
const SHARED_RECEIVER: &str = "tokio, Arc<Mutex<Receiver>>";

fn measure(bench: &Bench) -> Vec<Target> {
    let items = bench.items(300_000).next_multiple_of(SOURCES);
    let answer = SOURCES * item::sum(items / SOURCES, 1);
    let mut table = bench.throughput("4 sources, 6 workers", Kind::TokioMulti, items, answer);
    let capacity = 64;
    table.add(Role::Ours, "taktline", move |lane| ours(lane, items, true));
    table.add(Role::Ours, "taktline, unordered", move |lane| ours(lane, items, false));
    table.add(Role::Peer, SHARED_RECEIVER, move |lane| tokio::merged_pool(lane, items, SOURCES, WORKERS, capacity));
    table.add(Role::Peer, "async-channel", move |lane| {
        channel::merged_pool::<AsyncChannel>(lane, items, SOURCES, WORKERS, capacity)
    });
    table.add(Role::Peer, "kanal", move |lane| channel::merged_pool::<Kanal>(lane, items, SOURCES, WORKERS, capacity));
    table.add(Role::Peer, "crossfire", move |lane| {
        channel::merged_pool::<ManyToMany>(lane, items, SOURCES, WORKERS, capacity)
    });
    table.add(Role::Peer, "flume", move |lane| channel::merged_pool::<Flume>(lane, items, SOURCES, WORKERS, capacity));
    let measured = table.measure();
    table::print(&measured, Compare::Ours);
    vec![Target::ratio(&measured, 0, "taktline", 0.15, SHARED_RECEIVER)]
}

async fn ours(lane: Lane, items: u64, is_ordered: bool) -> u64 {
    let pool = stage(|x: u64| async move { x + 1 }).concurrency(WORKERS as usize).buffer(64);
    let pool = if is_ordered { pool } else { pool.unordered() };
    let source = || iter(0..items / SOURCES).buffer(64);
    let plan = merge([source(), source(), source(), source()]).then(pool).fold(0, |sum, x| sum + x);
    let window = if is_ordered { 2 * WORKERS } else { WORKERS };
    assert_eq!(plan.bound() as u64, SOURCES * (1 + 64) + 1 + 64 + window);
    let done = plan.run_on(&lane.rt).await.expect("nothing fails");
    let steps = [SOURCE, SOURCE, SOURCE, SOURCE, shape::merge(64), shape::stage(WORKERS, 64), FUSED_SINK];
    shape::check(&done.report, &steps);
    done.value
}
