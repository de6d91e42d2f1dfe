//! Two stages that compute, one after the other, without a pool: they run at once.

use std::time::Duration;

use taktline::prelude::*;

use super::Row;
use crate::harness::{Bench, Role};
use crate::host::{Kind, Lane};
use crate::item;
use crate::peers::channel::{Accepted, Channel, Received};
use crate::peers::plain;
use crate::peers::tokio::Mpsc;
use crate::plans::DEFAULT_BUFFER;
use crate::shape::{self, FUSED_SINK, SOURCE};
use crate::table::{self, Compare};
use crate::target::Target;
use crate::work;

pub(crate) const ROW: Row = Row {
    id: "s18",
    title: "two adjacent stages that compute for 20 us an item, no pool, on two cores",
    target: "speed-up >= 1.8 over a sequential loop, on tokio and on smol",
    run: measure,
};

const SEQUENTIAL: &str = "sequential loop";

fn compute(value: u64) -> u64 {
    work::compute(Duration::from_micros(20), value) + 1
}

fn measure(bench: &Bench) -> Vec<Target> {
    vec![on(bench, Kind::TokioMulti), on(bench, Kind::SmolMulti)]
}

fn on(bench: &Bench, kind: Kind) -> Target {
    let items = bench.items(3_000);
    let mut table = bench.throughput("two stages of 20 us", kind, items, item::sum(items, 2));
    table.add_plain(Role::Reference, SEQUENTIAL, move || plain::sequential(items, |x| compute(compute(x))));
    table.add(Role::Ours, "taktline", move |lane| ours(lane, items));
    table.add(Role::Peer, "tokio mpsc", move |lane| by_hand(lane, items));
    let measured = table.measure();
    table::print(&measured, Compare::SpeedUpOver(SEQUENTIAL));
    let what = format!("speed-up of taktline >= 1.8 ({})", measured.title);
    Target::at_least(what, 1.8, measured.ratio(SEQUENTIAL, "taktline", 0))
}

async fn ours(lane: Lane, items: u64) -> u64 {
    let step = |x: u64| async move { compute(x) };
    let plan = iter(0..items).then(step).then(step).fold(0, |sum, x| sum + x);
    assert_eq!(plan.bound() as u64, 1 + 2 * (DEFAULT_BUFFER + 1));
    let done = plan.run_on(&lane.rt).await.expect("nothing fails");
    let worker = shape::stage(1, DEFAULT_BUFFER);
    shape::check(&done.report, &[SOURCE, worker, worker, FUSED_SINK]);
    done.value
}

/// A task for each of the two, and a channel between them.
async fn by_hand(lane: Lane, items: u64) -> u64 {
    let (mut tx, mut rx) = Mpsc::bounded::<u64>(DEFAULT_BUFFER as usize);
    lane.spawn(async move {
        for value in 0..items {
            Mpsc::send(&mut tx, compute(value)).await.accepted();
        }
    });
    let mut sum = 0;
    while let Some(value) = Mpsc::recv(&mut rx).await.received() {
        sum += compute(value);
    }
    sum
}
