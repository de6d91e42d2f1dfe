//! The items before the first that a closure refuses.

use std::task::{Context, Poll, ready};

use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused::pass_on;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::{Flowing, Push};

fused_flow! {
    /// The flow of [`take_while`](Flow::take_while).
    TakeWhile<P, F> { f: F }
}

impl<P, F> Flow for TakeWhile<P, F>
where
    P: Flow,
    F: FnMut(&P::Item) -> bool + Clone + Send + 'static,
{
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "take_while");
        self.upstream.build(build, TakeWhilePush { f: self.f, is_over: false, next, count });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline.fused("take_while");
        self.upstream.outline(outline, next);
    }
}

struct TakeWhilePush<F, N> {
    f: F,
    is_over: bool,
    next: N,
    count: FusedCount,
}

impl<T, L, F, N> Push<T, L> for TakeWhilePush<F, N>
where
    T: Send + 'static,
    L: Lineage,
    F: FnMut(&T) -> bool + Send + 'static,
    N: Push<T, L>,
{
    fn push(&mut self, item: T, lineage: L) {
        if self.count.call(|| (self.f)(&item)) {
            self.count.out();
            self.next.push(item, lineage);
        } else {
            self.is_over = true;
            self.count.drop(item);
            self.count.filtered();
        }
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        if self.is_over { self.poll_settled(cx) } else { self.next.poll_room(cx) }
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        let settled = ready!(self.next.poll_settled(cx));
        if !self.is_over {
            return Poll::Ready(settled);
        }
        ready!(self.next.poll_rest(cx));
        Poll::Ready(Flowing::Over)
    }

    pass_on!(poll_rest offer_end counts end bind take_woken room_behind);
}
