//! What the workers and the emitter of a pool share, and who is called when.

use std::any::Any;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::emitter::{Exit, Moved};
use super::keys::Keys;
use super::place::Place;
use super::results::{Ack, Acknowledged, Kept, Results};
use super::work::work;
use super::{Limits, Pool};
use crate::edge::{Next, Rx, wake};
use crate::error::{Attempted, BoxError, Failure, Fate, Panicked};
use crate::ledger::{Counts, Kind, SAMPLED, Spent};
use crate::lineage::Lineage;
use crate::run::{Doing, Stop};
use crate::runtime::Instant;
use crate::stage::Stage;
use crate::stage::worker::{End, Site};
use crate::sync::atomic::Ordering;
use crate::sync::drop_each;

pub(super) struct State<T, U, L> {
    /// Gone when nothing is started any more.
    pub(super) intake: Place<Rx<T, L>>,
    /// Gone when nothing moves on any more: the emitter is gone, or a fused step has panicked while a worker was alone.
    pub(super) exit: Place<Exit<U, L>>,
    /// Used only by a stage whose items have keys.
    keys: Keys<T, L>,
    /// Whether the intake may have something. False only while its waker is armed.
    pub(super) look: bool,
    /// Items taken so far: the number of the next one.
    pub(super) taken: u64,
    pub(super) in_work: usize,
    /// In work + finished.
    pub(super) occupied: usize,
    pub(super) results: Results<U, L>,
    /// Workers that wait, the last one on top: it is the warmest.
    idle: Vec<(usize, Waker)>,
    spawned: usize,
    /// Whether a worker was called and has not arrived.
    is_called: bool,
    /// How often one was called.
    calls: u32,
    /// When that was, if it is one of those that are measured.
    called_at: Option<Instant>,
    /// Whether workers wait for room in the window.
    is_held: bool,
    pub(super) emitter: Option<Waker>,
    /// Whether a worker has the exit, to move on what is finished.
    pub(super) worker_moves: bool,
}

/// Somebody to wake once the lock is free.
pub(super) enum Call {
    Wake(Waker),
    Spawn(usize),
}

/// An item that a worker has taken.
pub(super) struct Taken<T, L> {
    pub(super) seq: u64,
    pub(super) item: T,
    pub(super) lineage: L,
    /// Whether another task was woken.
    pub(super) has_woken: bool,
}

impl<T, U, L: Lineage> State<T, U, L> {
    pub(super) fn new(intake: Rx<T, L>, exit: Exit<U, L>, limits: Limits) -> Self {
        State {
            intake: Place::Here(intake),
            exit: Place::Here(exit),
            keys: Keys::new(),
            look: true,
            taken: 0,
            in_work: 0,
            occupied: 0,
            results: Results::new(limits.is_ordered),
            idle: Vec::new(),
            spawned: 0,
            is_called: false,
            calls: 0,
            called_at: None,
            is_held: false,
            emitter: None,
            worker_moves: false,
        }
    }

    /// Whether no item is left that could give a result.
    pub(super) fn is_drained(&self) -> bool {
        self.intake.is_gone() && self.in_work == 0
    }

    /// Whether nothing is left, and nothing comes.
    pub(super) fn is_over(&self) -> bool {
        self.is_drained() && self.occupied == 0
    }

    /// An output was accepted by the next edge.
    pub(super) fn acknowledge(&mut self, ack: Ack, counts: &Counts) -> Acknowledged<L> {
        let acknowledged = self.results.acknowledge(ack);
        if acknowledged.is_done {
            self.occupied -= 1;
            counts.done.add(1);
        }
        acknowledged
    }

    /// Lends the exit, if there is something that a worker can move on.
    fn lend_exit(&mut self) -> Option<Exit<U, L>> {
        let exit = self.exit.as_mut()?;
        if exit.unsettled.is_some() || !exit.is_cheap() || !self.results.has_output() {
            return None;
        }
        let exit = self.exit.lend();
        self.worker_moves = exit.is_some();
        exit
    }

    fn take_idle(&mut self, id: usize) -> Option<Waker> {
        let at = self.idle.iter().rposition(|(idle, _)| *idle == id)?;
        Some(self.idle.remove(at).1)
    }

    /// Worker `id` looks for its next item. Gives the waker that it had left, to be dropped outside of the lock.
    pub(super) fn arrive(&mut self, id: usize, site: &Site) -> Option<Waker> {
        let former = self.take_idle(id);
        if former.is_none() {
            // It was called. Else it was woken by something else than a call of the pool.
            self.is_called = false;
            if let Some(called) = self.called_at.take() {
                site.node.counts.was_late(site.run.rt.now().duration_since(called));
            }
        }
        former
    }

    /// Calls a worker if an item could be started now and none is on its way.
    pub(super) fn call(&mut self, limits: Limits, site: &Site) -> Option<Call> {
        let has_room = self.occupied < limits.window;
        if self.is_held && has_room && !self.look {
            self.is_held = false;
            site.node.counts.has_room(site.run.rt.now());
        }
        let can_start = self.intake.is_here() && self.look && has_room;
        if !can_start || self.is_called {
            return None;
        }
        let call = match self.idle.pop() {
            Some((_, waker)) => Call::Wake(waker),
            None if self.spawned < limits.workers => {
                self.spawned += 1;
                Call::Spawn(self.spawned - 1)
            }
            None => return None,
        };
        self.is_called = true;
        self.calls = (self.calls + 1) % SAMPLED;
        // In the middle, so that what is sampled counts for all whatever their number is.
        self.called_at = (self.calls == SAMPLED / 2).then(|| site.run.rt.now());
        Some(call)
    }
}

impl<S: Stage, L: Lineage> Pool<S, L> {
    /// Something has arrived in the intake.
    pub(super) fn arrived(self: &Arc<Self>) {
        let call = {
            let mut state = self.state.lock();
            state.look = true;
            state.call(self.limits, &self.site)
        };
        self.make(call);
    }

    /// Calls a worker if there is something for it to start. Says whether it did.
    pub(super) fn summon(self: &Arc<Self>) -> bool {
        let call = self.state.lock().call(self.limits, &self.site);
        self.make(call)
    }

    /// Makes a call. Says whether there was one.
    pub(super) fn make(self: &Arc<Self>, call: Option<Call>) -> bool {
        match call {
            None => return false,
            Some(Call::Wake(waker)) => waker.wake(),
            Some(Call::Spawn(id)) => {
                self.site.node.counts.workers.raise_to(id as u64 + 1);
                self.site.run.spawn(&self.site.node, work(self.clone(), id));
            }
        }
        true
    }

    /// The oldest item, which is started; `None` if this worker is not needed any more. Else what the worker waits for.
    pub(super) fn try_take(
        self: &Arc<Self>,
        id: usize,
        cx: &mut Context<'_>,
    ) -> Result<Option<Taken<S::In, L>>, Spent> {
        // Dropped last, outside of the lock.
        let _former;
        let mut guard = self.state.lock();
        let state = &mut *guard;
        _former = state.arrive(id, &self.site);
        if state.intake.is_gone() || self.site.node.is_stopped() {
            return Ok(None);
        }
        let Some(intake) = state.intake.as_mut().filter(|_| state.occupied < self.limits.window) else {
            state.idle.push((id, cx.waker().clone()));
            state.is_held = true;
            return Err(Spent::WaitingForRoom);
        };
        let arrival = self.arrival.get().expect("the waker of a pool is set when the pool is made");
        let (one, writer) = if S::HAS_KEYS {
            let one = state.keys.poll_one(id, intake, arrival, S::key);
            if let Poll::Ready(Next::Item(..)) = one.next {
                intake.start();
            }
            (one, intake.release())
        } else {
            intake.start_one(arrival)
        };
        state.look = one.more;
        match one.next {
            Poll::Pending => {
                state.idle.push((id, cx.waker().clone()));
                if state.in_work == 0 {
                    self.site.node.set_doing(Doing::WaitForInput);
                }
                drop(guard);
                wake(writer);
                Err(Spent::WaitingForInput)
            }
            Poll::Ready(Next::End) => {
                drop(guard);
                wake(writer);
                self.close(Stop::Over);
                Ok(None)
            }
            Poll::Ready(Next::Item(item, lineage)) => {
                let seq = state.taken;
                state.taken += 1;
                state.in_work += 1;
                state.occupied += 1;
                state.results.open(&lineage);
                let counts = &self.site.node.counts;
                counts.started.add(1);
                counts.work_peak.raise_to(state.in_work as u64);
                counts.window_peak.raise_to(state.occupied as u64);
                self.site.node.set_doing(Doing::Work);
                let call = state.call(self.limits, &self.site);
                drop(guard);
                // The body runs next, on this thread. The writer must not wait for its end: siblings live on what it brings.
                let has_woken = writer.is_some();
                wake(writer);
                let has_woken = self.make(call) | has_woken;
                Ok(Some(Taken { seq, item, lineage, has_woken }))
            }
        }
    }

    /// Starts nothing any more. Idle workers leave, and the emitter looks whether it is done.
    pub(super) fn close(&self, reason: Stop) {
        let (intake, aside, idle, emitter) = {
            let mut state = self.state.lock();
            let aside = state.keys.take_aside();
            (state.intake.take(), aside, std::mem::take(&mut state.idle), state.emitter.take())
        };
        self.site.node.counts.abandoned_waiting.add(aside.len() as u64);
        if let Some(mut intake) = intake {
            intake.close(reason.max(self.site.node.stop_reason()));
        }
        idle.into_iter().for_each(|(_, waker)| waker.wake());
        wake(emitter);
        // Nobody is left to be told of a panic in a destructor.
        drop_each(aside);
    }

    /// Whether a failure cuts item `seq`.
    pub(super) fn is_cut(&self, seq: u64) -> bool {
        seq >= self.cut_from.load(Ordering::Acquire)
    }

    /// Takes the result of an item that was started. Lends the exit for what can move on now, unless somebody has it
    /// already. Says whether it has woken another task.
    pub(super) fn finish(
        self: &Arc<Self>,
        started: (u64, usize, L),
        sent: u64,
        end: End<Option<S::Out>>,
    ) -> (Option<Exit<S::Out, L>>, bool) {
        let (seq, id, lineage) = started;
        let end = end.told(&lineage, &self.site.node.name);
        let counts = &self.site.node.counts;
        let mut failure = None;
        // Dropped last, outside of the lock: a destructor may panic.
        let (mut refused, mut retracted, mut former, mut forgiven) = (None, None, None, None);
        let mut state = self.state.lock();
        state.in_work -= 1;
        state.look |= S::HAS_KEYS && state.keys.release(id);
        counts.ended.add(1);
        match end {
            End::Cut => {
                counts.abandoned.add(1);
                retracted = state.results.retract_unordered(id);
                state.occupied -= usize::from(state.results.cut(seq));
            }
            End::Returned(Err(error)) if Attempted::fate(&error) != Fate::Fails => {
                let fate = Attempted::fate(&error);
                forgiven = Some(error);
                retracted = state.results.retract_unordered(id);
                if state.results.pass_over(seq, fate) {
                    state.occupied -= 1;
                    counts.fail(1, fate);
                }
            }
            End::Returned(Err(error)) => {
                counts.failed.add(1);
                // Under the lock: a worker that finds nothing in work must not be alone with a failure in its way.
                self.cut_behind(seq);
                let failed = self.failure(seq, error);
                retracted = state.results.retract_unordered(id);
                let (at_once, frees) = state.results.fail(seq, failed);
                state.occupied -= usize::from(frees);
                failure = Some((at_once, state.intake.take()));
            }
            End::Returned(Ok(last)) => match state.results.finish((seq, id), last, &lineage, sent) {
                Kept::Yes(waker) => former = waker,
                Kept::Done { is_filtered } => {
                    state.occupied -= 1;
                    counts.done.add(1);
                    counts.filtered.add(u64::from(is_filtered && self.site.node.kind == Kind::Stage));
                }
                Kept::Refused(last) => {
                    counts.abandoned.add(1);
                    refused = last;
                }
            },
        }
        let exit = if failure.is_none() { state.lend_exit() } else { None };
        // A worker that has the exit looks again before it gives it back.
        let emitter = if state.worker_moves { None } else { state.emitter.take() };
        let call = if failure.is_none() { state.call(self.limits, &self.site) } else { None };
        drop(state);
        let has_woken = emitter.is_some();
        wake(emitter);
        let has_woken = match failure {
            None => has_woken | self.make(call),
            Some((at_once, intake)) => {
                if let Some(mut intake) = intake {
                    intake.close(Stop::Cut);
                }
                self.cut(seq, at_once);
                true
            }
        };
        drop((refused, retracted, former, forgiven));
        (exit, has_woken)
    }

    /// Takes back the exit that a worker had. What came meanwhile, and what the worker cannot move on, is the emitter's.
    pub(super) fn give_back(&self, exit: Exit<S::Out, L>, moved: &Moved) {
        let mut state = self.state.lock();
        let is_stuck = !matches!(moved, Moved::All);
        state.worker_moves = false;
        let refused = state.exit.give_back(exit);
        let untold = refused.as_ref().map_or(0, |exit| exit.untold(self.limits));
        // Told to stop meanwhile, the emitter has found the exit lent.
        let is_told = is_stuck || state.results.has_more() || state.is_over() || self.site.node.is_stopped();
        let emitter = if is_told { state.emitter.take() } else { None };
        drop(state);
        self.site.node.counts.abandoned.add(untold);
        drop(refused);
        wake(emitter);
    }

    fn failure(&self, seq: u64, error: BoxError) -> Failure {
        Failure::new(&self.site.node.name, Some(seq), error)
    }

    /// A failure has happened: nothing is started any more and later items are cut. A failure that does not wait for its
    /// turn is recorded at once.
    fn cut(&self, seq: u64, at_once: Option<Failure>) {
        self.cut_behind(seq);
        self.close(Stop::Cut);
        if let Some(failure) = at_once {
            self.site.run.fail(failure);
        }
        self.site.node.nudge();
    }

    fn cut_behind(&self, seq: u64) {
        let from = if self.limits.is_ordered { seq + 1 } else { 0 };
        self.cut_from.fetch_min(from, Ordering::AcqRel);
    }

    /// A worker could not be made: its stage panicked in `clone`. The stage cannot go on.
    pub(super) fn break_down(&self, panic: Box<dyn Any + Send>) {
        self.site.node.stop(Stop::Cut);
        self.cut(0, Some(Failure::panicked(&self.site.node.name, Panicked::new(panic))));
    }

    /// Worker `id` waits before it can take an item: others are not to wait for it.
    pub(super) fn call_another(self: &Arc<Self>, id: usize) {
        let former = self.state.lock().arrive(id, &self.site);
        drop(former);
        self.summon();
    }

    /// A worker was not made ready, and its failure is recorded: nothing is started any more.
    pub(super) fn give_up(&self) {
        self.cut(0, None);
    }

    /// A worker leaves. If it had been called, another one is.
    pub(super) fn leave(self: &Arc<Self>, id: usize) {
        let former = {
            let mut state = self.state.lock();
            state.is_called = false;
            state.take_idle(id)
        };
        drop(former);
        self.summon();
    }
}
