//! Pairs of the items of two flows.

use std::marker::PhantomData;
use std::task::{Context, Poll};

use super::{Head, Inputs, Taken, input, join, outline_input};
use crate::flow::Flow;
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::op::fused_flow;
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::run::Stop;

const NAME: &str = "zip";

fused_flow! {
    /// The flow of [`zip`](crate::flow::JoinExt::zip).
    Zip<P, B> { other: B }
}

impl<P: Flow, B: Flow> Flow for Zip<P, B> {
    type Item = (P::Item, B::Item);
    type Lineage = <P::Lineage as Lineage>::Join<B::Lineage>;

    fn build<N: Push<Self::Item, Self::Lineage>>(self, build: &mut Build, next: N) {
        join(NAME, build, next, |build, site| Pairs::<_, _, _, _, Self::Lineage> {
            left: Head::new(input(self.upstream, build, site), site),
            right: Head::new(input(self.other, build, site), site),
            is_over: false,
            joined: PhantomData,
        });
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline.hold(1);
        let at = outline.node(NAME, Kind::Join);
        outline_input(&self.upstream, at, NAME, outline);
        outline_input(&self.other, at, NAME, outline);
    }
}

struct Pairs<A, B, L, M, J> {
    left: Head<A, L>,
    right: Head<B, M>,
    is_over: bool,
    joined: PhantomData<fn() -> J>,
}

impl<A: Send + 'static, B: Send + 'static, L: Lineage, M: Lineage, J: Lineage> Inputs for Pairs<A, B, L, M, J> {
    type Item = (A, B);
    type Lineage = J;

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Taken<(A, B), J>> {
        // Both, so that the end of either is heard of.
        let (left, right) = (self.left.poll(cx.waker()), self.right.poll(cx.waker()));
        if self.left.is_over() || self.right.is_over() {
            self.is_over = true;
            return Poll::Ready(Taken::Nothing);
        }
        if left.is_pending() || right.is_pending() {
            return Poll::Pending;
        }
        let pair = self.left.take().zip(self.right.take());
        Poll::Ready(pair.map_or(Taken::Nothing, |((left, first), (right, second))| {
            let lineage = joined(first, second);
            Taken::Made { item: (left, right), lineage, from: 2 }
        }))
    }

    fn release(&mut self) {
        self.left.release();
        self.right.release();
    }

    fn close(&mut self, reason: Stop) {
        self.left.close(reason);
        self.right.close(reason);
    }
}

/// What follows something that was made of two items.
pub(super) fn joined<J: Lineage>(first: impl Lineage, second: impl Lineage) -> J {
    let mut lineage = J::absorb(first);
    lineage.join(J::absorb(second));
    lineage
}
