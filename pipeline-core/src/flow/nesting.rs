//! The operators that make a flow of each item, as methods.

use super::{BoxFlow, Flow};
use crate::op::{FlatMapFlow, SwitchMap};
use crate::private::StreamStage;
use crate::stage::{Staged, Step};

/// Makes a flow of each item, and yields what those flows yield. In the prelude; implemented by every flow.
pub trait NestingExt: Flow {
    /// Makes a flow of each item, and yields what those yield, with `n` of them running at once: as it comes, or one after the
    /// other if `n` is 1. Zero makes the plan invalid: `run` says so.
    ///
    /// It is a stage of `n` workers and the name `flat_map_flow`, of which each runs one inner flow. An inner flow is a run
    /// of its own, with edges, tasks and a ledger of its own; the bound and the report of the outer one do not tell what is
    /// in it. Where the items of an item are known at once, [`flat_map`](Flow::flat_map) costs less.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let ticks = |n: u64| interval(Duration::from_secs(n)).take(3).map(move |tick| (n, tick));
    /// let done = iter([2, 3u64]).flat_map_flow(2, ticks).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value[..3], [(2, 0), (3, 0), (2, 1)]);
    /// assert_eq!(done.report.elapsed(), Duration::from_secs(9));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// An inner flow that fails does so for its item: the error of the stage is the [`Error`](crate::error::Error) of the
    /// inner run.
    ///
    /// # Ordering
    /// Each inner flow keeps its order. Those of different items interleave.
    ///
    /// # Backpressure
    /// An inner flow waits while there is no room for what it yields. Up to `n` of them are held.
    fn flat_map_flow<G, F>(self, n: usize, f: F) -> BoxFlow<G::Item, Self::Lineage>
    where
        G: Flow,
        F: FnMut(Self::Item) -> G + Clone + Send + 'static,
    {
        let stage = Staged::named("flat_map_flow", FlatMapFlow::<Self::Item, F>::new(f));
        stage.concurrency(n).unordered().attach(self)
    }

    /// Makes a flow of each item, and yields what the newest of them yields: when an item comes, the flow of the one before it
    /// is dropped, with what it has in flight.
    ///
    /// It is a stage with the name `switch_map`. An inner flow is a run of its own: see
    /// [`flat_map_flow`](crate::flow::NestingExt::flat_map_flow).
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let ms = Duration::from_millis(1);
    /// let letters = interval(1000 * ms).map(|n| ['a', 'b', 'c'][n as usize]).take(3);
    /// let counted = letters.switch_map(move |letter| interval(400 * ms).take(4).map(move |n| format!("{letter}{n}")));
    /// let done = counted.collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, ["a0", "a1", "b0", "b1", "c0", "c1", "c2", "c3"]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Those of `flat_map_flow`, without the number of the item.
    ///
    /// # Backpressure
    /// The newest flow waits while there is no room for what it yields. Items are taken as they come.
    fn switch_map<G, F>(self, f: F) -> BoxFlow<G::Item, Self::Lineage>
    where
        G: Flow,
        F: FnMut(Self::Item) -> G + Clone + Send + 'static,
    {
        StreamStage::new("switch_map", SwitchMap::<Self::Item, F>::new(f)).attach(self)
    }
}

impl<F: Flow> NestingExt for F {}
