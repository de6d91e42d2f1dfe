//! One item from each, with a state.

use std::task::{Context, Poll, ready};

use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused::pass_on;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::{Flowing, Push};

fused_flow! {
    /// The flow of [`scan`](Flow::scan).
    Scan<P, A, F> { state: A, f: F }
}

impl<P, A, U, F> Flow for Scan<P, A, F>
where
    P: Flow,
    A: Clone + Send + 'static,
    U: Send + 'static,
    F: FnMut(&mut A, P::Item) -> Option<U> + Clone + Send + 'static,
{
    type Item = U;
    type Lineage = P::Lineage;

    fn build<N: Push<U, P::Lineage>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "scan");
        self.upstream.build(build, ScanPush { state: self.state, f: self.f, is_over: false, next, count });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline.fused("scan");
        self.upstream.outline(outline, next);
    }
}

struct ScanPush<A, F, N> {
    state: A,
    f: F,
    is_over: bool,
    next: N,
    count: FusedCount,
}

impl<T, L, A, U, F, N> Push<T, L> for ScanPush<A, F, N>
where
    T: Send + 'static,
    L: Lineage,
    A: Send + 'static,
    U: Send + 'static,
    F: FnMut(&mut A, T) -> Option<U> + Send + 'static,
    N: Push<U, L>,
{
    fn push(&mut self, item: T, lineage: L) {
        match self.count.call(|| (self.f)(&mut self.state, item)) {
            Some(made) => {
                self.count.out();
                self.next.push(made, lineage);
            }
            None => {
                self.count.filtered();
                self.is_over = true;
            }
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
