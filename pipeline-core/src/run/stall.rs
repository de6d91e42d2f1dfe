//! The stall detector: a task that looks, now and then, whether anything of a run has moved.
//!
//! It reads the counts of the ledger, which are written anyway, so a run pays a timer and no more.
//!
//! ```text
//! look every quarter of the time -> something has moved, or nothing is in flight -> look again
//!                                -> nothing has, for all of the time             -> tell, and sleep until a task is polled
//! ```
//! It has no timer while it sleeps, so on a simulated runtime a run that is stuck is still found to be.

use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::shared::Shared;
use super::survey::{Waiting, survey};
use super::watch::Watch;
use crate::edge::{arm, wake};
use crate::error::{Failure, Panicked};
use crate::ledger::Report;
use crate::runtime::Instant;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// A run in which nothing has moved for a while: who waits for whom. `Display` prints a line for each.
///
/// [`Pipeline::on_stall`](super::Pipeline::on_stall) has an example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stall {
    /// For how long nothing has moved, at least.
    pub idle: Duration,
    /// What has not ended, in the order in which items pass it.
    pub stages: Vec<Waiting>,
    /// The ledger as it stands now.
    pub report: Report,
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing has moved for {:?}", self.idle)?;
        self.stages.iter().try_for_each(|stage| write!(f, "\n  {stage}"))
    }
}

/// What is to be told of a stall, and after which time.
#[derive(Clone)]
pub(super) struct Detector {
    after: Duration,
    tell: Arc<dyn Fn(&Stall) + Send + Sync>,
}

impl Detector {
    pub(super) fn new(after: Duration, tell: impl Fn(&Stall) + Send + Sync + 'static) -> Detector {
        Detector { after: after.max(Duration::from_millis(1)), tell: Arc::new(tell) }
    }

    pub(super) fn begin(self, run: &Arc<Shared>) {
        let watch = Watch::new(run, &mut run.state.lock());
        run.keep_watch("on_stall", watch, |watch| self.look_on(watch));
    }

    async fn look_on(self, watch: Watch) {
        let run = watch.run.clone();
        let mut seen = Seen::new(&run);
        while watch.wait_for(run.rt.sleep(self.after / 4)).await {
            let idle = seen.look(&run);
            if idle < self.after {
                continue;
            }
            let stages = seen.stages(&run);
            // Where nothing is in flight, a source has nothing to give: that is no stall.
            if !seen.is_told && stages.iter().any(Waiting::has_items) {
                seen.is_told = true;
                self.tell(&run, Stall { idle, stages, report: run.report() });
            }
            if !watch.wait_for(seen.until_stirred(&run)).await {
                return;
            }
        }
    }

    /// The one place where a stall is told.
    fn tell(&self, run: &Shared, stall: Stall) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.tell)(&stall))) {
            run.fail(Failure::panicked("on_stall", Panicked::new(panic)));
            // What has stalled would not come to an end by itself.
            run.cancel();
        }
    }
}

/// What the detector has seen.
struct Seen {
    /// How far all items have come, and when that was first seen.
    moved: (u64, Instant),
    /// The oldest item that waits before each node, and when that was first seen.
    oldest: Vec<(Option<u64>, Instant)>,
    is_told: bool,
}

impl Seen {
    fn new(run: &Shared) -> Seen {
        Seen { moved: (0, run.rt.now()), oldest: Vec::new(), is_told: false }
    }

    /// Gives the time for which nothing has moved.
    fn look(&mut self, run: &Shared) -> Duration {
        let now = run.rt.now();
        let moved = run.moved();
        if moved != self.moved.0 {
            self.moved = (moved, now);
            self.is_told = false;
        }
        let nodes = run.nodes.lock();
        self.oldest.resize(nodes.len(), (None, now));
        for (seen, node) in self.oldest.iter_mut().zip(nodes.iter()) {
            let oldest = node.counts.oldest_waiting();
            if oldest != seen.0 {
                *seen = (oldest, now);
            }
        }
        now.duration_since(self.moved.1)
    }

    fn stages(&self, run: &Shared) -> Vec<Waiting> {
        let nodes = run.nodes.lock().clone();
        let mut stages = survey(&nodes);
        let now = run.rt.now();
        for (node, (oldest, since)) in nodes.iter().zip(&self.oldest) {
            let is_same = |stage: &&mut Waiting| stage.name == node.name && oldest.is_some() && stage.oldest == *oldest;
            if let Some(stage) = stages.iter_mut().find(is_same) {
                stage.oldest_age = Some(now.duration_since(*since));
            }
        }
        stages
    }

    /// Ready when a task has been polled since something has last moved.
    async fn until_stirred(&self, run: &Shared) {
        let mut has_begun = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut has_begun, true) && !run.stirring.is_awaited() {
                return Poll::Ready(());
            }
            run.stirring.await_by(cx.waker());
            // Something may have moved since the last look.
            if run.moved() == self.moved.0 { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }
}

/// A bell that the next poll of a task of the run rings, once somebody waits for it. Until then it costs each poll a load.
#[derive(Debug, Default)]
pub(super) struct Stirring {
    is_awaited: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Stirring {
    /// A task was polled.
    #[inline]
    pub(super) fn ring(&self) {
        if self.is_awaited.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        if self.is_awaited.swap(false, Ordering::SeqCst) {
            wake(self.waker.lock().take());
        }
    }

    fn is_awaited(&self) -> bool {
        self.is_awaited.load(Ordering::SeqCst)
    }

    fn await_by(&self, waker: &Waker) {
        let former = arm(&mut self.waker.lock(), waker);
        self.is_awaited.store(true, Ordering::SeqCst);
        drop(former);
    }
}
