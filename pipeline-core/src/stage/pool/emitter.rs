//! The task that moves a pool's results on, in order, as soon as there is room.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::results::{Ack, Found};
use super::{Limits, Pool};
use crate::edge::arm;
use crate::error::Failure;
use crate::ledger::{Kind, Spent};
use crate::lineage::Lineage;
use crate::push::{Flowing, Outlet, Push};
use crate::run::{Doing, Stop};
use crate::runtime::{Instant, Rt};
use crate::stage::Stage;
use crate::stage::pace::Pace;
use crate::stage::worker::{BUDGET, Failing, Site};
use crate::sync::drop_each;

/// What a pool writes into. One task at a time has it: the emitter, or the worker that works [alone](super::alone).
pub(super) struct Exit<U, L> {
    pub(super) outlet: Outlet<U, L>,
    /// Pushed, and not yet accepted by all that follows.
    pub(super) unsettled: Option<Ack>,
    /// What the steps that are fused behind the pool cost. Straight into an edge there is nothing that could take long.
    pace: Option<Pace>,
    /// Times that a worker has moved results on since the last one that was measured.
    unmeasured: u32,
}

/// Every how many times what a worker moves on is measured.
const MEASURE: u32 = 16;

impl<U, L> Exit<U, L> {
    /// Whether what follows up to the next edge takes no time worth mentioning.
    pub(super) fn is_cheap(&self) -> bool {
        self.pace.as_ref().is_none_or(Pace::is_cheap)
    }
}

impl<U: Send + 'static, L: Lineage> Exit<U, L> {
    pub(super) fn new(outlet: Outlet<U, L>, rt: &Rt) -> Self {
        let pace = if let Outlet::Edge(_) = outlet { None } else { Some(Pace::new(rt)) };
        Exit { outlet, unsettled: None, pace, unmeasured: 0 }
    }

    /// Results are moved on from now on. Whether it is measured how long it takes.
    fn begin(&mut self, mover: Mover, rt: &Rt) -> bool {
        let Some(pace) = &mut self.pace else { return false };
        self.unmeasured += 1;
        let is_measured = mover == Mover::Emitter || self.unmeasured >= MEASURE;
        if is_measured {
            self.unmeasured = 0;
            pace.waited(rt.now());
        }
        is_measured
    }

    /// Items whose last output is not accepted and that are nowhere else. In order, a place in the ring tells of them.
    pub(super) fn untold(&self, limits: Limits) -> u64 {
        u64::from(matches!(self.unsettled, Some(Ack::Last)) && !limits.is_ordered)
    }

    /// An output was pushed. Whether a reader that it has woken is to run before the next one is.
    fn should_yield(&mut self, rt: &Rt) -> bool {
        let Some(pace) = &mut self.pace else { return false };
        let is_due = pace.item();
        if pace.is_cheap() && !is_due {
            return false;
        }
        pace.woke(self.outlet.take_woken());
        pace.should_yield(rt)
    }
}

/// Who moves results on.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mover {
    /// It is told when there is more, and when there is room again.
    Emitter,
    /// A worker that has finished an item, or is about to be alone. It leaves failures and endings to the emitter.
    Worker,
}

/// What moving results on has come to, for now.
pub(super) enum Moved {
    /// Nothing can move on now.
    All,
    /// There is no room.
    NoRoom,
    /// There may be more, and it was a good deal already.
    Enough,
    Ended(Ended),
}

/// Why nothing moves on any more.
pub(super) enum Ended {
    /// Everything has moved on.
    Drained,
    /// Nobody takes more, or the stage was told to stop.
    Over,
    /// An item has failed, and its turn has come.
    Failed(Failure),
    /// A fused step has panicked while a worker had the exit.
    Broken,
}

/// Moves the results of `pool` on until none can come any more.
pub(crate) fn emit<S: Stage, L: Lineage>(pool: Arc<Pool<S, L>>) -> impl Future<Output = ()> + Send {
    // Made before the first poll: also a task that is never polled makes up the books.
    let mut emitter = Emitter { pool, exit: None, waits_since: None, has_ended: false };
    async move {
        match poll_fn(|cx| emitter.poll(cx)).await {
            Ended::Drained => {
                poll_fn(|cx| emitter.poll_rest(cx)).await;
                emitter.ended();
                emitter.end();
            }
            Ended::Over => {
                emitter.ended();
                emitter.pool.site.node.stop(emitter.pool.site.reason_to_close());
                emitter.end();
            }
            Ended::Failed(failure) => {
                let site = emitter.pool.site.clone();
                let _failing = Failing::of(&site, failure);
                poll_fn(|cx| emitter.poll_rest(cx)).await;
                emitter.ended();
            }
            Ended::Broken => emitter.ended(),
        }
    }
}

struct Emitter<S: Stage, L: Lineage> {
    pool: Arc<Pool<S, L>>,
    /// Here from the first result on until there is nothing to move on for now.
    exit: Option<Exit<S::Out, L>>,
    /// Since when it waits for room.
    waits_since: Option<Instant>,
    /// False if a fused step has panicked.
    has_ended: bool,
}

impl<S: Stage, L: Lineage> Emitter<S, L> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        if let Some(since) = self.waits_since.take() {
            let Site { run, node } = &self.pool.site;
            node.counts.exit().end();
            node.counts.spend(Spent::Blocked, run.rt.now().duration_since(since));
        }
        if self.exit.is_none() {
            let mut state = self.pool.state.lock();
            if state.exit.is_gone() {
                return Poll::Ready(Ended::Broken);
            }
            self.exit = state.exit.lend();
            let former = if self.exit.is_none() { arm(&mut state.emitter, cx.waker()) } else { None };
            drop(state);
            drop(former);
        }
        let Some(exit) = &mut self.exit else {
            // A worker is alone. It tells when it is not any more, also at a stop.
            return Poll::Pending;
        };
        let moved = self.pool.move_on(exit, Mover::Emitter, cx);
        if let Moved::Ended(ended) = moved {
            return Poll::Ready(ended);
        }
        // Nothing may be kept back while this task waits.
        exit.outlet.flush();
        match moved {
            Moved::Enough => cx.waker().wake_by_ref(),
            _ if self.pool.site.node.is_stopped() => return Poll::Ready(Ended::Over),
            Moved::NoRoom => {
                let Site { run, node } = &self.pool.site;
                node.set_doing(Doing::WaitForRoom);
                let now = run.rt.now();
                node.counts.exit().begin(Spent::Blocked, now);
                self.waits_since = Some(now);
            }
            Moved::All | Moved::Ended(_) => {
                let exit = self.exit.take();
                let mut state = self.pool.state.lock();
                if state.in_work > 0 {
                    // It may have said that it waits for room.
                    self.pool.site.node.set_doing(Doing::Work);
                }
                let refused = exit.and_then(|exit| state.exit.give_back(exit));
                drop(state);
                drop(refused);
            }
        }
        Poll::Pending
    }

    /// Moves on what fused steps have kept back, unless the stage is told to stop.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(exit) = &mut self.exit else { return Poll::Ready(()) };
        if self.pool.site.node.is_stopped() || exit.outlet.poll_rest(cx).is_ready() {
            return Poll::Ready(());
        }
        exit.outlet.flush();
        self.pool.site.node.set_doing(Doing::WaitForRoom);
        Poll::Pending
    }

    /// No fused step has panicked.
    fn ended(&mut self) {
        self.has_ended = true;
    }

    fn end(&mut self) {
        if let Some(exit) = &mut self.exit {
            exit.outlet.end();
        }
    }
}

impl<S: Stage, L: Lineage> Pool<S, L> {
    /// Moves results on into `exit` as far as there is room.
    pub(super) fn move_on(self: &Arc<Self>, exit: &mut Exit<S::Out, L>, mover: Mover, cx: &mut Context<'_>) -> Moved {
        let is_measured = exit.begin(mover, &self.site.run.rt);
        let moved = self.move_each(exit, mover, cx);
        if let Some(pace) = exit.pace.as_mut().filter(|_| is_measured) {
            pace.sample(self.site.run.rt.now());
        }
        moved
    }

    fn move_each(self: &Arc<Self>, exit: &mut Exit<S::Out, L>, mover: Mover, cx: &mut Context<'_>) -> Moved {
        for _ in 0..BUDGET {
            let mut is_over = false;
            if exit.unsettled.is_some() {
                match exit.outlet.poll_settled(cx) {
                    Poll::Pending => return Moved::NoRoom,
                    Poll::Ready(flowing) => is_over = flowing == Flowing::Over,
                }
            }
            let has_room = !is_over
                && match exit.outlet.poll_room(cx) {
                    Poll::Pending => false,
                    Poll::Ready(flowing) => {
                        is_over = flowing == Flowing::Over;
                        !is_over
                    }
                };
            if is_over || self.site.node.is_stopped() {
                self.settle(exit);
                return Moved::Ended(Ended::Over);
            }
            match self.poll_found(&mut exit.unsettled, has_room, mover, cx) {
                Poll::Pending => return Moved::All,
                Poll::Ready(None) => return Moved::Ended(Ended::Drained),
                Poll::Ready(Some(Found::Full)) => return Moved::NoRoom,
                Poll::Ready(Some(Found::Failed(failure))) => return Moved::Ended(Ended::Failed(failure)),
                Poll::Ready(Some(Found::Output(item, lineage, ack))) => {
                    // Before the push: a fused step may panic in it, and it has counted the item by then.
                    self.site.node.counts.out.add(1);
                    exit.unsettled = Some(ack);
                    exit.outlet.push(item, lineage);
                    if exit.should_yield(&self.site.run.rt) {
                        break;
                    }
                }
                Poll::Ready(Some(Found::Cut)) => return Moved::Ended(Ended::Over),
                Poll::Ready(Some(Found::Done { .. } | Found::PassedOver { .. } | Found::Nothing)) => {}
            }
        }
        Moved::Enough
    }

    /// What can move on now; `None` if nothing will any more. What was `settled` before is acknowledged in the same lock.
    fn poll_found(
        self: &Arc<Self>,
        settled: &mut Option<Ack>,
        has_room: bool,
        mover: Mover,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Found<S::Out, L>>> {
        let counts = &self.site.node.counts;
        let mut state = self.state.lock();
        let acknowledged = settled.take().map(|ack| state.acknowledge(ack, counts));
        let found = match mover {
            Mover::Worker if !state.results.has_output() => Found::Nothing,
            _ => state.results.next(has_room),
        };
        let (mut former, mut ended) = (None, None);
        let polled = match found {
            Found::Nothing if mover == Mover::Emitter && state.is_over() => Poll::Ready(None),
            Found::Nothing => {
                former = if mover == Mover::Emitter { arm(&mut state.emitter, cx.waker()) } else { None };
                Poll::Pending
            }
            Found::Done { is_filtered, lineage } => {
                state.occupied -= 1;
                counts.done.add(1);
                counts.filtered.add(u64::from(is_filtered && self.site.node.kind == Kind::Stage));
                ended = Some(lineage);
                Poll::Ready(Some(Found::Nothing))
            }
            Found::PassedOver { fate, lineage } => {
                state.occupied -= 1;
                counts.fail(1, fate);
                ended = Some(lineage);
                Poll::Ready(Some(Found::Nothing))
            }
            found => Poll::Ready(Some(found)),
        };
        let call = if acknowledged.is_some() || ended.is_some() { state.call(self.limits, &self.site) } else { None };
        drop(state);
        drop((former, ended));
        if let Some(acknowledged) = acknowledged {
            acknowledged.tell();
        }
        self.make(call);
        polled
    }

    /// What was pushed last was accepted, and nothing follows it.
    fn settle(self: &Arc<Self>, exit: &mut Exit<S::Out, L>) {
        let Some(ack) = exit.unsettled.take() else { return };
        let (acknowledged, call) = {
            let mut state = self.state.lock();
            (state.acknowledge(ack, &self.site.node.counts), state.call(self.limits, &self.site))
        };
        acknowledged.tell();
        self.make(call);
    }

    /// Counts what will not move on any more, and attaches failures whose turn did not come.
    fn clear(&self) {
        let mut left = self.state.lock().results.clear();
        let counts = &self.site.node.counts;
        counts.abandoned.add(left.finished());
        left.passed_over().for_each(|fate| counts.fail(1, fate));
        let failures = left.take_failures();
        if self.site.node.stop_reason() != Stop::Over || self.site.run.has_failed() {
            failures.into_iter().for_each(|failure| self.site.run.fail(failure));
        }
        if let Some(panic) = drop_each(left.into_outputs()) {
            self.site.run.fail(Failure::panicked(&self.site.node.name, panic));
        }
    }
}

impl<S: Stage, L: Lineage> Drop for Emitter<S, L> {
    /// Also runs when a fused step has panicked: without it the workers would wait for a window that never opens.
    fn drop(&mut self) {
        self.pool.site.node.counts.exit().end();
        let reason = if self.has_ended { self.pool.site.reason_to_close() } else { Stop::Cut };
        if !self.has_ended {
            self.pool.site.node.stop(reason);
        }
        self.pool.close(reason);
        // A worker that is alone finds it gone.
        let here = self.pool.state.lock().exit.take();
        self.exit = self.exit.take().or(here);
        let untold = self.exit.as_ref().map_or(0, |exit| exit.untold(self.pool.limits));
        self.pool.site.node.counts.abandoned.add(untold);
        self.pool.site.node.nudge();
        self.pool.clear();
    }
}
