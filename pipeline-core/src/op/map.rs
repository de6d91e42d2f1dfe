//! One item from each.

use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused::pass_on;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::Push;

fused_flow! {
    /// The flow of [`map`](Flow::map).
    Map<P, F> { f: F }
}

impl<P, U, F> Flow for Map<P, F>
where
    P: Flow,
    U: Send + 'static,
    F: FnMut(P::Item) -> U + Clone + Send + 'static,
{
    type Item = U;
    type Lineage = P::Lineage;

    fn build<N: Push<U, P::Lineage>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "map");
        self.upstream.build(build, MapPush { f: self.f, next, count });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline.fused("map");
        self.upstream.outline(outline, next);
    }
}

struct MapPush<F, N> {
    f: F,
    next: N,
    count: FusedCount,
}

impl<T, L, U, F, N> Push<T, L> for MapPush<F, N>
where
    T: Send + 'static,
    L: Lineage,
    U: Send + 'static,
    F: FnMut(T) -> U + Send + 'static,
    N: Push<U, L>,
{
    fn push(&mut self, item: T, lineage: L) {
        let made = self.count.call(|| (self.f)(item));
        self.count.out();
        self.next.push(made, lineage);
    }

    pass_on!();
}
