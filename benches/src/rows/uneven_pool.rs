//! A pool whose items differ: one in 16 computes a hundred times as long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use taktline::prelude::*;

use super::Row;
use crate::harness::{Bench, Role};
use crate::host::{Kind, Lane};
use crate::item;
use crate::peers::{plain, rayon, tokio};
use crate::plans::DEFAULT_BUFFER;
use crate::shape::{self, FUSED_SINK, SOURCE};
use crate::table::{self, Compare};
use crate::target::Target;
use crate::work;

pub(crate) const ROW: Row = Row {
    id: "s17",
    title: "uneven items in a pool of 8 on two cores: one in 16 computes for 1 ms, the rest for 10 us",
    target: "unordered: >= 0.9 x rayon; no item waits over 1 ms and a turn while a core idles",
    run: measure,
};

const WIDTH: u64 = 8;
const LONG: Duration = Duration::from_millis(1);
const SHORT: Duration = Duration::from_micros(10);
const SEQUENTIAL: &str = "sequential loop";

fn compute(value: u64) -> u64 {
    work::compute(if value.is_multiple_of(16) { LONG } else { SHORT }, value)
}

fn measure(bench: &Bench) -> Vec<Target> {
    vec![speed(bench), delay(bench)]
}

fn speed(bench: &Bench) -> Target {
    let items = bench.items(1_600);
    let mut table = bench.throughput("uneven items, concurrency 8", Kind::TokioMulti, items, item::sum(items, 0));
    table.add_plain(Role::Reference, SEQUENTIAL, move || plain::sequential(items, compute));
    table.add(Role::Ours, "taktline, unordered", move |lane| ours(lane, items, Order::None));
    table.add(Role::Ours, "taktline, window 128", move |lane| ours(lane, items, Order::Window(128)));
    table.add(Role::Ours, "taktline, ordered, default window", move |lane| ours(lane, items, Order::Window(2 * WIDTH)));
    let threads = rayon::pool();
    table.add_plain(Role::Peer, "rayon", move || rayon::unordered(&threads, items, compute));
    table.add(Role::Peer, "spawn + buffered", move |_| {
        tokio::spawn_and_buffered(items, WIDTH as usize, |x| async move { compute(x) })
    });
    table.add(Role::Peer, "JoinSet + Semaphore", move |_| {
        tokio::join_set(items, WIDTH as usize, |x| async move { compute(x) })
    });
    let measured = table.measure();
    table::print(&measured, Compare::SpeedUpOver(SEQUENTIAL));
    Target::at_least(
        format!("speed-up of taktline, unordered >= 0.9 x rayon's ({})", measured.title),
        0.9,
        measured.ratio("rayon", "taktline, unordered", 0),
    )
}

#[derive(Clone, Copy)]
enum Order {
    None,
    Window(u64),
}

async fn ours(lane: Lane, items: u64, order: Order) -> u64 {
    let pool = stage(|x: u64| async move { compute(x) }).concurrency(WIDTH as usize);
    let (pool, window) = match order {
        Order::None => (pool.unordered(), WIDTH),
        Order::Window(window) => (pool.window(window as usize), window),
    };
    let plan = iter(0..items).then(pool).fold(0, |sum, x| sum + x);
    assert_eq!(plan.bound() as u64, 1 + DEFAULT_BUFFER + window);
    let done = plan.run_on(&lane.rt).await.expect("nothing fails");
    shape::check(&done.report, &[SOURCE, shape::stage(WIDTH, DEFAULT_BUFFER), FUSED_SINK]);
    done.value
}

/// A long item and three short ones, then a pause in which all of them can end: one core always idles, so a short one waits
/// for nothing but its start.
const BURST: u64 = 4;
const PAUSE: Duration = Duration::from_millis(4);

#[source]
async fn bursts(items: u64, lane: Lane, out: Out<(u64, Instant)>) {
    let start = Instant::now();
    for value in 0..items {
        if value.is_multiple_of(BURST) {
            lane.sleep_until(start + PAUSE * (value / BURST) as u32).await;
        }
        out.send((value, Instant::now())).await;
    }
}

fn delay(bench: &Bench) -> Target {
    let items = bench.items(400).next_multiple_of(BURST);
    let title = format!("bursts of a long and three short items, concurrency 8 ({})", Kind::TokioMulti.name());
    let mut table = bench.table(title, items, &["worst wait, ms"]);
    let host = Kind::TokioMulti.host();
    table.add(Role::Ours, "taktline, unordered", move || {
        let waited = host.run(|lane| worst_wait(lane, items));
        vec![waited.as_nanos() as f64 / 1e6]
    });
    let host = Kind::TokioMulti.host();
    table.add(Role::Peer, "spawn per item", move || {
        let waited = host.run(|lane| worst_wait_by_hand(lane, items));
        vec![waited.as_nanos() as f64 / 1e6]
    });
    let measured = table.measure();
    table::print(&measured, Compare::Ours);
    let what = format!("worst wait of a short item <= 1.1 ms ({})", measured.title);
    Target::at_most(what, 1.1, measured.value("taktline, unordered", 0))
}

fn compute_one_of_burst(value: u64, sent: Instant, worst_ns: &AtomicU64) {
    if value.is_multiple_of(BURST) {
        work::compute(LONG, value);
    } else {
        worst_ns.fetch_max(sent.elapsed().as_nanos() as u64, Relaxed);
        work::compute(SHORT, value);
    }
}

async fn worst_wait(lane: Lane, items: u64) -> Duration {
    let worst_ns = Arc::new(AtomicU64::new(0));
    let worst = worst_ns.clone();
    let pool = stage(move |(value, sent): (u64, Instant)| {
        let worst = worst.clone();
        async move {
            compute_one_of_burst(value, sent, &worst);
            value
        }
    });
    let pool = pool.concurrency(WIDTH as usize).unordered();
    let plan = bursts(items, lane.clone()).then(pool).fold(0, |sum, x| sum + x);
    let done = plan.run_on(&lane.rt).await.expect("nothing fails");
    shape::check(&done.report, &[SOURCE, shape::stage(WIDTH, DEFAULT_BUFFER), FUSED_SINK]);
    assert_eq!(done.value, item::sum(items, 0), "each item is worked on");
    Duration::from_nanos(worst_ns.load(Relaxed))
}

async fn worst_wait_by_hand(lane: Lane, items: u64) -> Duration {
    let worst_ns = Arc::new(AtomicU64::new(0));
    let mut tasks = ::tokio::task::JoinSet::new();
    let start = Instant::now();
    for value in 0..items {
        if value.is_multiple_of(BURST) {
            lane.sleep_until(start + PAUSE * (value / BURST) as u32).await;
        }
        let (sent, worst) = (Instant::now(), worst_ns.clone());
        tasks.spawn(async move { compute_one_of_burst(value, sent, &worst) });
    }
    tasks.join_all().await;
    Duration::from_nanos(worst_ns.load(Relaxed))
}
