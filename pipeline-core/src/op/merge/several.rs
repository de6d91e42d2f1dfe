//! The flow of a merge.

use std::fmt;
use std::marker::PhantomData;

use super::turns::Turns;
use crate::flow::{BoxFlow, Flow};
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::op::join::{input, join, outline_input};
use crate::op::pass_on;
use crate::plan::{Build, Outline};
use crate::push::Push;

/// The flow of [`merge`](super::merge).
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
pub struct MergeFlow<T, L> {
    pub(crate) flows: Vec<BoxFlow<T, L>>,
    prefers_first: bool,
}

impl<T, L> MergeFlow<T, L> {
    pub(super) fn new(flows: Vec<BoxFlow<T, L>>) -> Self {
        MergeFlow { flows, prefers_first: false }
    }
}

impl<T, L> MergeFlow<T, L> {
    pub(super) fn preferring_the_first(self) -> Self {
        MergeFlow { prefers_first: true, ..self }
    }

    fn name(&self) -> &'static str {
        if self.prefers_first { "merge_prefer" } else { "merge" }
    }
}

impl<T, L> Clone for MergeFlow<T, L> {
    fn clone(&self) -> Self {
        MergeFlow { flows: self.flows.clone(), prefers_first: self.prefers_first }
    }
}

impl<T, L> fmt::Debug for MergeFlow<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MergeFlow").field("inputs", &self.flows.len()).finish()
    }
}

impl<T: Send + 'static, L: Lineage> Flow for MergeFlow<T, L> {
    type Item = T;
    type Lineage = L;

    fn build<N: Push<T, L>>(self, build: &mut Build, next: N) {
        let mut turns = if self.prefers_first { Turns::preferring_the_first() } else { Turns::new() };
        join(self.name(), build, next, |build, site| {
            for flow in self.flows {
                turns.add(input(flow, build, site));
            }
            turns
        });
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline.hold(1);
        let at = outline.node(self.name(), Kind::Join);
        self.flows.iter().for_each(|flow| outline_input(flow, at, self.name(), outline));
    }
}

/// A flow whose lineage is that of the merge it goes into.
pub(super) fn widen<P: Flow, L: Lineage>(flow: P) -> BoxFlow<P::Item, L> {
    Widen { flow, lineage: PhantomData }.boxed()
}

struct Widen<P, L> {
    flow: P,
    lineage: PhantomData<fn() -> L>,
}

impl<P: Clone, L> Clone for Widen<P, L> {
    fn clone(&self) -> Self {
        Widen { flow: self.flow.clone(), lineage: PhantomData }
    }
}

impl<P: Flow, L: Lineage> Flow for Widen<P, L> {
    type Item = P::Item;
    type Lineage = L;

    fn build<N: Push<P::Item, L>>(self, build: &mut Build, next: N) {
        self.flow.build(build, WidenPush { next, lineage: PhantomData });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        self.flow.outline(outline, next);
    }

    fn edge_buffer(&self) -> Option<usize> {
        self.flow.edge_buffer()
    }
}

struct WidenPush<N, L> {
    next: N,
    lineage: PhantomData<fn() -> L>,
}

impl<T: Send + 'static, From: Lineage, L: Lineage, N: Push<T, L>> Push<T, From> for WidenPush<N, L> {
    fn push(&mut self, item: T, lineage: From) {
        self.next.push(item, L::absorb(lineage));
    }

    pass_on!(poll_room poll_settled poll_rest offer_end flush own_up end bind take_woken room_behind);
}
