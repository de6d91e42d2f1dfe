//! A look at each item in passing.

use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused::pass_on;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::Push;

fused_flow! {
    /// The flow of [`inspect`](Flow::inspect).
    Inspect<P, F> { f: F }
}

impl<P, F> Flow for Inspect<P, F>
where
    P: Flow,
    F: FnMut(&P::Item) + Clone + Send + 'static,
{
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "inspect");
        self.upstream.build(build, InspectPush { f: self.f, next, count });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline.fused("inspect");
        self.upstream.outline(outline, next);
    }
}

struct InspectPush<F, N> {
    f: F,
    next: N,
    count: FusedCount,
}

impl<T, L, F, N> Push<T, L> for InspectPush<F, N>
where
    T: Send + 'static,
    L: Lineage,
    F: FnMut(&T) + Send + 'static,
    N: Push<T, L>,
{
    fn push(&mut self, item: T, lineage: L) {
        self.count.call(|| (self.f)(&item));
        self.count.out();
        self.next.push(item, lineage);
    }

    pass_on!();
}
