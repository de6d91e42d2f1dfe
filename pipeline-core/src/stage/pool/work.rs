//! The task of one worker.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::Pool;
use super::alone::{Alone, Left, Settled};
use super::port::PoolPort;
use super::state::Taken;
use crate::ledger::Spent;
use crate::lineage::Lineage;
use crate::run::Stop;
use crate::runtime::{Instant, yield_now};
use crate::stage::pace::Pace;
use crate::stage::worker::{BUDGET, End, Site, drop_body, poll_body};
use crate::stage::{Out, Stage};
use crate::sync::atomic::{AtomicU64, Ordering};

pub(super) fn work<S: Stage, L: Lineage>(pool: Arc<Pool<S, L>>, id: usize) -> impl Future<Output = ()> + Send {
    // Made now, so that the pool learns also of a task that is dropped before its first poll.
    let mark = pool.site.run.rt.now();
    run(Worker { mark, pool, id, in_hand: None, is_started: false, alone: None, has_ended: false })
}

async fn run<S: Stage, L: Lineage>(mut worker: Worker<S, L>) {
    let (pool, id) = (worker.pool.clone(), worker.id);
    let Site { run, node } = pool.site.clone();
    let mut pace = Pace::new(&run.rt);
    let mut budget = BUDGET;
    // In the worker's own task, so that a panic in it is the stage's.
    let mut stage = match catch_unwind(AssertUnwindSafe(|| pool.template.lock().clone())) {
        Ok(stage) => stage,
        Err(panic) => return pool.break_down(panic),
    };
    loop {
        // First what was taken together with others: an await costs more than the rest.
        let leased = worker.next_leased(&mut pace);
        let next = if leased.is_some() { leased } else { worker.next(&mut pace).await };
        let Some(Taken { seq, item, lineage }) = next else { break };
        worker.in_hand = Some((seq, lineage.clone()));
        if worker.alone.is_none() {
            pace.woke(pool.summon());
            if pace.should_yield(&run.rt) {
                yield_now().await;
                pace.waited(run.rt.now());
            }
            worker.is_started = true;
            if !pool.start(seq, pace.is_cheap()) {
                break;
            }
            pace.begin(&run.rt);
        }
        let mut has_waited = false;
        let port = PoolPort { pool: &pool, seq, id, lineage: lineage.clone(), sent: AtomicU64::new(0) };
        let mut end = End::Cut;
        {
            // The call itself is a part of the body: a closure may panic before it has made its future.
            let mut body = pin!(Some(async { stage.call(item, Out::new(&port)).await }));
            let mut on_pending = |_: &mut Context<'_>| {
                has_waited = true;
                worker.rejoin();
                node.stop_reason() == Stop::Cut || pool.is_cut(seq)
            };
            poll_fn(|cx| poll_body(body.as_mut(), &mut end, &node, cx, &mut on_pending)).await;
            drop_body(body, &mut end);
        }
        if has_waited {
            pace.waited(run.rt.now());
        } else if worker.alone.is_some() {
            pace.item();
        } else {
            pace.end(&run.rt);
        }
        match end {
            End::Unwound(panic) => resume_unwind(panic),
            End::Returned(Ok(result)) if worker.alone.is_some() => {
                worker.settle(result, &mut pace);
                if worker.alone.is_some() && pace.should_yield(&run.rt) {
                    worker.publish();
                    yield_now().await;
                    pace.waited(run.rt.now());
                }
            }
            end => {
                worker.rejoin();
                (worker.in_hand, worker.is_started) = (None, false);
                pace.woke(pool.finish((seq, id, lineage), port.sent.load(Ordering::Relaxed), end));
            }
        }
        budget -= 1;
        if budget == 0 {
            budget = BUDGET;
            worker.publish();
            yield_now().await;
        }
    }
    worker.has_ended = true;
}

struct Worker<S: Stage, L: Lineage> {
    pool: Arc<Pool<S, L>>,
    id: usize,
    in_hand: Option<(u64, L)>,
    is_started: bool,
    /// What it has to itself, if it is alone.
    alone: Option<Alone<S, L>>,
    mark: Instant,
    /// False if its task was dropped, or has panicked outside of a body.
    has_ended: bool,
}

impl<S: Stage, L: Lineage> Worker<S, L> {
    /// The next item of those that it has taken while it is alone, if there is one.
    fn next_leased(&mut self, pace: &mut Pace) -> Option<Taken<S::In, L>> {
        let Site { run, node } = &self.pool.site;
        let alone = self.alone.as_mut()?;
        if pace.is_still_cheap(&run.rt) && !node.is_stopped() { alone.next_leased() } else { None }
    }

    async fn next(&mut self, pace: &mut Pace) -> Option<Taken<S::In, L>> {
        let mut has_waited = false;
        let next = poll_fn(|cx| {
            let polled = self.poll_next(pace, cx);
            if polled.is_pending() && !has_waited {
                has_waited = true;
                self.clock(Spent::Busy);
            }
            polled
        })
        .await;
        if has_waited {
            pace.waited(self.clock(Spent::WaitingForInput));
        }
        next
    }

    fn poll_next(&mut self, pace: &mut Pace, cx: &mut Context<'_>) -> Poll<Option<Taken<S::In, L>>> {
        if self.alone.is_none() && !S::SENDS && !S::HAS_KEYS && pace.is_cheap() {
            self.alone = self.pool.lend(self.id);
            let pool = &self.pool;
            let is_clear = self.alone.as_mut().is_none_or(|alone| pool.clear_the_way(alone, cx));
            if !is_clear {
                self.rejoin();
            }
        }
        let Some(alone) = &mut self.alone else {
            return self.pool.poll_take(self.id, cx);
        };
        if pace.is_still_cheap(&self.pool.site.run.rt) && !self.pool.site.node.is_stopped() {
            let next = ready!(alone.poll_next(&self.pool, cx));
            if next.is_none() {
                self.rejoin();
                self.pool.close(Stop::Over);
            }
            return Poll::Ready(next);
        }
        self.rejoin();
        self.pool.poll_take(self.id, cx)
    }

    /// Moves the result of the item in hand on, if there is room now. If not it gets a place, and the worker is not alone
    /// any more.
    fn settle(&mut self, result: Option<S::Out>, pace: &mut Pace) {
        let Some(alone) = &mut self.alone else { return };
        let Some((_, lineage)) = &self.in_hand else { return };
        let settled = alone.settle(result, lineage, &self.pool.site.node);
        let Some((_, lineage)) = self.in_hand.take() else { return };
        let left = match settled {
            Settled::Done => {
                pace.woke(alone.take_woken());
                return;
            }
            Settled::Over => Left::Nothing,
            Settled::Refused(item) => Left::Finished(item, lineage),
            Settled::Unsettled => Left::Unsettled(lineage),
        };
        if let Some(alone) = self.alone.take() {
            self.pool.rejoin(self.id, alone, left);
        }
        pace.woke(self.pool.summon());
    }

    /// Gives back what it has to itself. The item in hand is one of the pool's from now on, and others may start what waits.
    fn rejoin(&mut self) {
        let Some(alone) = self.alone.take() else { return };
        let left = self.in_hand.as_ref().map_or(Left::Nothing, |(_, lineage)| Left::InWork(lineage.clone()));
        self.is_started = self.in_hand.is_some();
        self.pool.rejoin(self.id, alone, left);
        self.pool.summon();
    }

    /// Shows what was done so far.
    fn publish(&mut self) {
        if let Some(alone) = &mut self.alone {
            alone.publish(&self.pool);
        }
    }

    fn clock(&mut self, what: Spent) -> Instant {
        let now = self.pool.site.run.rt.now();
        self.pool.site.node.counts.spend(what, now.duration_since(self.mark));
        self.mark = now;
        now
    }
}

impl<S: Stage, L: Lineage> Drop for Worker<S, L> {
    fn drop(&mut self) {
        match self.alone.take() {
            Some(alone) if !alone.is_whole() => self.pool.break_off(alone, self.in_hand.take().is_some()),
            alone => {
                self.alone = alone;
                self.rejoin();
            }
        }
        if let Some((seq, lineage)) = self.in_hand.take() {
            if !self.is_started {
                self.pool.site.node.counts.started.add(1);
            }
            self.pool.finish((seq, self.id, lineage), 0, End::Cut);
        }
        self.clock(Spent::Busy);
        if !self.has_ended {
            // There may be nobody left to take what waits.
            self.pool.site.node.stop(Stop::Cut);
            self.pool.close(Stop::Cut);
        }
        self.pool.leave(self.id);
    }
}
