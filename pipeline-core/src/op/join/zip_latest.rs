//! The latest items of two flows, whenever either has a new one.

use std::marker::PhantomData;
use std::task::{Context, Poll};

use super::zip::joined;
use super::{Head, Inputs, Taken, input, join, outline_input};
use crate::flow::Flow;
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::op::fused_flow;
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::run::Stop;

const NAME: &str = "zip_latest";

fused_flow! {
    /// The flow of [`zip_latest`](crate::flow::JoinExt::zip_latest).
    ZipLatest<P, B> { other: B }
}

impl<P: Flow, B: Flow> Flow for ZipLatest<P, B>
where
    P::Item: Clone,
    B::Item: Clone,
{
    type Item = (P::Item, B::Item);
    type Lineage = <P::Lineage as Lineage>::Join<B::Lineage>;

    fn build<N: Push<Self::Item, Self::Lineage>>(self, build: &mut Build, next: N) {
        join(NAME, build, next, |build, site| Latest::<_, _, _, _, Self::Lineage> {
            left: Side { head: Head::new(input(self.upstream, build, site), site), latest: None },
            right: Side { head: Head::new(input(self.other, build, site), site), latest: None },
            is_right_next: false,
            is_over: false,
            joined: PhantomData,
        });
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        // One in its hand, and the latest of each.
        outline.hold(3);
        let at = outline.node(NAME, Kind::Join);
        outline_input(&self.upstream, at, NAME, outline);
        outline_input(&self.other, at, NAME, outline);
    }
}

struct Latest<A, B, L, M, J> {
    left: Side<A, L>,
    right: Side<B, M>,
    /// Whose turn it is, if both have a new item.
    is_right_next: bool,
    is_over: bool,
    joined: PhantomData<fn() -> J>,
}

struct Side<T, L> {
    head: Head<T, L>,
    latest: Option<(T, L)>,
}

impl<T: Clone, L: Lineage> Side<T, L> {
    /// Whether nothing will ever come of it.
    fn is_barren(&self) -> bool {
        self.head.is_over() && self.latest.is_none()
    }

    /// What it has to make a pair with: the new item, or the latest one.
    fn offer(&self) -> Option<(T, L)> {
        self.head.item().or(self.latest.as_ref()).cloned()
    }

    fn renew(&mut self) {
        self.latest = self.head.take();
    }
}

impl<A, B, L, M, J> Inputs for Latest<A, B, L, M, J>
where
    A: Clone + Send + 'static,
    B: Clone + Send + 'static,
    L: Lineage,
    M: Lineage,
    J: Lineage,
{
    type Item = (A, B);
    type Lineage = J;

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Taken<(A, B), J>> {
        let (left, right) = (self.left.head.poll(cx.waker()), self.right.head.poll(cx.waker()));
        let is_spent = self.left.head.is_over() && self.right.head.is_over();
        if is_spent || self.left.is_barren() || self.right.is_barren() {
            self.is_over = true;
            return Poll::Ready(Taken::Nothing);
        }
        let (has_left, has_right) = (self.left.head.item().is_some(), self.right.head.item().is_some());
        let is_right = match (has_left, has_right) {
            (true, true) => self.is_right_next,
            (false, false) => return Poll::Pending,
            (_, has_right) => has_right,
        };
        debug_assert!(left.is_ready() || right.is_ready(), "one of them has an item");
        // Cloned before the item is taken: a clone may panic.
        let (first, second) = if is_right {
            (self.left.latest.clone(), self.right.offer())
        } else {
            (self.left.offer(), self.right.latest.clone())
        };
        if is_right {
            self.right.renew();
        } else {
            self.left.renew();
        }
        self.is_right_next = !is_right;
        Poll::Ready(first.zip(second).map_or(Taken::Kept, |((left, first), (right, second))| Taken::Made {
            item: (left, right),
            lineage: joined(first, second),
            from: 1,
        }))
    }

    fn release(&mut self) {
        self.left.head.release();
        self.right.head.release();
    }

    fn close(&mut self, reason: Stop) {
        self.left.head.close(reason);
        self.right.head.close(reason);
    }
}
