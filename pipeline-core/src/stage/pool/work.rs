//! The task of one worker.

use std::borrow::BorrowMut;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::Pool;
use super::alone::{Alone, Left, Settled};
use super::emitter::{Exit, Moved, Mover};
use super::port::PoolPort;
use super::state::Taken;
use crate::error::Attempted;
use crate::ledger::{Spent, Stopwatch};
use crate::lineage::Lineage;
use crate::push::Push;
use crate::run::{Job, Stop};
use crate::runtime::{Instant, yield_now};
use crate::stage::pace::Pace;
use crate::stage::worker::{BUDGET, End, Site, guarded, poll_body};
use crate::stage::{Out, Stage, hooks};
use crate::sync::atomic::{AtomicU64, Ordering};

pub(super) fn work<S: Stage, L: Lineage>(pool: Arc<Pool<S, L>>, id: usize) -> Job {
    // Made now, so that the pool learns also of a task that is dropped before its first poll.
    let site = &pool.site;
    let (stopwatch, pace) = (Stopwatch::of_worker(&site.node.counts, site.run.rt.now()), Pace::of_stage(site));
    let worker =
        Worker { pool, id, in_hand: None, alone: None, exit: None, pace, budget: BUDGET, stopwatch, has_ended: false };
    // Two futures, so that a worker without hooks has no memory for them.
    if S::HOOKS { Box::pin(run_hooked(worker)) } else { Box::pin(run(worker)) }
}

async fn run<S: Stage, L: Lineage>(worker: Worker<S, L>) {
    if let Some(stage) = worker.stage() {
        run_items(worker, stage).await;
    }
}

async fn run_hooked<S: Stage, L: Lineage>(mut worker: Worker<S, L>) {
    let Some(mut stage) = worker.stage() else { return };
    let site = worker.pool.site.clone();
    let on_wait = || worker.pool.call_another(worker.id);
    if hooks::init(&mut stage, &site, on_wait).await {
        hooks::caught(run_items(worker, &mut stage), &site).await;
    } else {
        worker.has_ended = true;
        worker.pool.give_up();
        drop(worker);
    }
    hooks::close(&mut stage, &site).await;
}

async fn run_items<S: Stage, L: Lineage>(mut worker: Worker<S, L>, mut stage: impl BorrowMut<S>) {
    match guarded(worker.run(stage.borrow_mut())).await {
        Err(panic) if worker.is_in_body() => worker.end(0, End::of(Err(panic))),
        Err(panic) => resume_unwind(panic),
        Ok(()) => {}
    }
    worker.has_ended = true;
}

struct Worker<S: Stage, L: Lineage> {
    pool: Arc<Pool<S, L>>,
    id: usize,
    /// An item that was started.
    in_hand: Option<(u64, L)>,
    /// What it has to itself, if it is alone.
    alone: Option<Alone<S, L>>,
    /// The exit of the pool, while it moves results on.
    exit: Option<Exit<S::Out, L>>,
    pace: Pace,
    budget: u32,
    stopwatch: Stopwatch,
    /// False if its task was dropped, or has panicked outside of a body.
    has_ended: bool,
}

impl<S: Stage, L: Lineage> Worker<S, L> {
    /// A clone for this worker, made in its own task, so that a panic in it is the stage's: then there is none.
    fn stage(&self) -> Option<S> {
        match catch_unwind(AssertUnwindSafe(|| self.pool.template.lock().clone())) {
            Ok(stage) => Some(stage),
            Err(panic) => {
                self.pool.break_down(panic);
                None
            }
        }
    }

    /// Runs items until this worker is not needed any more.
    async fn run(&mut self, stage: &mut S) {
        let pool = self.pool.clone();
        let rt = &pool.site.run.rt;
        loop {
            // First what was taken together with others: an await costs more than the rest.
            let leased = self.next_leased();
            let taken = if leased.is_some() { leased } else { self.next().await };
            let Some(Taken { seq, item, lineage, .. }) = taken else { return };
            self.in_hand = Some((seq, lineage.clone()));
            if self.alone.is_none() {
                self.pace.begin(rt.now());
            }
            let is_cancelled = lineage.is_cancelled();
            let port = PoolPort { pool: &pool, seq, id: self.id, lineage, sent: AtomicU64::new(0) };
            let returned = if is_cancelled {
                drop(item);
                Poll::Ready(Err(Attempted::dropped()))
            } else {
                // The call itself is a part of the body: a closure may panic before it has made its future.
                let mut body = pin!(stage.call(item, Out::new(&port)));
                let polled = poll_fn(|cx| Poll::Ready(body.as_mut().poll(cx))).await;
                // What is moved before an await is not kept across it, and so not copied for each item.
                if matches!(polled, Poll::Pending) {
                    drop(polled);
                    self.wait(body, seq).await
                } else {
                    if self.alone.is_none() {
                        self.pace.end(rt.now());
                    }
                    polled
                }
            };
            match returned {
                Poll::Ready(Ok(result)) if self.alone.is_some() => {
                    self.settle(result);
                    if self.pace.item() {
                        self.look();
                    }
                }
                returned => {
                    let end = match returned {
                        Poll::Ready(returned) => End::Returned(returned),
                        Poll::Pending => End::Cut,
                    };
                    self.end(port.sent.load(Ordering::Relaxed), end);
                }
            }
            self.budget -= 1;
            if self.budget == 0 || (!self.pace.is_cheap() && self.pace.should_yield(rt)) {
                self.turn().await;
            }
        }
    }

    /// Looks what the items cost that it has run alone.
    fn look(&mut self) {
        if let Some(alone) = &mut self.alone {
            self.pace.woke(alone.take_woken());
            self.pace.sample(self.pool.site.run.rt.now());
            self.pace.forget_woken();
        }
    }

    /// Lets others run.
    async fn turn(&mut self) {
        self.budget = BUDGET;
        if let Some(alone) = &mut self.alone {
            alone.publish(&self.pool);
        }
        yield_now().await;
        self.pace.waited(self.pool.site.run.rt.now());
    }

    /// Waits for a body that was pending. It still is if it was cut.
    async fn wait<R>(&mut self, body: Pin<&mut impl Future<Output = R>>, seq: u64) -> Poll<R> {
        let pool = self.pool.clone();
        let node = &pool.site.node;
        self.pace.pend(&pool.site.run.rt);
        let returned = poll_body(body, node, false, |_| {
            self.rejoin();
            node.stop_reason() == Stop::Cut || pool.is_cut(seq)
        })
        .await;
        self.pace.served(pool.site.run.rt.now());
        returned.map_or(Poll::Pending, Poll::Ready)
    }

    /// The next item of those that it has taken while it is alone, if there is one.
    fn next_leased(&mut self) -> Option<Taken<S::In, L>> {
        let alone = self.alone.as_mut()?;
        if self.pace.is_cheap() && !self.pool.site.node.is_stopped() { alone.next_leased() } else { None }
    }

    async fn next(&mut self) -> Option<Taken<S::In, L>> {
        let mut has_waited = false;
        let next = poll_fn(|cx| {
            let why = match self.try_next(cx) {
                Ok(next) => return Poll::Ready(next),
                Err(why) => why,
            };
            if !self.stopwatch.is(why) {
                self.turn_to(why);
            }
            if !std::mem::replace(&mut has_waited, true) {
                self.look();
            }
            Poll::Pending
        })
        .await;
        if has_waited {
            let now = self.turn_to(Spent::Busy);
            self.pace.waited(now);
        }
        next
    }

    /// The next item, `None` if this worker is not needed any more, or what it waits for.
    fn try_next(&mut self, cx: &mut Context<'_>) -> Result<Option<Taken<S::In, L>>, Spent> {
        if self.alone.is_none() && !S::SENDS && !S::HAS_KEYS && self.pace.is_cheap() {
            self.alone = self.pool.lend(self.id);
            let pool = &self.pool;
            let is_clear = self.alone.as_mut().is_none_or(|alone| pool.clear_the_way(alone, cx));
            if !is_clear {
                self.rejoin();
            }
            if self.alone.is_some() {
                self.pace.waited(self.pool.site.run.rt.now());
            }
        }
        if let Some(alone) = &mut self.alone {
            if self.pace.is_cheap() && !self.pool.site.node.is_stopped() {
                let Poll::Ready(next) = alone.poll_next(&self.pool, cx) else { return Err(Spent::WaitingForInput) };
                if next.is_none() {
                    self.rejoin();
                    self.pool.close(Stop::Over);
                }
                return Ok(next);
            }
            self.rejoin();
        }
        let taken = self.pool.try_take(self.id, cx)?;
        if taken.as_ref().is_some_and(|taken| taken.has_woken) && !self.pace.is_cheap() {
            // The body may take long.
            self.pool.site.run.rt.share_woken();
        }
        Ok(taken)
    }

    /// Moves the result of the item in hand on, if there is room now. If not it gets a place, and the worker is not alone
    /// any more.
    #[inline]
    fn settle(&mut self, result: Option<S::Out>) {
        let Some(alone) = &mut self.alone else { return };
        let Some((_, lineage)) = &self.in_hand else { return };
        let settled = alone.settle(result, lineage, &self.pool.site.node);
        let Some((_, lineage)) = self.in_hand.take() else { return };
        let left = match settled {
            Settled::Done => return,
            Settled::Over => Left::Nothing,
            Settled::Refused(item) => Left::Finished(item, lineage),
            Settled::Unsettled => Left::Unsettled(lineage),
        };
        if let Some(alone) = self.alone.take() {
            self.pool.rejoin(self.id, alone, left);
        }
        self.pace.woke(self.pool.summon());
    }

    /// Gives back what it has to itself. The item in hand is one of the pool's from now on, and others may start what waits.
    fn rejoin(&mut self) {
        let Some(alone) = self.alone.take() else { return };
        let left = self.in_hand.as_ref().map_or(Left::Nothing, |(_, lineage)| Left::InWork(lineage.clone()));
        self.pool.rejoin(self.id, alone, left);
        self.pool.summon();
    }

    /// Whether the body of the item in hand has not ended.
    fn is_in_body(&self) -> bool {
        self.in_hand.is_some() && self.alone.as_ref().is_none_or(Alone::is_whole)
    }

    /// The body of the item in hand has ended. Moves on what can move on now.
    fn end(&mut self, sent: u64, end: End<Option<S::Out>>) {
        self.rejoin();
        let Some((seq, lineage)) = self.in_hand.take() else { return };
        let (exit, has_woken) = self.pool.finish((seq, self.id, lineage), sent, end);
        self.pace.woke(has_woken);
        self.exit = exit;
        let Some(exit) = &mut self.exit else { return };
        // Without a waker: if there is no room, the emitter is told.
        let moved = self.pool.move_on(exit, Mover::Worker, &mut Context::from_waker(Waker::noop()));
        exit.outlet.flush();
        self.pace.woke(exit.outlet.take_woken());
        if let Some(exit) = self.exit.take() {
            self.pool.give_back(exit, &moved);
        }
    }

    fn turn_to(&mut self, what: Spent) -> Instant {
        let Site { run, node } = &self.pool.site;
        let now = run.rt.now();
        self.stopwatch.turn(&node.counts, what, now);
        now
    }
}

impl<S: Stage, L: Lineage> Drop for Worker<S, L> {
    fn drop(&mut self) {
        match self.alone.take() {
            Some(alone) if !alone.is_whole() => {
                let has_item = self.in_hand.take().is_some();
                self.pool.break_off(alone, has_item);
            }
            alone => {
                self.alone = alone;
                self.rejoin();
            }
        }
        if let Some(exit) = self.exit.take() {
            self.pool.break_exit(exit);
        }
        if let Some((seq, lineage)) = self.in_hand.take() {
            let (exit, _) = self.pool.finish((seq, self.id, lineage), 0, End::Cut);
            if let Some(exit) = exit {
                self.pool.give_back(exit, &Moved::Enough);
            }
        }
        let Site { run, node } = &self.pool.site;
        self.stopwatch.stop(&node.counts, run.rt.now());
        if !self.has_ended {
            // There may be nobody left to take what waits.
            self.pool.site.node.stop(Stop::Cut);
            self.pool.close(Stop::Cut);
        }
        self.pool.leave(self.id);
    }
}
