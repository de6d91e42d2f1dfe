//! How many items may wait in the edge behind a flow.

use crate::flow::Flow;
use crate::op::fused_flow;
use crate::plan::{Build, Outline};
use crate::push::Push;

fused_flow! {
    /// The flow of [`buffer`](Flow::buffer).
    Buffer<P> { items: usize }
}

impl<P: Flow> Flow for Buffer<P> {
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        self.upstream.build(build, next);
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        if self.items == 0 {
            outline.problem("`buffer(0)` has no place for an item; give it 1 or more".to_owned());
        }
        self.upstream.outline(outline, next);
    }

    fn edge_buffer(&self) -> Option<usize> {
        Some(self.items)
    }
}
