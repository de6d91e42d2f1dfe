//! The task that moves a pool's results on, in order, as soon as there is room.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Pool;
use super::results::{Ack, Acknowledged, Found};
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
}

impl<U: Send + 'static, L: Lineage> Exit<U, L> {
    pub(super) fn new(outlet: Outlet<U, L>, rt: &Rt) -> Self {
        let pace = if let Outlet::Edge(_) = outlet { None } else { Some(Pace::new(rt)) };
        Exit { outlet, unsettled: None, pace }
    }

    /// An output was pushed. Whether a reader that it has woken is to run before the next one is.
    fn should_yield(&mut self, rt: &Rt) -> bool {
        let Some(pace) = &mut self.pace else { return false };
        pace.item();
        pace.woke(self.outlet.take_woken());
        pace.should_yield(rt)
    }
}

/// Who moves results on.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mover {
    /// It is told when there is more.
    Emitter,
    /// A worker that is about to be alone.
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
            node.counts.spend(Spent::WaitingForRoom, run.rt.now().duration_since(since));
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
                self.pool.site.node.set_doing(Doing::WaitForRoom);
                self.waits_since = Some(self.pool.site.run.rt.now());
            }
            Moved::All | Moved::Ended(_) => {
                let refused = self.exit.take().and_then(|exit| self.pool.state.lock().exit.give_back(exit));
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
        let rt = &self.site.run.rt;
        if let Some(pace) = &mut exit.pace {
            pace.waited(rt.now());
        }
        for _ in 0..BUDGET {
            if let Some(ack) = exit.unsettled {
                match exit.outlet.poll_settled(cx) {
                    Poll::Pending => return Moved::NoRoom,
                    Poll::Ready(flowing) => {
                        exit.unsettled = None;
                        self.acknowledge(ack);
                        if flowing == Flowing::Over {
                            return Moved::Ended(Ended::Over);
                        }
                    }
                }
            }
            let has_room = match exit.outlet.poll_room(cx) {
                Poll::Pending => false,
                Poll::Ready(Flowing::Over) => return Moved::Ended(Ended::Over),
                Poll::Ready(Flowing::On) => true,
            };
            if self.site.node.is_stopped() {
                return Moved::Ended(Ended::Over);
            }
            match self.poll_found(has_room, mover, cx) {
                Poll::Pending => return Moved::All,
                Poll::Ready(None) => return Moved::Ended(Ended::Drained),
                Poll::Ready(Some(Found::Full)) => return Moved::NoRoom,
                Poll::Ready(Some(Found::Failed(failure))) => return Moved::Ended(Ended::Failed(failure)),
                Poll::Ready(Some(Found::Output(item, lineage, ack))) => {
                    // Before the push: a fused step may panic in it, and it has counted the item by then.
                    self.site.node.counts.out.add(1);
                    exit.unsettled = Some(ack);
                    exit.outlet.push(item, lineage);
                    if exit.should_yield(rt) {
                        break;
                    }
                }
                Poll::Ready(Some(Found::Cut)) => return Moved::Ended(Ended::Over),
                Poll::Ready(Some(Found::Done { .. } | Found::Nothing)) => {}
            }
        }
        Moved::Enough
    }

    /// What can move on now; `None` if nothing will any more.
    fn poll_found(
        self: &Arc<Self>,
        has_room: bool,
        mover: Mover,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Found<S::Out, L>>> {
        let counts = &self.site.node.counts;
        let mut state = self.state.lock();
        match state.results.next(has_room) {
            Found::Nothing if state.is_drained() && state.occupied == 0 => Poll::Ready(None),
            Found::Nothing => {
                let is_told = mover == Mover::Emitter;
                let former = if is_told { arm(&mut state.emitter, cx.waker()) } else { None };
                drop(state);
                drop(former);
                Poll::Pending
            }
            Found::Done { is_filtered, lineage } => {
                state.occupied -= 1;
                drop(state);
                drop(lineage);
                counts.done.add(1);
                counts.filtered.add(u64::from(is_filtered && self.site.node.kind == Kind::Stage));
                self.summon();
                Poll::Ready(Some(Found::Nothing))
            }
            found => Poll::Ready(Some(found)),
        }
    }

    /// An output was accepted by the next edge.
    fn acknowledge(self: &Arc<Self>, ack: Ack) {
        let counts = &self.site.node.counts;
        let Acknowledged { sender, is_done, lineage } = {
            let mut state = self.state.lock();
            let acknowledged = state.results.acknowledge(ack);
            if acknowledged.is_done {
                state.occupied -= 1;
                counts.done.add(1);
            }
            acknowledged
        };
        drop(lineage);
        if let Some(sender) = sender {
            sender.wake();
        }
        if is_done {
            self.summon();
        }
    }

    /// Counts what will not move on any more, and attaches failures whose turn did not come.
    fn clear(&self) {
        let mut left = self.state.lock().results.clear();
        self.site.node.counts.abandoned.add(left.finished());
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
        let reason = if self.has_ended { self.pool.site.reason_to_close() } else { Stop::Cut };
        if !self.has_ended {
            self.pool.site.node.stop(reason);
        }
        self.pool.close(reason);
        // A worker that is alone finds it gone.
        let here = self.pool.state.lock().exit.take();
        self.exit = self.exit.take().or(here);
        // In order, its place in the ring tells the same.
        let unsettled = self.exit.as_ref().and_then(|exit| exit.unsettled);
        if matches!(unsettled, Some(Ack::Last)) && !self.pool.limits.is_ordered {
            self.pool.site.node.counts.abandoned.add(1);
        }
        self.pool.site.node.nudge();
        self.pool.clear();
    }
}
