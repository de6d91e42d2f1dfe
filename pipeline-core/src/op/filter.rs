//! The items that a closure keeps.

use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused::pass_on;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::Push;

fused_flow! {
    /// The flow of [`filter`](Flow::filter).
    Filter<P, F> { f: F }
}

impl<P, F> Flow for Filter<P, F>
where
    P: Flow,
    F: FnMut(&P::Item) -> bool + Clone + Send + 'static,
{
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "filter");
        self.upstream.build(build, FilterPush { f: self.f, next, count });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline.fused("filter");
        self.upstream.outline(outline, next);
    }
}

struct FilterPush<F, N> {
    f: F,
    next: N,
    count: FusedCount,
}

impl<T, L, F, N> Push<T, L> for FilterPush<F, N>
where
    T: Send + 'static,
    L: Lineage,
    F: FnMut(&T) -> bool + Send + 'static,
    N: Push<T, L>,
{
    fn push(&mut self, item: T, lineage: L) {
        if self.count.call(|| (self.f)(&item)) {
            self.count.out();
            self.next.push(item, lineage);
        } else {
            self.count.drop(item);
            self.count.filtered();
        }
    }

    pass_on!();
}
