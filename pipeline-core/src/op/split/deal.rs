//! What all splits share: an edge, a task that moves items out of it, and plans whose branches are built first.

use std::fmt;
use std::future::poll_fn;

use super::branch::Key;
use crate::edge::{DEFAULT_BUFFER, edge};
use crate::flow::{BoxFlow, Flow};
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::op::join::Mover;
use crate::op::merge::Turns;
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::run::{Gives, Pipeline, Plan};
use crate::stage::Site;

/// How a split hands items to its branches.
pub(super) trait Deal<T: Send + 'static, L: Lineage>: Clone + Send + 'static {
    const NAME: &'static str;
    type Push: Push<T, L>;

    /// The keys of its branches.
    fn keys(&self) -> Vec<Key>;

    /// Takes what the branches were built to.
    fn connect(self, build: &mut Build, site: &Site) -> Self::Push;

    /// What moves items to the branches.
    fn mover(input: Turns<T, L>, push: Self::Push, site: Site) -> Mover<Turns<T, L>, Self::Push> {
        Mover::new(input, push, site)
    }
}

/// A split with what is upstream of it and without its branches, as one type.
#[doc(hidden)]
pub struct AnySplit(Box<dyn Erased>);

impl AnySplit {
    pub(super) fn new<T: Send + 'static, L: Lineage>(upstream: BoxFlow<T, L>, deal: impl Deal<T, L>) -> Self {
        AnySplit(Box::new(Split { upstream, deal }))
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

impl Clone for AnySplit {
    fn clone(&self) -> Self {
        AnySplit(self.0.clone_box())
    }
}

impl fmt::Debug for AnySplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnySplit")
    }
}

trait Erased: Send {
    fn build_box(self: Box<Self>, build: &mut Build);
    fn outline_box(&self, outline: &mut Outline, branches: &mut dyn FnMut(&mut Outline));
    fn clone_box(&self) -> Box<dyn Erased>;
}

struct Split<T, L, D> {
    upstream: BoxFlow<T, L>,
    deal: D,
}

impl<T: Send + 'static, L: Lineage, D: Deal<T, L>> Erased for Split<T, L, D> {
    /// Builds the split, whose branches are built.
    fn build_box(self: Box<Self>, build: &mut Build) {
        let Split { upstream, deal } = *self;
        let site = build.site(D::NAME, Kind::Split);
        let push = deal.connect(build, &site);
        let (tx, rx) = edge(upstream.edge_buffer().unwrap_or(DEFAULT_BUFFER), &site.node);
        let mut mover = D::mover(Turns::of(rx), push, site.clone());
        build.task(&site, async move {
            poll_fn(|cx| mover.poll(cx)).await;
            mover.end().await;
        });
        upstream.build(build, tx);
    }

    fn outline_box(&self, outline: &mut Outline, branches: &mut dyn FnMut(&mut Outline)) {
        let buffer = self.upstream.edge_buffer().unwrap_or(DEFAULT_BUFFER);
        outline.hold(1);
        let at = outline.reserve();
        outline.branches(at, (D::NAME, Kind::Split), &self.deal.keys(), branches);
        outline.edge(at, D::NAME, buffer);
        self.upstream.outline(outline, buffer);
    }

    fn clone_box(&self) -> Box<dyn Erased> {
        Box::new(Split { upstream: self.upstream.clone(), deal: self.deal.clone() })
    }
}

struct Closed<V> {
    split: AnySplit,
    ends: Pipeline<V>,
}

impl<V> Clone for Closed<V> {
    fn clone(&self) -> Self {
        Closed { split: self.split.clone(), ends: self.ends.clone() }
    }
}

impl<V: Send + 'static> Plan<V> for Closed<V> {
    fn build(self, build: &mut Build) -> Box<dyn Gives<V>> {
        let gives = self.ends.build(build);
        self.split.0.build_box(build);
        gives
    }

    fn outline(&self, outline: &mut Outline) {
        self.split.0.outline_box(outline, &mut |outline| self.ends.outline_into(outline));
    }
}

#[derive(Clone)]
struct Rejoined<F> {
    split: AnySplit,
    join: F,
}

impl<F: Flow> Flow for Rejoined<F> {
    type Item = F::Item;
    type Lineage = F::Lineage;

    fn build<N: Push<F::Item, F::Lineage>>(self, build: &mut Build, next: N) {
        self.join.build(build, next);
        self.split.0.build_box(build);
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        self.split.0.outline_box(outline, &mut |outline| self.join.outline(outline, next));
    }

    fn edge_buffer(&self) -> Option<usize> {
        self.join.edge_buffer()
    }
}
