//! The task of a join or a split: it takes items from edges and moves what is made of them on.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::{Inputs, Taken};
use crate::ledger::{Spent, Tally, Watch};
use crate::push::{Flowing, Push};
use crate::run::{Doing, Stop, is_blamed};
use crate::stage::{BUDGET, Pace, Site};

pub(crate) struct Mover<I: Inputs, N: Push<I::Item, I::Lineage>> {
    inputs: I,
    next: N,
    site: Site,
    tally: Tally,
    /// Items of which something was pushed that is not yet accepted.
    unsettled: u64,
    /// Of what holds an item in its hand and counts what it hands out itself: whether the last one found nobody.
    take_lost: Option<fn(&mut N) -> bool>,
    /// Items that found nobody, since the counts were last published.
    lost: u64,
    watch: Watch,
    pace: Pace,
}

impl<I: Inputs, N: Push<I::Item, I::Lineage>> Mover<I, N> {
    pub(crate) fn new(inputs: I, next: N, site: Site) -> Self {
        let (watch, pace) = (Watch::alone(&site.node.counts, site.run.rt.now()), Pace::new(&site.run.rt));
        let (tally, take_lost) = (Tally::default(), None);
        Mover { inputs, next, site, tally, unsettled: 0, take_lost, lost: 0, watch, pace }
    }

    /// A mover whose `next` holds an item until one of its readers, which the item decides, has room. It counts the items that
    /// it hands out itself; `take_lost` tells whether the last one found its reader gone.
    pub(crate) fn holding(inputs: I, next: N, site: Site, take_lost: fn(&mut N) -> bool) -> Self {
        let mut mover = Mover::new(inputs, next, site);
        mover.take_lost = Some(take_lost);
        mover
    }

    pub(crate) fn inputs(&mut self) -> &mut I {
        &mut self.inputs
    }

    /// No item follows: what fused steps have kept back moves on.
    pub(crate) async fn end(&mut self) {
        poll_fn(|cx| self.poll_rest(cx)).await;
        self.next.end();
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.resume();
        if self.site.node.is_stopped() || self.next.poll_rest(cx).is_ready() {
            return Poll::Ready(());
        }
        self.pend(Spent::WaitingForRoom, Doing::WaitForRoom).map(|_| ())
    }

    /// Moves items until the inputs are over (true), or nobody takes more (false).
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.resume();
        for _ in 0..BUDGET {
            if self.unsettled > 0 {
                match self.next.poll_settled(cx) {
                    Poll::Pending => return self.pend(Spent::WaitingForRoom, Doing::WaitForRoom),
                    Poll::Ready(_) => self.settle(),
                }
            }
            if self.site.node.is_stopped() {
                return self.stop();
            }
            if self.inputs.is_over() {
                self.publish();
                return Poll::Ready(true);
            }
            match self.next.poll_room(cx) {
                Poll::Ready(Flowing::On) => {}
                Poll::Ready(Flowing::Over) => return self.stop(),
                Poll::Pending => return self.pend(Spent::WaitingForRoom, Doing::WaitForRoom),
            }
            match self.inputs.poll_take(cx) {
                Poll::Pending => return self.pend(Spent::WaitingForInput, Doing::WaitForInput),
                Poll::Ready(Taken::Nothing) => {}
                Poll::Ready(Taken::Kept) => self.keep(),
                Poll::Ready(Taken::Quiet(end)) => {
                    if self.next.offer_end(&end) || end.poll_close().is_pending() {
                        return self.pend(Spent::WaitingForInput, Doing::WaitForInput);
                    }
                }
                Poll::Ready(Taken::Made { item, lineage, from }) => {
                    self.tally.now.started += from;
                    // Before the push: a fused step may panic in it, and it has counted the item by then.
                    self.tally.now.out += u64::from(self.take_lost.is_none());
                    self.unsettled = from;
                    self.next.push(item, lineage);
                    self.pace.item();
                    self.pace.woke(self.next.take_woken());
                }
            }
            if self.pace.should_yield(&self.site.run.rt) {
                break;
            }
        }
        self.publish();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// An item was taken of which nothing is made now.
    fn keep(&mut self) {
        self.tally.now.started += 1;
        self.tally.now.ended += 1;
        self.tally.now.done += 1;
        self.tally.now.filtered += 1;
    }

    fn settle(&mut self) {
        let items = std::mem::take(&mut self.unsettled);
        self.tally.now.ended += items;
        if self.take_lost.is_some_and(|take_lost| take_lost(&mut self.next)) {
            self.lost += items;
        } else {
            self.tally.now.done += items;
        }
    }

    fn stop(&mut self) -> Poll<bool> {
        self.inputs.close(self.site.node.stop_reason().max(Stop::Over));
        self.publish();
        Poll::Ready(false)
    }

    fn pend(&mut self, what: Spent, doing: Doing) -> Poll<bool> {
        self.publish();
        if self.site.node.is_stopped() {
            return self.stop();
        }
        let Site { run, node } = &self.site;
        self.watch.turn(&node.counts, what, run.rt.now());
        node.set_doing(doing);
        Poll::Pending
    }

    fn publish(&mut self) {
        self.inputs.release();
        self.next.flush();
        self.tally.flush(&self.site.node.counts);
        self.site.node.counts.abandoned.add(std::mem::take(&mut self.lost));
    }

    fn resume(&mut self) {
        let Site { run, node } = &self.site;
        let now = run.rt.now();
        if !self.watch.is(Spent::Busy) {
            self.watch.turn(&node.counts, Spent::Busy, now);
        }
        self.pace.waited(now);
    }
}

impl<I: Inputs, N: Push<I::Item, I::Lineage>> Drop for Mover<I, N> {
    fn drop(&mut self) {
        self.next.own_up();
        let counts = &self.site.node.counts;
        // A panic of a fused step behind is that step's; any other is of what the user gave to this operator.
        let has_failed = self.unsettled > 0 && std::thread::panicking() && !is_blamed();
        let (failed, cut) = if has_failed { (self.unsettled, 0) } else { (0, self.unsettled) };
        self.tally.now.ended += self.unsettled;
        self.tally.now.failed += failed;
        self.tally.flush(counts);
        counts.abandoned.add(self.lost + cut);
        self.watch.stop(counts, self.site.run.rt.now());
    }
}
