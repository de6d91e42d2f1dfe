//! A run that the case watches over: it may be cancelled or dropped at any step, and its books are audited.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use taktline_core::error::Error;
use taktline_core::ledger::Report;
use taktline_core::run::{Done, Pipeline, Running};
use taktline_core::runtime::{Rt, Waits, current};

use crate::{Case, Fault};

/// The deadline of a drain: one that is passed tells of a run that hangs.
const DRAIN_MAX: Duration = Duration::from_secs(24 * 3600);

/// How long a pause takes at most.
const PAUSE_MAX_MS: u64 = 9_999;

/// How a [run of a case](Case::run) has ended.
#[derive(Debug)]
pub enum End<V> {
    /// Everything was processed; after a drain, everything that was accepted.
    Well(Done<V>),
    /// A stage has failed, or the run was cancelled.
    Failed(Error),
    /// The run was dropped.
    Dropped,
}

impl Case {
    /// Runs `plan` on the runtime of the caller, to its end or to the step at which the seed
    /// [cancels](Fault::Cancel), [drains](Fault::Drain) or [drops](Fault::DropRun) it, and audits its ledger, whatever has ended
    /// it. It may be [paused](Fault::Pause) meanwhile for some time.
    ///
    /// ```
    /// use taktline::prelude::*;
    /// use taktline::sim::{self, End, Fault};
    ///
    /// sim::explore(0..100, |case| async move {
    ///     let items = case.draw(0..=20);
    ///     let plan = iter(0..items).then(stage(|x: u64| async move { x }).buffer(case.size())).count();
    ///     match case.run(plan).await {
    ///         End::Well(done) => assert_eq!(done.value, items),
    ///         End::Failed(error) => assert!(error.is_cancelled() && case.has(Fault::Cancel)),
    ///         End::Dropped => assert!(case.has(Fault::DropRun)),
    ///     }
    /// });
    /// ```
    ///
    /// # Panics
    /// Where there is no current runtime, and if the ledger does not balance: see [`audit`].
    ///
    /// # Cancel safety
    /// A drop of the future drops the run.
    pub async fn run<V: Send + 'static>(&self, plan: Pipeline<V>) -> End<V> {
        let rt = current().expect("a case runs its plans inside of the future that explores");
        let running = plan.start_on(&rt);
        self.watch_books(&rt);
        let stop = {
            let (mut wait, mut pause) = (pin!(running.wait()), pin!(self.pause(&running, &rt)));
            let stops = [Fault::DropRun, Fault::Cancel, Fault::Drain];
            let mut moments = stops.map(|fault| (fault, Box::pin(self.moment(fault))));
            poll_fn(|cx| {
                if wait.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
                let _ = pause.as_mut().poll(cx);
                let mut moments = moments.iter_mut();
                let reached = moments.find_map(|(fault, moment)| moment.as_mut().poll(cx).is_ready().then_some(*fault));
                reached.map_or(Poll::Pending, |fault| Poll::Ready(Some(fault)))
            })
            .await
        };
        let is_drained = stop == Some(Fault::Drain);
        let outcome = match stop {
            None => running.join().await,
            Some(Fault::Cancel) => running.cancel().await,
            Some(Fault::Drain) => running.drain(DRAIN_MAX).await,
            Some(_) => return End::Dropped,
        };
        match outcome {
            Ok(done) => {
                audit(&done.report);
                End::Well(done)
            }
            Err(error) => {
                assert!(!is_drained || !error.is_overdue(), "a drain is not over after a day: {error:?}");
                error.report().into_iter().for_each(audit);
                End::Failed(error)
            }
        }
    }

    /// Never ready, so that it may be polled again.
    async fn pause<V: Send + 'static>(&self, running: &Running<V>, rt: &Rt) {
        self.moment(Fault::Pause).await;
        running.pause();
        rt.sleep(Duration::from_millis(self.draw_for(Fault::Pause.name(), 0..=PAUSE_MAX_MS))).await;
        running.resume();
        pending().await
    }

    /// Audits at the end what is run on `rt` now: also a run that is dropped balances.
    pub fn watch_books(&self, rt: &Rt) {
        let runs: Vec<Arc<dyn Waits>> = rt.watched();
        self.finally(move |_| runs.iter().for_each(|run| audit(&run.report())));
    }
}

/// Asserts that the books of an ended run are closed: every row of `report` balances, and holds nothing any more.
///
/// ```
/// use taktline::prelude::*;
/// use taktline::sim::{Sim, audit};
///
/// let sim = Sim::new(1);
/// let done = sim.block_on(iter(0..9u64).count().run_on(&sim.rt()))?;
/// audit(&done.report);
/// # Ok::<(), taktline::Error>(())
/// ```
///
/// # Panics
/// If they are not; the message has the report.
#[track_caller]
pub fn audit(report: &Report) {
    for row in report.stages() {
        assert!(row.balances(), "the books of `{}` do not balance\n{report}", row.name);
        let left = (row.waiting, row.in_work, row.finished);
        assert_eq!(left, (0, 0, 0), "`{}` still has items that wait, are in work or finished\n{report}", row.name);
    }
}
