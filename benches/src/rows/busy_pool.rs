//! Pools whose items compute: long ones that make a pool wide, short ones between narrow and wide.

use std::time::Duration;

use taktline::prelude::*;

use super::Row;
use crate::harness::{Bench, Measured, Role, Timed};
use crate::host::{Kind, Lane};
use crate::item;
use crate::peers::async_channel::AsyncChannel;
use crate::peers::{channel, par_stream, plain, pumps, rayon, tokio};
use crate::plans::DEFAULT_BUFFER;
use crate::shape::{self, FUSED_SINK, SOURCE};
use crate::table::{self, Compare};
use crate::target::Target;
use crate::work;

pub(crate) const LONG: Row = Row {
    id: "s6",
    title: "pools of 2 and 8 whose items compute for 20 us, on two cores, ordered and unordered",
    target: "speed-up >= 0.95 x rayon's",
    run: long,
};

pub(crate) const SHORT: Row = Row {
    id: "s19",
    title: "a pool of 4 whose items compute for 2 us, on two cores",
    target: "speed-up >= 1.6 over a sequential loop, its lower quartile too",
    run: short,
};

const SEQUENTIAL: &str = "sequential loop";

fn compute_20_us(value: u64) -> u64 {
    work::compute(Duration::from_micros(20), value)
}

fn compute_2_us(value: u64) -> u64 {
    work::compute(Duration::from_micros(2), value)
}

fn long(bench: &Bench) -> Vec<Target> {
    let settings = [(2, true), (2, false), (8, true), (8, false)];
    settings.into_iter().flat_map(|(width, is_ordered)| long_of(bench, width, is_ordered)).collect()
}

fn long_of(bench: &Bench, width: u64, is_ordered: bool) -> Vec<Target> {
    let items = bench.items(4_000);
    let title = format!("20 us an item, concurrency {width}, {}", if is_ordered { "ordered" } else { "unordered" });
    let mut table = bench.throughput(&title, Kind::TokioMulti, items, item::sum(items, 0));
    add_common(&mut table, items, width, is_ordered, compute_20_us);
    let limit = width as usize;
    if is_ordered {
        table.add(Role::Peer, "spawn + buffered", move |_| {
            tokio::spawn_and_buffered(items, limit, |x| async move { compute_20_us(x) })
        });
        table.add(Role::Peer, "pumps", move |_| {
            pumps::map(items, ::pumps::Concurrency::concurrent_ordered(limit), |x| async move { compute_20_us(x) })
        });
        table.add(Role::Peer, "par-stream", move |_| {
            par_stream::ordered(items, limit, 64, |x| async move { compute_20_us(x) })
        });
    } else {
        table.add(Role::Peer, "JoinSet + Semaphore", move |_| {
            tokio::join_set(items, limit, |x| async move { compute_20_us(x) })
        });
        table.add(Role::Peer, "pumps", move |_| {
            pumps::map(items, ::pumps::Concurrency::concurrent_unordered(limit), |x| async move { compute_20_us(x) })
        });
        table.add(Role::Peer, "par-stream", move |_| {
            par_stream::unordered(items, limit, 64, |x| async move { compute_20_us(x) })
        });
    }
    let measured = table.measure();
    table::print(&measured, Compare::SpeedUpOver(SEQUENTIAL));
    vec![Target::at_least(
        format!("speed-up of taktline >= 0.95 x rayon's ({})", measured.title),
        0.95,
        measured.ratio("rayon", "taktline", 0),
    )]
}

fn short(bench: &Bench) -> Vec<Target> {
    let items = bench.items(30_000);
    let title = "2 us an item, concurrency 4, ordered";
    let mut table = bench.throughput(title, Kind::TokioMulti, items, item::sum(items, 0));
    add_common(&mut table, items, 4, true, compute_2_us);
    table.add(Role::Ours, "taktline, unordered", move |lane| ours(lane, items, 4, false, compute_2_us));
    let measured = table.measure();
    table::print(&measured, Compare::SpeedUpOver(SEQUENTIAL));
    steady_speed_up(&measured, "taktline", 1.6)
}

fn steady_speed_up(measured: &Measured, ours: &str, limit: f64) -> Vec<Target> {
    let got = measured.ratio(SEQUENTIAL, ours, 0);
    vec![
        Target::at_least(format!("speed-up of {ours} >= {limit} ({})", measured.title), limit, got),
        Target::of(format!("its lower quartile >= {limit}"), got, |got| got.lower >= limit),
    ]
}

fn add_common(table: &mut Timed<'_>, items: u64, width: u64, is_ordered: bool, work: fn(u64) -> u64) {
    table.add_plain(Role::Reference, SEQUENTIAL, move || plain::sequential(items, work));
    table.add(Role::Ours, "taktline", move |lane| ours(lane, items, width, is_ordered, work));
    let threads = rayon::pool();
    table.add_plain(Role::Peer, "rayon", move || {
        if is_ordered { rayon::ordered(&threads, items, work) } else { rayon::unordered(&threads, items, work) }
    });
    table.add(Role::Peer, "async-channel, workers", move |lane| {
        channel::pool::<AsyncChannel>(lane, items, width, 64, work)
    });
}

async fn ours(lane: Lane, items: u64, width: u64, is_ordered: bool, work: fn(u64) -> u64) -> u64 {
    let pool = stage(move |x: u64| async move { work(x) }).concurrency(width as usize);
    let pool = if is_ordered { pool } else { pool.unordered() };
    let plan = iter(0..items).then(pool).fold(0, |sum, x| sum + x);
    let window = if is_ordered { 2 * width } else { width };
    assert_eq!(plan.bound() as u64, 1 + DEFAULT_BUFFER + window);
    let done = plan.run_on(&lane.rt).await.expect("nothing fails");
    shape::check(&done.report, &[SOURCE, shape::stage(width, DEFAULT_BUFFER), FUSED_SINK]);
    done.value
}
