//! The last item before a pause.

use std::time::Duration;

use crate::error::BoxError;
use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused_flow;
use crate::op::tasked::{self, Books, Due, Given, Tasked};
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::runtime::Instant;

fused_flow! {
    /// The flow of [`debounce`](crate::flow::TimeExt::debounce).
    Debounce<P> { time: Duration }
}

impl<P: Flow> Flow for Debounce<P> {
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let Debounce { upstream, time } = self;
        let make = move |now| Debounced { time, last: None, until: now, has_ended: false };
        tasked::build(upstream, build, next, "debounce", make);
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        // Two for as long as the later one replaces the earlier one.
        tasked::outline(&self.upstream, outline, "debounce", 2);
    }
}

struct Debounced<T, L> {
    time: Duration,
    last: Option<(T, L)>,
    /// When the last item goes on if no other comes.
    until: Instant,
    has_ended: bool,
}

impl<T: Send + 'static, L: Lineage> Tasked<T, L> for Debounced<T, L> {
    type Out = T;

    fn wants(&self) -> bool {
        true
    }

    fn take(&mut self, item: T, lineage: L, books: &mut Books<'_>) -> Result<(), BoxError> {
        self.until = books.now() + self.time;
        if let Some(former) = self.last.replace((item, lineage)) {
            books.drop(former);
        }
        Ok(())
    }

    fn due(&self) -> Due {
        match self.last {
            None => Due::Never,
            Some(_) if self.has_ended => Due::Now,
            Some(_) => Due::At(self.until),
        }
    }

    fn give(&mut self, _: Instant) -> Given<T, L> {
        Given::one(self.last.take())
    }

    fn end(&mut self) {
        self.has_ended = true;
    }
}
