//! Pools whose futures are ready at once: what a pool itself costs.

use super::Row;
use crate::harness::{Bench, Role};
use crate::host::Kind;
use crate::item;
use crate::peers::{futures, futures_concurrency, par_stream, pumps};
use crate::plans;
use crate::table::{self, Compare};
use crate::target::Target;

pub(crate) const ROW: Row = Row {
    id: "s5",
    title: "pools of 8, ordered, two stages in a row, futures that are ready at once",
    target: "<= 0.3 x buffered a stage, no allocation an item",
    run: measure,
};

const WIDTH: u64 = 8;

fn measure(bench: &Bench) -> Vec<Target> {
    [Kind::TokioMulti, Kind::TokioCurrent].into_iter().flat_map(|kind| on(bench, kind)).collect()
}

fn on(bench: &Bench, kind: Kind) -> Vec<Target> {
    let items = bench.items(300_000);
    let title = "two stages of concurrency 8, ready at once: both stages together";
    let mut table = bench.throughput(title, kind, items, item::sum(items, 2));
    table.add(Role::Ours, "taktline", move |lane| plans::ready_pools(lane, items, WIDTH, true));
    table.add(Role::Ours, "taktline, unordered", move |lane| plans::ready_pools(lane, items, WIDTH, false));
    table.add(Role::Peer, "futures buffered", move |_| futures::ready_buffered(items, WIDTH as usize));
    table.add(Role::Peer, "futures buffer_unordered", move |_| futures::ready_buffer_unordered(items, WIDTH as usize));
    table.add(Role::Peer, "futures-concurrency, one stage, unordered", move |_| async move {
        // Two trivial stages in one: it has no stage that follows another one without a wait for all.
        futures_concurrency::limited(items, WIDTH as usize, |x| async move { x + 2 }).await
    });
    table.add(Role::Peer, "pumps", move |_| pumps::chain(items, WIDTH as usize));
    table.add(Role::Peer, "par-stream", move |_| par_stream::chain(items, WIDTH as usize, 64));
    let measured = table.measure();
    table::print(&measured, Compare::Ours);
    vec![Target::ratio(&measured, 0, "taktline", 0.3, "futures buffered"), Target::no_allocation(&measured, "taktline")]
}
