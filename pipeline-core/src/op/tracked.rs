//! A ticket for each item.

use crate::flow::Flow;
use crate::lineage::Ticket;
use crate::op::fused::pass_on;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::Push;

fused_flow! {
    /// The flow of [`tracked`](Flow::tracked).
    Tracked<P, F> { ticket: F }
}

impl<P, F> Flow for Tracked<P, F>
where
    P: Flow<Lineage = ()>,
    F: FnMut(&P::Item) -> Ticket + Clone + Send + 'static,
{
    type Item = P::Item;
    type Lineage = Ticket;

    fn build<N: Push<P::Item, Ticket>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "tracked");
        self.upstream.build(build, TrackedPush { ticket: self.ticket, next, count });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline.fused("tracked");
        self.upstream.outline(outline, next);
    }
}

struct TrackedPush<F, N> {
    ticket: F,
    next: N,
    count: FusedCount,
}

impl<T, F, N> Push<T, ()> for TrackedPush<F, N>
where
    T: Send + 'static,
    F: FnMut(&T) -> Ticket + Send + 'static,
    N: Push<T, Ticket>,
{
    fn push(&mut self, item: T, (): ()) {
        let ticket = self.count.call(|| (self.ticket)(&item));
        self.count.out();
        self.next.push(item, ticket);
    }

    pass_on!();
}
