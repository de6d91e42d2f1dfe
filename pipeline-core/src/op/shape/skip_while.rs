//! The items from the first on that a closure refuses to skip.

use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused::pass_on;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::Push;

fused_flow! {
    /// The flow of [`skip_while`](crate::flow::ShapeExt::skip_while).
    SkipWhile<P, F> { f: F }
}

impl<P, F> Flow for SkipWhile<P, F>
where
    P: Flow,
    F: FnMut(&P::Item) -> bool + Clone + Send + 'static,
{
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "skip_while");
        self.upstream.build(build, SkipWhilePush { f: self.f, has_begun: false, next, count });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline.fused("skip_while");
        self.upstream.outline(outline, next);
    }
}

struct SkipWhilePush<F, N> {
    f: F,
    has_begun: bool,
    next: N,
    count: FusedCount,
}

impl<T, L, F, N> Push<T, L> for SkipWhilePush<F, N>
where
    T: Send + 'static,
    L: Lineage,
    F: FnMut(&T) -> bool + Send + 'static,
    N: Push<T, L>,
{
    fn push(&mut self, item: T, lineage: L) {
        self.has_begun = self.count.call(|| self.has_begun || !(self.f)(&item));
        if self.has_begun {
            self.count.out();
            self.next.push(item, lineage);
        } else {
            self.count.drop(item);
            self.count.filtered();
        }
    }

    pass_on!();
}
