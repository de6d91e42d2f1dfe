//! The flow of a merge.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::mover::Mover;
use crate::edge::{DEFAULT_BUFFER, edge};
use crate::flow::{BoxFlow, Flow};
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::plan::{Build, Outline};
use crate::push::{Flowing, Push};
use crate::run::Node;

/// The flow of [`merge`](super::merge).
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
pub struct MergeFlow<T, L> {
    flows: Vec<BoxFlow<T, L>>,
}

impl<T, L> MergeFlow<T, L> {
    pub(super) fn new(flows: Vec<BoxFlow<T, L>>) -> Self {
        MergeFlow { flows }
    }
}

impl<T, L> Clone for MergeFlow<T, L> {
    fn clone(&self) -> Self {
        MergeFlow { flows: self.flows.clone() }
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

    fn build<N: Push<T, L>>(self, build: &mut Build, mut next: N) {
        let site = build.site("merge", Kind::Join);
        next.bind(&site.node);
        let mut mover = Mover::new(next, site.clone());
        for flow in self.flows {
            let (tx, rx) = edge(flow.edge_buffer().unwrap_or(DEFAULT_BUFFER), &site.node);
            mover.add(rx);
            flow.build(build, tx);
        }
        build.task(&site, async move {
            poll_fn(|cx| mover.poll(cx)).await;
            mover.end().await;
        });
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline.hold(1);
        for flow in &self.flows {
            let buffer = flow.edge_buffer().unwrap_or(DEFAULT_BUFFER);
            outline.edge("merge", buffer);
            flow.outline(outline, buffer);
        }
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
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        self.next.poll_room(cx)
    }

    fn push(&mut self, item: T, lineage: From) {
        self.next.push(item, L::absorb(lineage));
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        self.next.poll_settled(cx)
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.next.poll_rest(cx)
    }

    fn flush(&mut self) {
        self.next.flush();
    }

    fn end(&mut self) {
        self.next.end();
    }

    fn bind(&mut self, writer: &Arc<Node>) {
        self.next.bind(writer);
    }

    fn take_woken(&mut self) -> bool {
        self.next.take_woken()
    }

    fn room_behind(&self) -> usize {
        self.next.room_behind()
    }
}
