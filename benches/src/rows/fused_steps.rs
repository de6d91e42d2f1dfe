//! Steps that cannot await, between an iterator and a fold.

use super::Row;
use crate::harness::{Bench, Role};
use crate::host::Kind;
use crate::peers::{futures, plain};
use crate::plans;
use crate::table::{self, Compare};
use crate::target::Target;

pub(crate) const ROW: Row = Row {
    id: "s1",
    title: "fused steps: four pairs of map and filter, from an iterator to a fold, counted",
    target: "<= 2 x futures, no allocation an item",
    run: measure,
};

fn measure(bench: &Bench) -> Vec<Target> {
    let items = bench.items(5_000_000);
    let mut table = bench.throughput("four pairs of map and filter", Kind::TokioMulti, items, plain::fused(items));
    table.add(Role::Ours, "taktline", move |lane| plans::fused_steps(lane, items));
    table.add(Role::Peer, "futures", move |_| futures::fused(items));
    table.add_plain(Role::Reference, "plain loop", move || plain::fused(items));
    table.add_plain(Role::Reference, "plain loop, counted", move || plain::fused_and_counted(items));
    let measured = table.measure();
    table::print(&measured, Compare::Ours);
    vec![Target::ratio(&measured, 0, "taktline", 2.0, "futures"), Target::no_allocation(&measured, "taktline")]
}
