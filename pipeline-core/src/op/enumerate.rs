//! Each item with its number.

use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused::pass_on;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::Push;

fused_flow! {
    /// The flow of [`enumerate`](Flow::enumerate).
    Enumerate<P> {  }
}

impl<P> Flow for Enumerate<P>
where
    P: Flow,
{
    type Item = (u64, P::Item);
    type Lineage = P::Lineage;

    fn build<N: Push<(u64, P::Item), P::Lineage>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "enumerate");
        self.upstream.build(build, EnumeratePush { at: 0, next, count });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline.fused("enumerate");
        self.upstream.outline(outline, next);
    }
}

struct EnumeratePush<N> {
    at: u64,
    next: N,
    count: FusedCount,
}

impl<T, L, N> Push<T, L> for EnumeratePush<N>
where
    T: Send + 'static,
    L: Lineage,
    N: Push<(u64, T), L>,
{
    fn push(&mut self, item: T, lineage: L) {
        let at = self.at;
        self.at += 1;
        self.count.seen();
        self.count.out();
        self.next.push((at, item), lineage);
    }

    pass_on!();
}
