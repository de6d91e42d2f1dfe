//! Items that are more than a word: on the heap, or wide.

use super::Row;
use super::one_edge::add_channels;
use crate::harness::{Bench, Role};
use crate::host::Kind;
use crate::item::{self, Item, Wide};
use crate::peers::crossfire::OneToOne;
use crate::peers::kanal::Kanal;
use crate::peers::tachyonix::Tachyonix;
use crate::peers::tokio::Mpsc;
use crate::peers::{channel, plain};
use crate::plans;
use crate::table::{self, Compare};
use crate::target::Target;

pub(crate) const ROW: Row = Row {
    id: "s15",
    title: "items of 1 KiB on the heap, and of 256 bytes in place, over one edge and through two stages",
    target: "one edge: <= 0.20 x tokio mpsc, <= 0.6 x the best peer; two stages: <= 0.15 x tokio mpsc(1024), <= 0.5 x the best peer",
    run: measure,
};

fn measure(bench: &Bench) -> Vec<Target> {
    let mut targets = one_edge::<Vec<u8>>(bench, "one edge, buffer 64, Vec<u8> of 1 KiB");
    targets.extend(one_edge::<Wide>(bench, "one edge, buffer 64, 256 bytes"));
    targets.extend(two_stages::<Vec<u8>>(bench, "two stages, buffer 64, Vec<u8> of 1 KiB"));
    targets.extend(two_stages::<Wide>(bench, "two stages, buffer 64, 256 bytes"));
    targets
}

fn one_edge<T: Item>(bench: &Bench, title: &str) -> Vec<Target> {
    let items = bench.items(400_000);
    let mut table = bench.throughput(title, Kind::TokioMulti, items, item::sum(items, 0));
    table.add(Role::Ours, "taktline", move |lane| plans::edge::<T>(lane, items, 64));
    add_channels::<T>(&mut table, items, 64);
    table.add_plain(Role::Reference, "plain loop", move || plain::chain::<T>(items, 0));
    let measured = table.measure();
    table::print(&measured, Compare::Ours);
    vec![
        Target::ratio(&measured, 0, "taktline", 0.20, "tokio mpsc"),
        Target::ratio_to_best(&measured, 0, "taktline", 0.6),
    ]
}

fn two_stages<T: Item>(bench: &Bench, title: &str) -> Vec<Target> {
    let items = bench.items(200_000);
    let mut table = bench.throughput(title, Kind::TokioMulti, items, item::sum(items, 2));
    table.add(Role::Ours, "taktline", move |lane| plans::chain::<T>(lane, items, 2, Some(64)));
    table.add(Role::Peer, "tokio mpsc(64)", move |lane| channel::chain::<Mpsc, T>(lane, items, 2, 64));
    table.add(Role::Peer, "tokio mpsc(1024)", move |lane| channel::chain::<Mpsc, T>(lane, items, 2, 1024));
    table.add(Role::Peer, "kanal", move |lane| channel::chain::<Kanal, T>(lane, items, 2, 64));
    table.add(Role::Peer, "tachyonix", move |lane| channel::chain::<Tachyonix, T>(lane, items, 2, 64));
    table.add(Role::Peer, "crossfire", move |lane| channel::chain::<OneToOne, T>(lane, items, 2, 64));
    table.add_plain(Role::Reference, "plain loop", move || plain::chain::<T>(items, 2));
    let measured = table.measure();
    table::print(&measured, Compare::Ours);
    vec![
        Target::ratio(&measured, 0, "taktline", 0.15, "tokio mpsc(1024)"),
        Target::ratio_to_best(&measured, 0, "taktline", 0.5),
    ]
}
