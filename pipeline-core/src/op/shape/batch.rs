//! So many items as one.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused::pass_on;
use crate::op::shape::open_batch::OpenBatch;
use crate::op::tasked::Given;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::{Ending, Flowing, Push};

fused_flow! {
    /// The flow of [`batch`](crate::flow::ShapeExt::batch).
    Batch<P> { n: usize }
}

impl<P: Flow> Flow for Batch<P> {
    type Item = Vec<P::Item>;
    type Lineage = P::Lineage;

    fn build<N: Push<Vec<P::Item>, P::Lineage>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "batch");
        self.upstream.build(build, BatchPush { n: self.n, open: OpenBatch::new(), next, count });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        if self.n == 0 {
            outline.problem("`batch(0)` has no place for an item; give it 1 or more".to_owned());
        }
        // The last item of a batch goes on with it.
        outline.hold(self.n.saturating_sub(1));
        outline.fused("batch");
        self.upstream.outline(outline, next);
    }
}

struct BatchPush<T, L: Lineage, N> {
    n: usize,
    open: OpenBatch<T, L>,
    next: N,
    count: FusedCount,
}

impl<T: Send + 'static, L: Lineage, N: Push<Vec<T>, L>> BatchPush<T, L, N> {
    fn send(&mut self) {
        let Given { output, lineage, items } = self.open.give();
        self.count.release_all(items);
        self.count.out();
        self.next.push(output, lineage);
    }
}

impl<T: Send + 'static, L: Lineage, N: Push<Vec<T>, L>> Push<T, L> for BatchPush<T, L, N> {
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        let room = self.next.poll_room(cx);
        // Only the item that makes a batch whole needs room for it.
        if room.is_pending() && self.open.len() + 1 < self.n { Poll::Ready(Flowing::On) } else { room }
    }

    fn push(&mut self, item: T, lineage: L) {
        self.count.hold();
        self.open.add(item, lineage);
        if self.open.len() >= self.n {
            self.send();
        }
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.open.is_empty() {
            match ready!(self.next.poll_room(cx)) {
                Flowing::Over => return Poll::Ready(()),
                Flowing::On => self.send(),
            }
        }
        match ready!(self.next.poll_settled(cx)) {
            Flowing::Over => Poll::Ready(()),
            Flowing::On => self.next.poll_rest(cx),
        }
    }

    /// An open batch would come after the end: it goes out when the end is told at once.
    fn offer_end(&mut self, end: &Arc<dyn Ending>) -> bool {
        self.open.is_empty() && self.next.offer_end(end)
    }

    pass_on!(poll_settled counts end bind take_woken room_behind);
}
