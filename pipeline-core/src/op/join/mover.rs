//! The task of a join or a split: it takes items from edges and moves what is made of them on.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::{Inputs, Taken};
use crate::error::BoxError;
use crate::ledger::{Spent, Stopwatch, Tally};
use crate::push::{Flowing, Push};
use crate::run::{Doing, Stop, is_blamed};
use crate::stage::{BUDGET, Failing, Pace, Site};

/// What became of an item that was held until one of several readers has room.
pub(crate) enum Fate {
    Given,
    /// Its reader was gone.
    Lost,
    /// The item of that number fails.
    Failed(u64, BoxError),
}

pub(crate) struct Mover<I: Inputs, N: Push<I::Item, I::Lineage>> {
    inputs: I,
    next: N,
    site: Site,
    tally: Tally,
    /// Items of which something was pushed that is not yet accepted.
    unsettled: u64,
    /// Of what holds an item in its hand and counts what it hands out itself: what became of the last one.
    fate: Option<fn(&mut N) -> Fate>,
    /// Items that found nobody, since the counts were last published.
    lost: u64,
    /// The failure of an item, whose turn comes when what was kept back before it has moved on.
    failure: Option<(u64, BoxError)>,
    stopwatch: Stopwatch,
    pace: Pace,
}

impl<I: Inputs, N: Push<I::Item, I::Lineage>> Mover<I, N> {
    pub(crate) fn new(inputs: I, next: N, site: Site) -> Self {
        let (stopwatch, pace) = (Stopwatch::alone(&site.node.counts, site.run.rt.now()), Pace::new(&site.run.rt));
        let (tally, fate, failure) = (Tally::default(), None, None);
        Mover { inputs, next, site, tally, unsettled: 0, fate, lost: 0, failure, stopwatch, pace }
    }

    /// A mover whose `next` holds an item until one of its readers, which the item decides, has room. It counts the items that
    /// it hands out itself; `fate` tells what became of the last one.
    pub(crate) fn holding(inputs: I, next: N, site: Site, fate: fn(&mut N) -> Fate) -> Self {
        let mut mover = Mover::new(inputs, next, site);
        mover.fate = Some(fate);
        mover
    }

    pub(crate) fn inputs(&mut self) -> &mut I {
        &mut self.inputs
    }

    /// No item follows: what fused steps have kept back moves on.
    pub(crate) async fn end(&mut self) {
        let site = self.site.clone();
        let failing = self.failure.take().map(|(item, error)| Failing::new(&site, Some(item), error));
        poll_fn(|cx| self.poll_rest(cx)).await;
        if failing.is_none() {
            self.next.end();
        }
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
                if self.failure.is_some() {
                    self.inputs.close(Stop::Cut);
                    self.publish();
                    return Poll::Ready(false);
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
                    self.tally.now.out += u64::from(self.fate.is_none());
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
        match self.fate.map_or(Fate::Given, |fate| fate(&mut self.next)) {
            Fate::Given => self.tally.now.done += items,
            Fate::Lost => self.lost += items,
            Fate::Failed(item, error) => {
                self.tally.now.failed += items;
                self.failure = Some((item, error));
            }
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
        self.stopwatch.turn(&node.counts, what, run.rt.now());
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
        if !self.stopwatch.is(Spent::Busy) {
            self.stopwatch.turn(&node.counts, Spent::Busy, now);
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
        self.stopwatch.stop(counts, self.site.run.rt.now());
    }
}
