//! A pool whose reader sleeps: how late a future is polled that is ready.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt, stream};
use taktline::prelude::*;

use super::Row;
use crate::harness::{Bench, Role, Table};
use crate::host::{Kind, Lane};
use crate::item;
use crate::plans::DEFAULT_BUFFER;
use crate::shape::{self, SOURCE, own_loop};
use crate::table::{self, Compare};
use crate::target::Target;

pub(crate) const ROW: Row = Row {
    id: "s7",
    title: "a pool of 5 whose reader sleeps 10 ms an item: the worst delay of a future that is ready",
    target: "<= spawn per item + 1 ms, with no more tasks than workers",
    run: measure,
};

const WIDTH: usize = 5;
const READER: Duration = Duration::from_millis(10);
const NAP: Duration = Duration::from_millis(1);

fn measure(bench: &Bench) -> Vec<Target> {
    let items = bench.items(40);
    let title = format!("concurrency 5, a nap of 1 ms an item, a reader of 10 ms ({})", Kind::TokioMulti.name());
    let mut table = bench.table(title, items, &["worst delay, ms"]);
    add(&mut table, Role::Ours, "taktline", move |lane, late| ours(lane, items, late));
    add(&mut table, Role::Peer, "futures buffered", move |lane, late| {
        let naps = stream::iter(0..items).map(move |x| nap(x, late.clone())).buffered(WIDTH);
        read(lane, naps)
    });
    add(&mut table, Role::Peer, "pumps", move |lane, late| async move {
        let pipeline = ::pumps::Pipeline::from_iter(0..items)
            .map(move |x| nap(x, late.clone()), ::pumps::Concurrency::concurrent_ordered(WIDTH));
        let (mut output, _ended) = pipeline.build();
        read(lane, stream::poll_fn(move |cx| output.poll_recv(cx))).await
    });
    add(&mut table, Role::Peer, "spawn per item + buffered", move |lane, late| {
        let naps = stream::iter(0..items).map(move |x| tokio::spawn(nap(x, late.clone()))).buffered(WIDTH);
        read(lane, naps.map(|joined| joined.expect("no nap panics")))
    });
    let measured = table.measure();
    table::print(&measured, Compare::Ours);
    vec![Target::at_most(
        format!("taktline - spawn per item <= 1 ms ({})", measured.title),
        1.0,
        measured.difference("taktline", "spawn per item + buffered", 0),
    )]
}

/// The worst delay of all naps of a run, in nanoseconds.
type Late = Arc<AtomicU64>;

fn add<Fut>(table: &mut Table<'_>, role: Role, name: &'static str, work: impl Fn(Lane, Late) -> Fut + 'static)
where
    Fut: Future<Output = u64> + Send + 'static,
{
    let host = Kind::TokioMulti.host();
    let answer = table.items() * table.items().saturating_sub(1) / 2;
    table.add(role, name, move || {
        let late = Late::default();
        let given = host.run(|lane| work(lane, late.clone()));
        assert_eq!(given, answer, "{name} gives a wrong answer");
        vec![late.load(Relaxed) as f64 / 1e6]
    });
}

async fn nap(x: u64, late: Late) -> u64 {
    let due = Instant::now() + NAP;
    tokio::time::sleep_until(due.into()).await;
    late.fetch_max(due.elapsed().as_nanos() as u64, Relaxed);
    x
}

async fn read(lane: Lane, naps: impl Stream<Item = u64> + Send) -> u64 {
    let mut naps = std::pin::pin!(naps);
    let mut sum = 0;
    while let Some(x) = naps.next().await {
        lane.sleep(READER).await;
        sum += x;
    }
    sum
}

async fn ours(lane: Lane, items: u64, late: Late) -> u64 {
    let naps = stage(move |x: u64| nap(x, late.clone())).concurrency(WIDTH);
    let mut started = iter(0..items).then(naps).start_on(&lane.rt);
    let mut sum = 0;
    while let Some(x) = started.next().await.expect("nothing fails") {
        lane.sleep(READER).await;
        sum += x;
    }
    let report = started.report().expect("it was started");
    shape::check(&report, &[SOURCE, shape::stage(WIDTH as u64, DEFAULT_BUFFER), own_loop(DEFAULT_BUFFER)]);
    assert_eq!(sum, item::sum(items, 0));
    sum
}
