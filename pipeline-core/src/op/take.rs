//! The first items.

use std::task::{Context, Poll, ready};

use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused::pass_on;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::{Flowing, Push};

fused_flow! {
    /// The flow of [`take`](Flow::take).
    Take<P> { n: u64 }
}

impl<P> Flow for Take<P>
where
    P: Flow,
{
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "take");
        self.upstream.build(build, TakePush { left: self.n, next, count });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline.fused("take");
        self.upstream.outline(outline, next);
    }
}

struct TakePush<N> {
    left: u64,
    next: N,
    count: FusedCount,
}

impl<T, L, N> Push<T, L> for TakePush<N>
where
    T: Send + 'static,
    L: Lineage,
    N: Push<T, L>,
{
    fn push(&mut self, item: T, lineage: L) {
        self.count.seen();
        self.count.out();
        self.left -= 1;
        self.next.push(item, lineage);
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        // The last item may still have outputs to give behind here.
        if self.left == 0 { self.poll_settled(cx) } else { self.next.poll_room(cx) }
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        let settled = ready!(self.next.poll_settled(cx));
        if self.left > 0 {
            return Poll::Ready(settled);
        }
        ready!(self.next.poll_rest(cx));
        Poll::Ready(Flowing::Over)
    }

    pass_on!(poll_rest offer_end counts end bind take_woken room_behind);
}
