//! Sorted flows as one sorted flow.

use std::cmp::Ordering;
use std::fmt;
use std::task::{Context, Poll};

use super::{Head, Inputs, Taken, input, join, outline_input};
use crate::flow::{BoxFlow, Flow};
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::op::{Merge, MergeFlow};
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::run::Stop;

const NAME: &str = "merge_sorted";

/// Merges flows that are sorted by `by` into one that is. `flows` is what [`merge`](fn@crate::op::merge) takes.
///
/// It yields the least of the next items of all flows, so it waits until every flow has one or has ended: a flow that yields
/// nothing holds all up. Of equal items, those of the earlier flow come first. If a flow is not sorted, what comes is not.
///
/// ```
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let flow = merge_sorted([iter([1, 4, 9]), iter([2, 3, 5])], u64::cmp);
/// assert_eq!(flow.collect::<Vec<_>>().run().await?.value, [1, 2, 3, 4, 5, 9]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
///
/// # Panics
/// A `by` that panics fails the run with the name `merge_sorted`.
///
/// # Ordering
/// Each input keeps its order.
///
/// # Backpressure
/// Each input waits in an edge of its own (see [`buffer`](Flow::buffer)).
pub fn merge_sorted<M, T, L, C>(flows: impl Merge<M, Flow = MergeFlow<T, L>>, by: C) -> MergeSorted<T, L, C>
where
    T: Send + 'static,
    L: Lineage,
    C: FnMut(&T, &T) -> Ordering + Clone + Send + 'static,
{
    MergeSorted { flows: flows.merge().flows, by }
}

/// The flow of [`merge_sorted`].
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
pub struct MergeSorted<T, L, C> {
    flows: Vec<BoxFlow<T, L>>,
    by: C,
}

impl<T, L, C: Clone> Clone for MergeSorted<T, L, C> {
    fn clone(&self) -> Self {
        MergeSorted { flows: self.flows.clone(), by: self.by.clone() }
    }
}

impl<T, L, C> fmt::Debug for MergeSorted<T, L, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MergeSorted").field("inputs", &self.flows.len()).finish()
    }
}

impl<T, L, C> Flow for MergeSorted<T, L, C>
where
    T: Send + 'static,
    L: Lineage,
    C: FnMut(&T, &T) -> Ordering + Clone + Send + 'static,
{
    type Item = T;
    type Lineage = L;

    fn build<N: Push<T, L>>(self, build: &mut Build, next: N) {
        let MergeSorted { flows, by } = self;
        join(NAME, build, next, |build, site| {
            let heads: Vec<_> = flows.into_iter().map(|flow| Head::new(input(flow, build, site), site)).collect();
            Sorted { missing: (0..heads.len()).collect(), last_to_first: Vec::new(), heads, by }
        });
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline.hold(1);
        let at = outline.node(NAME, Kind::Join);
        self.flows.iter().for_each(|flow| outline_input(flow, at, NAME, outline));
    }
}

struct Sorted<T, L, C> {
    heads: Vec<Head<T, L>>,
    /// Inputs of which the next item is not known yet.
    missing: Vec<usize>,
    /// The others, so that the one with the least item is the last.
    last_to_first: Vec<usize>,
    by: C,
}

impl<T, L, C> Sorted<T, L, C>
where
    C: FnMut(&T, &T) -> Ordering,
{
    /// Puts an input whose next item is known in its place.
    fn place(&mut self, input: usize) {
        let Sorted { heads, by, .. } = self;
        let Some((new, _)) = heads[input].item() else { return };
        let is_later = |other: &usize| {
            let order = heads[*other].item().map(|(item, _)| by(item, new));
            order == Some(Ordering::Greater) || order == Some(Ordering::Equal) && *other > input
        };
        let at = self.last_to_first.partition_point(is_later);
        self.last_to_first.insert(at, input);
    }
}

impl<T, L, C> Inputs for Sorted<T, L, C>
where
    T: Send + 'static,
    L: Lineage,
    C: FnMut(&T, &T) -> Ordering + Send + 'static,
{
    type Item = T;
    type Lineage = L;

    fn is_over(&self) -> bool {
        self.missing.is_empty() && self.last_to_first.is_empty()
    }

    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Taken<T, L>> {
        for at in (0..self.missing.len()).rev() {
            let input = self.missing[at];
            if self.heads[input].poll(cx.waker()).is_ready() {
                self.missing.swap_remove(at);
                self.place(input);
            }
        }
        if !self.missing.is_empty() {
            return Poll::Pending;
        }
        let Some(least) = self.last_to_first.pop() else { return Poll::Ready(Taken::Nothing) };
        self.missing.push(least);
        let taken = self.heads[least].take();
        Poll::Ready(taken.map_or(Taken::Nothing, |(item, lineage)| Taken::Made { item, lineage, from: 1 }))
    }

    fn release(&mut self) {
        self.heads.iter_mut().for_each(Head::release);
    }

    fn close(&mut self, reason: Stop) {
        self.heads.iter_mut().for_each(|head| head.close(reason));
    }
}
