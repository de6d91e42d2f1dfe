//! All but the first items.

use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused::pass_on;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::Push;

fused_flow! {
    /// The flow of [`skip`](Flow::skip).
    Skip<P> { n: u64 }
}

impl<P> Flow for Skip<P>
where
    P: Flow,
{
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "skip");
        self.upstream.build(build, SkipPush { left: self.n, next, count });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline.fused("skip");
        self.upstream.outline(outline, next);
    }
}

struct SkipPush<N> {
    left: u64,
    next: N,
    count: FusedCount,
}

impl<T, L, N> Push<T, L> for SkipPush<N>
where
    T: Send + 'static,
    L: Lineage,
    N: Push<T, L>,
{
    fn push(&mut self, item: T, lineage: L) {
        self.count.seen();
        if self.left > 0 {
            self.left -= 1;
            self.count.drop(item);
            self.count.filtered();
        } else {
            self.count.out();
            self.next.push(item, lineage);
        }
    }

    pass_on!();
}
