//! The sources and joins that pipelines are drawn from. A new one is one more entry.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use taktline::lineage::{Lineage, Ticket};
use taktline::prelude::*;

use super::bodies::{Desk, fill_from, generate, halting};
use crate::Item;

pub(super) struct Source {
    pub(super) name: &'static str,
    /// Whether it has a body that may fail.
    pub(super) can_fail: bool,
    pub(super) attach: fn(Vec<u64>, String, Arc<Desk>) -> BoxFlow<Item>,
}

/// The simplest first.
pub(super) const SOURCES: &[&Source] = &[
    &Source { name: "iter", can_fail: false, attach: |ids, _, desk| iter(ids).map(move |id| desk.item(id)).boxed() },
    &Source { name: "once", can_fail: false, attach: |ids, _, desk| once(ids).map(move |id| desk.item(id)).boxed() },
    &Source {
        name: "stream",
        can_fail: false,
        attach: |ids, _, desk| stream(futures::stream::iter(ids)).map(move |id| desk.item(id)).boxed(),
    },
    &Source {
        name: "interval",
        can_fail: false,
        attach: |ids, _, desk| {
            let numbered = interval(desk.tick()).take(ids.len() as u64).enumerate();
            numbered.map(move |(at, _)| desk.item(ids[at as usize])).boxed()
        },
    },
    &Source {
        name: "after",
        can_fail: false,
        attach: |ids, _, desk| after(desk.tick()).flat_map(move |()| ids.clone()).map(move |id| desk.item(id)).boxed(),
    },
    &Source { name: "generate", can_fail: true, attach: |ids, name, desk| generate(ids, desk).name(name).boxed() },
    &Source {
        name: "restarted",
        can_fail: false,
        attach: |ids, name, desk| {
            let wait = desk.tick();
            let items = std::sync::Mutex::new(ids.into_iter());
            halting(items, desk).name(name).restart(wait).boxed()
        },
    },
    &Source { name: "fill_from", can_fail: true, attach: |ids, name, desk| fill_from(ids, desk).name(name).boxed() },
];

pub(super) type Attach<L> = fn(Vec<BoxFlow<Item, L>>) -> BoxFlow<Item, L>;

pub(super) struct Join<L: Lineage = ()> {
    /// That of its row.
    pub(super) name: &'static str,
    /// How many inputs it takes.
    pub(super) inputs: RangeInclusive<u64>,
    /// Its inputs come one after the other.
    pub(super) keeps_order: bool,
    pub(super) attach: Attach<L>,
}

/// The same entries for flows that are tracked and for those that are not.
macro_rules! tables {
    ($($join:expr),+ $(,)?) => {
        /// The simplest first.
        pub(super) const JOINS: &[&Join] = &[$($join),+];
        const TRACKED: &[&Join<Ticket>] = &[$($join),+];
    };
}

tables![
    &Join { name: "chain", inputs: 2..=2, keeps_order: true, attach: chained },
    &Join { name: "merge", inputs: 1..=4, keeps_order: false, attach: |flows| merge(flows).boxed() },
    &Join { name: "merge_prefer", inputs: 1..=3, keeps_order: false, attach: |flows| merge_prefer(flows).boxed() },
    &Join {
        name: "merge_sorted",
        inputs: 1..=3,
        keeps_order: false,
        attach: |flows| merge_sorted(flows, |a, b| a.id.cmp(&b.id)).boxed(),
    },
    &Join {
        name: "merge_growing",
        inputs: 1..=3,
        keeps_order: false,
        attach: |flows| merge_growing(|_| flows).boxed(),
    },
    &Join { name: "interleave", inputs: 1..=3, keeps_order: false, attach: |flows| interleave(2, flows).boxed() },
];

fn chained<L: Lineage>(flows: Vec<BoxFlow<Item, L>>) -> BoxFlow<Item, L> {
    flows.into_iter().reduce(|flow, next| flow.chain(next).boxed()).expect("a chain has inputs")
}

impl Join {
    /// The same for flows that are tracked.
    pub(super) fn tracked(&self) -> &'static Join<Ticket> {
        TRACKED.iter().find(|other| other.name == self.name).expect("both tables have the same entries")
    }

    /// What arrives, in one of the orders in which it may.
    pub(super) fn model(&self, inputs: Vec<Vec<u64>>) -> Vec<u64> {
        inputs.concat()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
