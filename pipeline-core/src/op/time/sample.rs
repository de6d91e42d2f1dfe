//! The last item of each period.

use std::time::Duration;

use super::Beat;
use crate::error::BoxError;
use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused_flow;
use crate::op::tasked::{self, Books, Due, Given, Tasked};
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::runtime::Instant;

fused_flow! {
    /// The flow of [`sample`](crate::flow::TimeExt::sample).
    Sample<P> { period: Duration }
}

impl<P: Flow> Flow for Sample<P> {
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let Sample { upstream, period } = self;
        let make = move |start| Sampled { beat: Beat::new(start, period), last: None, has_ended: false };
        tasked::build(upstream, build, next, "sample", make);
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        if self.period.is_zero() {
            outline.problem("`sample` has a period of zero; give it a longer one".to_owned());
        }
        // Two for as long as the later one replaces the earlier one.
        tasked::outline(&self.upstream, outline, "sample", 2);
    }
}

struct Sampled<T, L> {
    beat: Beat,
    last: Option<(T, L)>,
    has_ended: bool,
}

impl<T: Send + 'static, L: Lineage> Tasked<T, L> for Sampled<T, L> {
    type Out = T;

    fn wants(&self) -> bool {
        true
    }

    fn take(&mut self, item: T, lineage: L, books: &mut Books<'_>) -> Result<(), BoxError> {
        match self.last.replace((item, lineage)) {
            None => _ = self.beat.skip_to(books.now()),
            Some(former) => books.drop(former),
        }
        Ok(())
    }

    fn due(&self) -> Due {
        match self.last {
            None => Due::Never,
            Some(_) if self.has_ended => Due::Now,
            Some(_) => Due::At(self.beat.next()),
        }
    }

    fn give(&mut self, _: Instant) -> Given<T, L> {
        Given::one(self.last.take())
    }

    fn end(&mut self) {
        self.has_ended = true;
    }
}
