//! A bound on all that is in flight behind a place of a plan.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::flow::Flow;
use crate::lineage::{Limit, Lineage, Ticket};
use crate::op::fused::pass_on;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::{Flowing, Push};

fused_flow! {
    /// The flow of [`max_in_flight`](crate::flow::PressureExt::max_in_flight).
    MaxInFlight<P> { n: usize }
}

impl<P: Flow> Flow for MaxInFlight<P> {
    type Item = P::Item;
    type Lineage = Ticket;

    fn build<N: Push<P::Item, Ticket>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "max_in_flight");
        let limit = Arc::new(Limit::new(self.n));
        self.upstream.build(build, MaxInFlightPush { limit, next, count });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        if self.n == 0 {
            outline.problem("`max_in_flight(0)` lets no item pass; give it 1 or more".to_owned());
        }
        outline.fused("max_in_flight");
        self.upstream.outline(outline, next);
    }
}

struct MaxInFlightPush<N> {
    limit: Arc<Limit>,
    next: N,
    count: FusedCount,
}

impl<T, L, N> Push<T, L> for MaxInFlightPush<N>
where
    T: Send + 'static,
    L: Lineage,
    N: Push<T, Ticket>,
{
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        match ready!(self.next.poll_room(cx)) {
            Flowing::Over => Poll::Ready(Flowing::Over),
            Flowing::On => self.limit.poll_place(cx).map(|()| Flowing::On),
        }
    }

    fn push(&mut self, item: T, lineage: L) {
        self.count.seen();
        self.count.out();
        let ticket = Ticket::limited(lineage.into_ticket(), &self.limit);
        self.next.push(item, ticket);
    }

    pass_on!(poll_settled poll_rest offer_end counts end bind take_woken room_behind);
}
