//! Up to so many items as one, within so long.

use std::time::Duration;

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
    /// The flow of [`batch_within`](crate::flow::ShapeExt::batch_within).
    BatchWithin<P> { n: usize, time: Duration }
}

impl<P: Flow> Flow for BatchWithin<P> {
    type Item = Vec<P::Item>;
    type Lineage = P::Lineage;

    fn build<N: Push<Vec<P::Item>, P::Lineage>>(self, build: &mut Build, next: N) {
        let BatchWithin { upstream, n, time } = self;
        let make = move |_| Within { n, time, open: OpenBatch::new(), until: None, has_ended: false };
        tasked::build(upstream, build, next, "batch_within", make);
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        if self.n == 0 {
            outline.problem("`batch_within(0, ..)` has no place for an item; give it 1 or more".to_owned());
        }
        tasked::outline(&self.upstream, outline, "batch_within", self.n);
    }
}

struct Within<T, L: Lineage> {
    n: usize,
    time: Duration,
    open: OpenBatch<T, L>,
    /// When the batch goes out, though it is not full. None: its time cannot be told, it is so far away.
    until: Option<Instant>,
    has_ended: bool,
}

impl<T: Send + 'static, L: Lineage> Tasked<T, L> for Within<T, L> {
    type Out = Vec<T>;

    fn wants(&self) -> bool {
        self.open.len() < self.n
    }

    fn take(&mut self, item: T, lineage: L, books: &mut Books<'_>) -> Result<(), BoxError> {
        if self.open.is_empty() {
            self.until = books.now().checked_add(self.time);
        }
        self.open.add(item, lineage);
        Ok(())
    }

    fn due(&self) -> Due {
        match self.until {
            _ if self.open.is_empty() => Due::Never,
            _ if self.has_ended || !Tasked::wants(self) => Due::Now,
            Some(until) => Due::At(until),
            None => Due::Never,
        }
    }

    fn give(&mut self, _: Instant) -> Given<Vec<T>, L> {
        self.open.give()
    }

    fn end(&mut self) {
        self.has_ended = true;
    }
}
