//! A worker alone: while items are cheap, ready at once and find room, one worker has the intake and the exit of the pool
//! to itself and runs them inline, as the loop of a stage with one worker does.
//!
//! ```text
//! wide -> alone    a worker looks for its next item: items are cheap, nothing is in work, what was finished has moved on
//! alone -> wide    an item has to wait, finds no room, has failed or costs too much; the input has ended; a stop
//! ```
//!
//! A second worker would only cost: it has to be woken, and results have to be put in order again. What the worker has
//! taken and not started still waits in its places, and is there for the others from the first wait on.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::Pool;
use super::emitter::{Exit, Moved, Mover};
use super::results::{Ack, Kept};
use super::state::Taken;
use crate::edge::{Next, Rx, wake};
use crate::ledger::{Kind, Tally};
use crate::lineage::Lineage;
use crate::push::{Flowing, Push};
use crate::run::{Doing, Node, Stop};
use crate::stage::Stage;
use crate::sync::atomic::Ordering;

/// What a worker has to itself while it is alone.
pub(super) struct Alone<S: Stage, L: Lineage> {
    intake: Rx<S::In, L>,
    exit: Exit<S::Out, L>,
    /// The number of the next item.
    next: u64,
    tally: Tally,
    /// False while a fused step runs: it may panic.
    is_whole: bool,
}

/// What a worker that is not alone any more leaves behind of its last item.
pub(super) enum Left<U, L> {
    Nothing,
    InWork(L),
    /// There was no room for its result.
    Finished(U, L),
    /// Its result was pushed, and not yet accepted by all that follows.
    Unsettled(L),
}

/// What became of a result.
pub(super) enum Settled<U> {
    Done,
    /// It is done, and nobody takes more.
    Over,
    Refused(U),
    Unsettled,
}

impl<S: Stage, L: Lineage> Alone<S, L> {
    /// The next item, which is started; `None` at the end of the input.
    pub(super) fn poll_next(&mut self, pool: &Pool<S, L>, cx: &mut Context<'_>) -> Poll<Option<Taken<S::In, L>>> {
        match self.intake.poll_next(cx.waker()) {
            Poll::Ready(Next::Item(item, lineage)) => Poll::Ready(Some(self.start(item, lineage))),
            Poll::Ready(Next::End) => Poll::Ready(None),
            Poll::Pending => {
                self.publish(pool);
                pool.site.node.set_doing(Doing::WaitForInput);
                Poll::Pending
            }
        }
    }

    /// The next item of those that were taken before, if there is one. It is started.
    pub(super) fn next_leased(&mut self) -> Option<Taken<S::In, L>> {
        let (item, lineage) = self.intake.next_leased()?;
        Some(self.start(item, lineage))
    }

    fn start(&mut self, item: S::In, lineage: L) -> Taken<S::In, L> {
        self.intake.start();
        self.tally.now.started += 1;
        self.next += 1;
        Taken { seq: self.next - 1, item, lineage, has_woken: false }
    }

    /// Moves the result of the item in hand on, if there is room now.
    pub(super) fn settle(&mut self, result: Option<S::Out>, lineage: &L, node: &Node) -> Settled<S::Out> {
        self.tally.now.ended += 1;
        let Some(item) = result else {
            self.tally.now.done += 1;
            self.tally.now.filtered += u64::from(node.kind == Kind::Stage);
            return Settled::Done;
        };
        if node.is_stopped() {
            return Settled::Refused(item);
        }
        self.is_whole = false;
        // Without a waker: who waits for what is left is the emitter, which asks again.
        let cx = &mut Context::from_waker(Waker::noop());
        let settled = match self.exit.outlet.poll_room(cx) {
            Poll::Ready(Flowing::On) => {
                self.tally.now.out += 1;
                self.exit.outlet.push(item, lineage.clone());
                match self.exit.outlet.poll_settled(cx) {
                    Poll::Pending => Settled::Unsettled,
                    Poll::Ready(Flowing::On) => Settled::Done,
                    Poll::Ready(Flowing::Over) => Settled::Over,
                }
            }
            Poll::Ready(Flowing::Over) | Poll::Pending => Settled::Refused(item),
        };
        self.is_whole = true;
        self.tally.now.done += u64::from(matches!(settled, Settled::Done | Settled::Over));
        settled
    }

    /// Whether no fused step has panicked.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether the exit has woken its reader since the last call.
    pub(super) fn take_woken(&mut self) -> bool {
        self.exit.outlet.take_woken()
    }

    /// Shows what was done so far. Nothing is kept back while the worker waits.
    pub(super) fn publish(&mut self, pool: &Pool<S, L>) {
        let counts = &pool.site.node.counts;
        if self.tally.now.started > 0 {
            counts.work_peak.raise_to(1);
            counts.window_peak.raise_to(1);
        }
        self.tally.flush(counts);
        self.exit.outlet.flush();
        wake(self.intake.release());
    }
}

impl<S: Stage, L: Lineage> Pool<S, L> {
    /// Lends worker `id` the intake and the exit, if nothing is in work.
    pub(super) fn lend(&self, id: usize) -> Option<Alone<S, L>> {
        let mut state = self.state.lock();
        let is_calm = state.in_work == 0 && self.cut_from.load(Ordering::Acquire) == u64::MAX;
        // What was pushed and is not accepted waits for room, or for the turn of others: that is the emitter's.
        let is_settled = state.exit.as_mut().is_some_and(|exit| exit.unsettled.is_none());
        if !is_calm || !is_settled || !state.intake.is_here() || self.site.node.is_stopped() {
            return None;
        }
        let (intake, exit) = (state.intake.lend()?, state.exit.lend()?);
        let former = state.arrive(id, &self.site);
        let next = state.taken;
        drop(state);
        drop(former);
        Some(Alone { intake, exit, next, tally: Tally::default(), is_whole: true })
    }

    /// Moves on what is finished. False if something is left.
    pub(super) fn clear_the_way(self: &Arc<Self>, alone: &mut Alone<S, L>, cx: &mut Context<'_>) -> bool {
        alone.is_whole = false;
        let moved = self.move_on(&mut alone.exit, Mover::Worker, cx);
        alone.is_whole = true;
        matches!(moved, Moved::All)
    }

    /// Takes back what it has lent to worker `id`.
    pub(super) fn rejoin(&self, id: usize, mut alone: Alone<S, L>, left: Left<S::Out, L>) {
        alone.publish(self);
        let Alone { intake, mut exit, next, .. } = alone;
        let (mut kept, mut is_cut) = (None, false);
        let mut state = self.state.lock();
        let done = next - state.taken - u64::from(!matches!(left, Left::Nothing));
        state.results.skip(done);
        state.taken = next;
        // By reference: what is left is dropped outside of the lock, which may settle a receipt.
        match left {
            Left::Nothing => {}
            Left::InWork(ref lineage) => {
                state.results.open(lineage);
                state.in_work += 1;
                state.occupied += 1;
            }
            Left::Finished(item, _) if state.exit.is_gone() => {
                is_cut = true;
                kept = Some(Kept::Refused(Some(item)));
            }
            Left::Unsettled(_) if state.exit.is_gone() => is_cut = true,
            Left::Finished(item, ref lineage) => {
                state.results.open(lineage);
                state.occupied += 1;
                kept = Some(state.results.finish((next - 1, id), Some(item), lineage, 0));
            }
            Left::Unsettled(ref lineage) => {
                state.results.open(lineage);
                state.occupied += 1;
                exit.unsettled = Some(Ack::Last);
                kept = Some(state.results.finish((next - 1, id), None, lineage, 1));
            }
        }
        state.look = true;
        let (intake, exit) = (state.intake.give_back(intake), state.exit.give_back(exit));
        let emitter = state.emitter.take();
        drop(state);
        // Nothing moves on any more.
        let untold = exit.as_ref().map_or(0, |exit| exit.untold(self.limits));
        self.site.node.counts.abandoned.add(u64::from(is_cut) + untold);
        if let Some(mut intake) = intake {
            intake.close(self.site.reason_to_close());
        }
        drop((exit, kept));
        wake(emitter);
    }

    /// A fused step has panicked while a worker was alone, and perhaps with an item in hand: nothing moves on any more.
    pub(super) fn break_off(&self, alone: Alone<S, L>, has_item: bool) {
        let Alone { intake, exit, mut tally, .. } = alone;
        let counts = &self.site.node.counts;
        tally.flush(counts);
        counts.abandoned.add(u64::from(has_item));
        let intake = self.state.lock().intake.give_back(intake);
        self.break_exit(exit);
        if let Some(mut intake) = intake {
            intake.close(Stop::Cut);
        }
    }

    /// A fused step has panicked while a worker had the exit: nothing moves on any more.
    pub(super) fn break_exit(&self, exit: Exit<S::Out, L>) {
        self.site.node.counts.abandoned.add(exit.untold(self.limits));
        let emitter = {
            let mut state = self.state.lock();
            let nothing = state.exit.take();
            debug_assert!(nothing.is_none(), "the exit was lent");
            state.worker_moves = false;
            state.emitter.take()
        };
        drop(exit);
        self.site.node.stop(Stop::Cut);
        self.close(Stop::Cut);
        wake(emitter);
    }
}
