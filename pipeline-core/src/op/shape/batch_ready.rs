//! Whatever is ready, as one item.

use crate::error::BoxError;
use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused_flow;
use crate::op::shape::open_batch::OpenBatch;
use crate::op::tasked::{self, Books, Due, Given, Tasked};
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::runtime::Instant;

fused_flow! {
    /// The flow of [`batch_ready`](crate::flow::ShapeExt::batch_ready).
    BatchReady<P> { max: usize }
}

impl<P: Flow> Flow for BatchReady<P> {
    type Item = Vec<P::Item>;
    type Lineage = P::Lineage;

    fn build<N: Push<Vec<P::Item>, P::Lineage>>(self, build: &mut Build, next: N) {
        let BatchReady { upstream, max } = self;
        tasked::build(upstream, build, next, "batch_ready", move |_| Ready { max, open: OpenBatch::new() });
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        if self.max == 0 {
            outline.problem("`batch_ready(0)` has no place for an item; give it 1 or more".to_owned());
        }
        tasked::outline(&self.upstream, outline, "batch_ready", self.max);
    }
}

struct Ready<T, L: Lineage> {
    max: usize,
    open: OpenBatch<T, L>,
}

impl<T: Send + 'static, L: Lineage> Tasked<T, L> for Ready<T, L> {
    type Out = Vec<T>;

    fn wants(&self) -> bool {
        self.open.len() < self.max
    }

    fn take(&mut self, item: T, lineage: L, _: &mut Books<'_>) -> Result<(), BoxError> {
        self.open.add(item, lineage);
        Ok(())
    }

    fn due(&self) -> Due {
        match self.open.len() {
            0 => Due::Never,
            n if n < self.max => Due::Idle,
            _ => Due::Now,
        }
    }

    fn give(&mut self, _: Instant) -> Given<Vec<T>, L> {
        self.open.give()
    }

    /// What is held is due already.
    fn end(&mut self) {}
}
