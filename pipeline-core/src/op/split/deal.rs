//! What all splits share: an edge, a task that moves items out of it, and plans whose branches are built first.

use std::future::poll_fn;

use super::branch::Key;
use crate::edge::{DEFAULT_BUFFER, edge};
use crate::flow::{BoxFlow, Flow};
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::op::merge::Mover;
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::run::{Gives, Pipeline, Plan};
use crate::stage::Site;

/// How a split hands items to its branches.
pub(super) trait Deal<T, L: Lineage>: Clone + Send + 'static {
    type Push: Push<T, L>;

    fn name(&self) -> &'static str;

    /// The keys of its branches.
    fn keys(&self) -> Vec<Key>;

    /// Takes what the branches were built to.
    fn connect(self, build: &mut Build, site: &Site) -> Self::Push;
}

/// A split, and what is upstream of it.
pub(super) struct Split<T, L, D> {
    pub(super) upstream: BoxFlow<T, L>,
    pub(super) deal: D,
}

impl<T, L, D: Clone> Clone for Split<T, L, D> {
    fn clone(&self) -> Self {
        Split { upstream: self.upstream.clone(), deal: self.deal.clone() }
    }
}

impl<T: Send + 'static, L: Lineage, D: Deal<T, L>> Split<T, L, D> {
    /// Builds the split, whose branches are built.
    fn build(self, build: &mut Build) {
        let Split { upstream, deal } = self;
        let site = build.site(deal.name(), Kind::Split);
        let push = deal.connect(build, &site);
        let (tx, rx) = edge(upstream.edge_buffer().unwrap_or(DEFAULT_BUFFER), &site.node);
        let mut mover = Mover::new(push, site.clone());
        mover.add(rx);
        build.task(&site, async move {
            poll_fn(|cx| mover.poll(cx)).await;
            mover.end();
        });
        upstream.build(build, tx);
    }

    fn outline(&self, outline: &mut Outline, branches: impl FnOnce(&mut Outline)) {
        let (name, buffer) = (self.deal.name(), self.upstream.edge_buffer().unwrap_or(DEFAULT_BUFFER));
        outline.hold(1);
        outline.edge(name, buffer);
        outline.branches(name, &self.deal.keys(), branches);
        self.upstream.outline(outline, buffer);
    }

    /// The plan whose branches end in `ends`.
    pub(super) fn closed<V: Send + 'static>(self, ends: Pipeline<V>) -> Pipeline<V> {
        Pipeline::of(Closed { split: self, ends })
    }

    /// The flow whose branches are joined by `join`.
    pub(super) fn joined<F: Flow>(self, join: F) -> BoxFlow<F::Item, F::Lineage> {
        Rejoined { split: self, join }.boxed()
    }
}

struct Closed<T, L, D, V> {
    split: Split<T, L, D>,
    ends: Pipeline<V>,
}

impl<T, L, D: Clone, V> Clone for Closed<T, L, D, V> {
    fn clone(&self) -> Self {
        Closed { split: self.split.clone(), ends: self.ends.clone() }
    }
}

impl<T: Send + 'static, L: Lineage, D: Deal<T, L>, V: Send + 'static> Plan<V> for Closed<T, L, D, V> {
    fn build(self, build: &mut Build) -> Box<dyn Gives<V>> {
        let gives = self.ends.build(build);
        self.split.build(build);
        gives
    }

    fn outline(&self, outline: &mut Outline) {
        self.split.outline(outline, |outline| self.ends.outline_into(outline));
    }
}

struct Rejoined<T, L, D, F> {
    split: Split<T, L, D>,
    join: F,
}

impl<T, L, D: Clone, F: Clone> Clone for Rejoined<T, L, D, F> {
    fn clone(&self) -> Self {
        Rejoined { split: self.split.clone(), join: self.join.clone() }
    }
}

impl<T: Send + 'static, L: Lineage, D: Deal<T, L>, F: Flow> Flow for Rejoined<T, L, D, F> {
    type Item = F::Item;
    type Lineage = F::Lineage;

    fn build<N: Push<F::Item, F::Lineage>>(self, build: &mut Build, next: N) {
        self.join.build(build, next);
        self.split.build(build);
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        self.split.outline(outline, |outline| self.join.outline(outline, next));
    }

    fn edge_buffer(&self) -> Option<usize> {
        self.join.edge_buffer()
    }
}
