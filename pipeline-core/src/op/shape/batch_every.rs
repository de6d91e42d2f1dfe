//! What comes in each period, as one item.

use std::time::Duration;

use crate::error::BoxError;
use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused_flow;
use crate::op::shape::open_batch::OpenBatch;
use crate::op::tasked::{self, Books, Due, Given, Tasked};
use crate::op::time::Beat;
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::runtime::Instant;

fused_flow! {
    /// The flow of [`batch_every`](crate::flow::ShapeExt::batch_every).
    BatchEvery<P> { period: Duration }
}

impl<P: Flow> Flow for BatchEvery<P> {
    type Item = Vec<P::Item>;
    type Lineage = P::Lineage;

    fn build<N: Push<Vec<P::Item>, P::Lineage>>(self, build: &mut Build, next: N) {
        let BatchEvery { upstream, period } = self;
        let max = tasked::room_before(&upstream);
        let make = move |start| Every { max, beat: Beat::new(start, period), open: OpenBatch::new(), has_ended: false };
        tasked::build(upstream, build, next, "batch_every", make);
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        if self.period.is_zero() {
            outline.problem("`batch_every` has a period of zero; give it a longer one".to_owned());
        }
        tasked::outline(&self.upstream, outline, "batch_every", tasked::room_before(&self.upstream));
    }
}

struct Every<T, L: Lineage> {
    max: usize,
    beat: Beat,
    open: OpenBatch<T, L>,
    has_ended: bool,
}

impl<T: Send + 'static, L: Lineage> Tasked<T, L> for Every<T, L> {
    type Out = Vec<T>;

    fn wants(&self) -> bool {
        self.open.len() < self.max
    }

    fn take(&mut self, item: T, lineage: L, books: &mut Books<'_>) -> Result<(), BoxError> {
        if self.open.is_empty() {
            self.beat.skip_to(books.now());
        }
        self.open.add(item, lineage);
        Ok(())
    }

    fn due(&self) -> Due {
        if self.open.is_empty() {
            Due::Never
        } else if self.has_ended || !Tasked::wants(self) {
            Due::Now
        } else {
            Due::At(self.beat.next())
        }
    }

    fn give(&mut self, _: Instant) -> Given<Vec<T>, L> {
        self.open.give()
    }

    fn end(&mut self) {
        self.has_ended = true;
    }
}
