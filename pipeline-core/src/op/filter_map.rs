//! One item or none from each.

use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused::pass_on;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::Push;

fused_flow! {
    /// The flow of [`filter_map`](Flow::filter_map).
    FilterMap<P, F> { f: F }
}

impl<P, U, F> Flow for FilterMap<P, F>
where
    P: Flow,
    U: Send + 'static,
    F: FnMut(P::Item) -> Option<U> + Clone + Send + 'static,
{
    type Item = U;
    type Lineage = P::Lineage;

    fn build<N: Push<U, P::Lineage>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "filter_map");
        self.upstream.build(build, FilterMapPush { f: self.f, next, count });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline.fused("filter_map");
        self.upstream.outline(outline, next);
    }
}

struct FilterMapPush<F, N> {
    f: F,
    next: N,
    count: FusedCount,
}

impl<T, L, U, F, N> Push<T, L> for FilterMapPush<F, N>
where
    T: Send + 'static,
    L: Lineage,
    U: Send + 'static,
    F: FnMut(T) -> Option<U> + Send + 'static,
    N: Push<U, L>,
{
    fn push(&mut self, item: T, lineage: L) {
        match self.count.call(|| (self.f)(item)) {
            None => self.count.filtered(),
            Some(made) => {
                self.count.out();
                self.next.push(made, lineage);
            }
        }
    }

    pass_on!();
}
