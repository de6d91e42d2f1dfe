//! Items as one, up to a weight, within so long.

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
    /// The flow of [`batch_weighted`](crate::flow::ShapeExt::batch_weighted).
    BatchWeighted<P, F> { max: u64, time: Duration, weigh: F }
}

impl<P, F> Flow for BatchWeighted<P, F>
where
    P: Flow,
    F: FnMut(&P::Item) -> u64 + Clone + Send + 'static,
{
    type Item = Vec<P::Item>;
    type Lineage = P::Lineage;

    fn build<N: Push<Vec<P::Item>, P::Lineage>>(self, build: &mut Build, next: N) {
        let BatchWeighted { upstream, max, time, weigh } = self;
        let make = move |_| Weighted {
            max,
            time,
            weigh,
            open: OpenBatch::new(),
            weight: 0,
            over: None,
            until: None,
            has_ended: false,
        };
        tasked::build(upstream, build, next, "batch_weighted", make);
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        if self.max == 0 {
            outline.problem("`batch_weighted(0, ..)` has no place for an item; give it 1 or more".to_owned());
        }
        // One more: that which is too heavy for the batch.
        let holds = usize::try_from(self.max).unwrap_or(usize::MAX).saturating_add(1);
        tasked::outline(&self.upstream, outline, "batch_weighted", holds);
    }
}

struct Weighted<T, L: Lineage, F> {
    max: u64,
    time: Duration,
    weigh: F,
    open: OpenBatch<T, L>,
    weight: u64,
    /// An item that was too heavy for the open batch, its weight, and when its own is to go out.
    over: Option<(T, L, u64, Option<Instant>)>,
    until: Option<Instant>,
    has_ended: bool,
}

impl<T: Send + 'static, L: Lineage, F> Weighted<T, L, F> {
    fn add(&mut self, item: T, lineage: L, weight: u64, until: Option<Instant>) {
        if self.open.is_empty() {
            self.until = until;
        }
        self.open.add(item, lineage);
        self.weight = self.weight.saturating_add(weight);
    }

    fn is_full(&self) -> bool {
        self.over.is_some() || self.weight >= self.max
    }
}

impl<T, L, F> Tasked<T, L> for Weighted<T, L, F>
where
    T: Send + 'static,
    L: Lineage,
    F: FnMut(&T) -> u64 + Send + 'static,
{
    type Out = Vec<T>;

    fn wants(&self) -> bool {
        !self.is_full()
    }

    fn take(&mut self, item: T, lineage: L, books: &mut Books<'_>) -> Result<(), BoxError> {
        // So a batch has no more items than `max`, whatever they weigh.
        let weight = (self.weigh)(&item).max(1);
        let fits = self.open.is_empty() || self.weight.saturating_add(weight) <= self.max;
        let begins = self.open.is_empty() || !fits;
        let until = if begins { books.now().checked_add(self.time) } else { None };
        if fits {
            self.add(item, lineage, weight, until);
        } else {
            self.over = Some((item, lineage, weight, until));
        }
        Ok(())
    }

    fn due(&self) -> Due {
        match self.until {
            _ if self.open.is_empty() => Due::Never,
            _ if self.has_ended || self.is_full() => Due::Now,
            Some(until) => Due::At(until),
            None => Due::Never,
        }
    }

    fn give(&mut self, _: Instant) -> Given<Vec<T>, L> {
        let given = self.open.give();
        self.weight = 0;
        if let Some((item, lineage, weight, until)) = self.over.take() {
            self.add(item, lineage, weight, until);
        }
        given
    }

    fn end(&mut self) {
        self.has_ended = true;
    }
}
