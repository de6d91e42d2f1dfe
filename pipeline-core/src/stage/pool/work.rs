//! The task of one worker.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Pool;
use super::port::PoolPort;
use super::state::Taken;
use crate::ledger::Spent;
use crate::lineage::Lineage;
use crate::run::Stop;
use crate::runtime::{Instant, yield_now};
use crate::stage::pace::Pace;
use crate::stage::worker::{BUDGET, End, Site, run_body};
use crate::stage::{Out, Stage};

pub(super) async fn work<S: Stage, L: Lineage>(pool: Arc<Pool<S, L>>, id: usize) {
    let Site { run, node } = pool.site.clone();
    let mut pace = Pace::new(&run.rt);
    let mut worker = Worker { mark: run.rt.now(), pool: pool.clone(), id, in_hand: None, is_started: false };
    let mut budget = BUDGET;
    // In the worker's own task, so that a panic in it is the stage's.
    let mut stage = match catch_unwind(AssertUnwindSafe(|| pool.template.lock().clone())) {
        Ok(stage) => stage,
        Err(panic) => return pool.break_down(panic),
    };
    while let Some(Taken { seq, item, lineage }) = worker.next(&mut pace).await {
        worker.in_hand = Some((seq, lineage.clone()));
        pace.woke(pool.summon());
        if pace.should_yield(&run.rt) {
            yield_now().await;
        }
        worker.is_started = true;
        if !pool.start(seq, pace.is_cheap()) {
            break;
        }
        let mut has_waited = false;
        let port = PoolPort { pool: &pool, seq, id, lineage: lineage.clone(), sent: AtomicU64::new(0) };
        // The call itself is a part of the body: a closure may panic before it has made its future.
        let body = async { stage.call(item, Out::new(&port)).await };
        let end = run_body(body, &node, || {
            has_waited = true;
            node.stop_reason() == Stop::Cut || pool.is_cut(seq)
        })
        .await;
        if has_waited {
            pace.wait(&run.rt);
        } else {
            pace.item();
        }
        if let End::Unwound(panic) = end {
            resume_unwind(panic);
        }
        (worker.in_hand, worker.is_started) = (None, false);
        pace.woke(pool.finish((seq, id, lineage), port.sent.load(Ordering::Relaxed), end));
        budget -= 1;
        if budget == 0 {
            budget = BUDGET;
            yield_now().await;
        }
    }
}

struct Worker<S: Stage, L: Lineage> {
    pool: Arc<Pool<S, L>>,
    id: usize,
    in_hand: Option<(u64, L)>,
    is_started: bool,
    mark: Instant,
}

impl<S: Stage, L: Lineage> Worker<S, L> {
    async fn next(&mut self, pace: &mut Pace) -> Option<Taken<S::In, L>> {
        let mut has_waited = false;
        let next = poll_fn(|cx| {
            let polled = self.pool.poll_take(self.id, cx);
            if polled.is_pending() && !has_waited {
                has_waited = true;
                self.clock(Spent::Busy);
            }
            polled
        })
        .await;
        if has_waited {
            self.clock(Spent::WaitingForInput);
            pace.wait(&self.pool.site.run.rt);
        }
        next
    }

    fn clock(&mut self, what: Spent) {
        let now = self.pool.site.run.rt.now();
        self.pool.site.node.counts.spend(what, now.duration_since(self.mark));
        self.mark = now;
    }
}

impl<S: Stage, L: Lineage> Drop for Worker<S, L> {
    fn drop(&mut self) {
        if let Some((seq, lineage)) = self.in_hand.take() {
            if !self.is_started {
                self.pool.site.node.counts.started.add(1);
            }
            self.pool.finish((seq, self.id, lineage), 0, End::Cut);
        }
        self.clock(Spent::Busy);
        self.pool.leave(self.id);
    }
}
