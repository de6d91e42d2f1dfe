//! What is in an item, one by one.

use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::flat_map::FlatMapPush;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::Push;

fused_flow! {
    /// The flow of [`unbatch`](crate::flow::ShapeExt::unbatch).
    Unbatch<P> {}
}

impl<P, I> Flow for Unbatch<P>
where
    P: Flow<Item = I>,
    I: IntoIterator + Send + 'static,
    I::IntoIter: Send + 'static,
    I::Item: Send + 'static,
{
    type Item = I::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<I::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "unbatch");
        let push = FlatMapPush::<_, _, <P::Lineage as Lineage>::Dealt, _>::new(|batch: I| batch, next, count);
        self.upstream.build(build, push);
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline.fused("unbatch");
        self.upstream.outline(outline, next);
    }
}
