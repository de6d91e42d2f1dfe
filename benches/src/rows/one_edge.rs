//! One edge between two tasks: on two threads, on one thread, and with one place.

use super::Row;
use crate::harness::{Bench, Measured, Role, Timed};
use crate::host::Kind;
use crate::item::{self, Item};
use crate::peers::async_channel::AsyncChannel;
use crate::peers::channel;
use crate::peers::crossfire::OneToOne;
use crate::peers::flume::Flume;
use crate::peers::kanal::Kanal;
use crate::peers::tachyonix::Tachyonix;
use crate::peers::tokio::Mpsc;
use crate::plans;
use crate::table::{self, Compare};
use crate::target::Target;

pub(crate) const TWO_THREADS: Row = Row {
    id: "s2",
    title: "one edge, buffer 64, two tasks, on two threads",
    target: "<= 0.20 x tokio mpsc, <= 0.6 x the best peer",
    run: two_threads,
};

pub(crate) const ONE_THREAD: Row = Row {
    id: "s3",
    title: "one edge, buffer 64, two tasks, on one thread",
    target: "<= 0.13 x tokio mpsc, on tokio and on smol",
    run: one_thread,
};

pub(crate) const ONE_PLACE: Row = Row {
    id: "s13",
    title: "one edge with one place, two tasks, on two threads",
    target: "<= 1.0 x tokio mpsc",
    run: one_place,
};

fn two_threads(bench: &Bench) -> Vec<Target> {
    let measured = buffer_64(bench, Kind::TokioMulti);
    vec![
        Target::ratio(&measured, 0, "taktline", 0.20, "tokio mpsc"),
        Target::ratio_to_best(&measured, 0, "taktline", 0.6),
    ]
}

fn one_thread(bench: &Bench) -> Vec<Target> {
    let target = |kind| Target::ratio(&buffer_64(bench, kind), 0, "taktline", 0.13, "tokio mpsc");
    vec![target(Kind::TokioCurrent), target(Kind::SmolCurrent)]
}

fn buffer_64(bench: &Bench, kind: Kind) -> Measured {
    let items = bench.items(1_000_000);
    let mut table = bench.throughput("one edge, buffer 64, u64", kind, items, item::sum(items, 0));
    table.add(Role::Ours, "taktline", move |lane| plans::edge::<u64>(lane, items, 64));
    table.add(Role::Ours, "taktline, own loop", move |lane| plans::edge_to_own_loop(lane, items, 64));
    add_channels::<u64>(&mut table, items, 64);
    let measured = table.measure();
    table::print(&measured, Compare::Ours);
    measured
}

fn one_place(bench: &Bench) -> Vec<Target> {
    let items = bench.items(200_000);
    let mut table = bench.throughput("one edge, buffer 1, u64", Kind::TokioMulti, items, item::sum(items, 0));
    table.add(Role::Ours, "taktline", move |lane| plans::edge::<u64>(lane, items, 1));
    table.add(Role::Ours, "taktline, own loop", move |lane| plans::edge_to_own_loop(lane, items, 1));
    add_channels::<u64>(&mut table, items, 1);
    let measured = table.measure();
    table::print(&measured, Compare::Ours);
    vec![Target::ratio(&measured, 0, "taktline", 1.0, "tokio mpsc")]
}

/// One producer and one consumer over each channel.
pub(super) fn add_channels<T: Item>(table: &mut Timed<'_>, items: u64, capacity: usize) {
    table.add(Role::Peer, "tokio mpsc", move |lane| channel::edge::<Mpsc, T>(lane, items, capacity));
    table.add(Role::Peer, "async-channel", move |lane| channel::edge::<AsyncChannel, T>(lane, items, capacity));
    table.add(Role::Peer, "kanal", move |lane| channel::edge::<Kanal, T>(lane, items, capacity));
    table.add(Role::Peer, "tachyonix", move |lane| channel::edge::<Tachyonix, T>(lane, items, capacity));
    table.add(Role::Peer, "crossfire", move |lane| channel::edge::<OneToOne, T>(lane, items, capacity));
    table.add(Role::Peer, "flume", move |lane| channel::edge::<Flume, T>(lane, items, capacity));
}
