//! A source, two trivial async stages and a sink: a task each.

use super::Row;
use crate::harness::{Bench, Role};
use crate::host::Kind;
use crate::item;
use crate::peers::async_channel::AsyncChannel;
use crate::peers::crossfire::OneToOne;
use crate::peers::flume::Flume;
use crate::peers::kanal::Kanal;
use crate::peers::tachyonix::Tachyonix;
use crate::peers::tokio::Mpsc;
use crate::peers::{channel, futures, par_stream, plain, pumps};
use crate::plans;
use crate::table::{self, Compare};
use crate::target::Target;

pub(crate) const ROW: Row = Row {
    id: "s4",
    title: "source, two trivial async stages, sink: four tasks, three edges",
    target: "<= 0.15 x tokio mpsc(1024), <= 0.5 x the best peer, with buffer 64 and with defaults only",
    run: measure,
};

fn measure(bench: &Bench) -> Vec<Target> {
    let items = bench.items(500_000);
    let answer = item::sum(items, 2);
    let mut table = bench.throughput("two stages, buffer 64, u64", Kind::TokioMulti, items, answer);
    table.add(Role::Ours, "taktline", move |lane| plans::chain::<u64>(lane, items, 2, Some(64)));
    table.add(Role::Ours, "taktline, defaults", move |lane| plans::chain::<u64>(lane, items, 2, None));
    table.add(Role::Ours, "taktline, fused sink", move |lane| plans::chain_to_fold(lane, items, 2, 64));
    table.add(Role::Peer, "tokio mpsc(64)", move |lane| channel::chain::<Mpsc, u64>(lane, items, 2, 64));
    table.add(Role::Peer, "tokio mpsc(1024)", move |lane| channel::chain::<Mpsc, u64>(lane, items, 2, 1024));
    table.add(Role::Peer, "async-channel", move |lane| channel::chain::<AsyncChannel, u64>(lane, items, 2, 64));
    table.add(Role::Peer, "kanal", move |lane| channel::chain::<Kanal, u64>(lane, items, 2, 64));
    table.add(Role::Peer, "tachyonix", move |lane| channel::chain::<Tachyonix, u64>(lane, items, 2, 64));
    table.add(Role::Peer, "crossfire", move |lane| channel::chain::<OneToOne, u64>(lane, items, 2, 64));
    table.add(Role::Peer, "flume", move |lane| channel::chain::<Flume, u64>(lane, items, 2, 64));
    table.add(Role::Peer, "pumps", move |_| pumps::chain(items, 1));
    table.add(Role::Peer, "par-stream", move |_| par_stream::chain(items, 1, 64));
    table.add(Role::Reference, "futures then, one task", move |_| futures::then::<u64>(items));
    table.add_plain(Role::Reference, "plain loop", move || plain::chain::<u64>(items, 2));
    let measured = table.measure();
    table::print(&measured, Compare::Ours);
    vec![
        Target::ratio(&measured, 0, "taktline", 0.15, "tokio mpsc(1024)"),
        Target::ratio_to_best(&measured, 0, "taktline", 0.5),
        Target::ratio(&measured, 0, "taktline, defaults", 0.15, "tokio mpsc(1024)"),
        Target::ratio_to_best(&measured, 0, "taktline, defaults", 0.5),
        Target::no_allocation(&measured, "taktline"),
    ]
}
