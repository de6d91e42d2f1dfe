//! Items that are not what the one before them was.

use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused::pass_on;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::Push;

fused_flow! {
    /// The flow of [`dedup`](crate::flow::ShapeExt::dedup).
    Dedup<P> {}
}

impl<P> Flow for Dedup<P>
where
    P: Flow,
    P::Item: PartialEq + Clone,
{
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "dedup");
        self.upstream.build(build, DedupPush { last: None, next, count });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline.fused("dedup");
        self.upstream.outline(outline, next);
    }
}

struct DedupPush<T, N> {
    last: Option<T>,
    next: N,
    count: FusedCount,
}

impl<T, L, N> Push<T, L> for DedupPush<T, N>
where
    T: PartialEq + Clone + Send + 'static,
    L: Lineage,
    N: Push<T, L>,
{
    fn push(&mut self, item: T, lineage: L) {
        let is_other = self.count.call(|| {
            let is_other = self.last.as_ref() != Some(&item);
            if is_other {
                self.last = Some(item.clone());
            }
            is_other
        });
        if is_other {
            self.count.out();
            self.next.push(item, lineage);
        } else {
            self.count.drop(item);
            self.count.filtered();
        }
    }

    pass_on!();
}
