//! A simulated runtime that is at hand.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use taktline_core::ledger::{Report, StageReport};
use taktline_core::runtime::{Entered, Instant, Rt, Runtime, Timer};

use crate::case::Case;
use crate::executor::{Core, Current, Job, Root};
use crate::story;
use crate::timer::SimTimer;

/// A simulated runtime that is at hand: to look at it, or to run several futures on it one after the other.
///
/// ```
/// use std::time::Duration;
///
/// use taktline_sim::Sim;
///
/// let sim = Sim::new(1);
/// let rt = sim.rt();
/// sim.block_on(async move { rt.sleep(Duration::from_secs(5)).await });
/// assert_eq!(sim.now().since_epoch(), Duration::from_secs(5));
/// assert_eq!((sim.task_count(), sim.timer_count(), sim.waker_count()), (0, 0, 0));
/// ```
///
/// A drop of it drops every task that is left.
pub struct Sim {
    core: Arc<Core>,
    rt: Rt,
}

impl Sim {
    /// A runtime whose schedule comes from `seed`, and that does nothing wrong. Its clock starts at zero.
    pub fn new(seed: u64) -> Sim {
        Sim::of(Case::new(seed))
    }

    /// A runtime with the faults of `case`.
    pub(crate) fn of(case: Case) -> Sim {
        let core = Core::new(case);
        let rt = Rt::new(SimRuntime(core.clone()));
        Sim { core, rt }
    }

    /// The runtime as a value.
    pub fn rt(&self) -> Rt {
        self.rt.clone()
    }

    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.core.lock().now
    }

    /// Tasks that have not ended, without the future of [`block_on`](Self::block_on).
    pub fn task_count(&self) -> usize {
        self.core.lock().tasks.len()
    }

    /// Timers that are waited for.
    pub fn timer_count(&self) -> usize {
        self.core.lock().timers.len()
    }

    /// Wakers that are kept somewhere. None, once all that has run is gone.
    pub fn waker_count(&self) -> usize {
        self.core.waker_count()
    }

    /// Polls so far.
    pub fn step_count(&self) -> u64 {
        self.core.lock().steps
    }

    /// The ledgers of the runs that [`rt`](Self::rt) has started and that are not gone.
    pub fn ledgers(&self) -> Vec<Report> {
        self.rt.watched().iter().map(|run| run.report()).collect()
    }

    /// A number over every poll, wake and timer so far, with task and time. The same seed and program give the same number,
    /// on every machine.
    pub fn trace_hash(&self) -> u64 {
        self.core.lock().trace.hash()
    }

    /// Records each event from now on, for [`trace`](Self::trace) and [`story`](Self::story). Off by default.
    pub fn record_trace(&self) {
        self.core.lock().trace.record();
    }

    /// The recorded events, a line each.
    pub fn trace(&self) -> Vec<String> {
        self.core.lock().trace.records().iter().map(ToString::to_string).collect()
    }

    /// Who did what, in virtual time: the end of the recorded events, a line for each poll.
    ///
    /// ```
    /// use taktline::prelude::*;
    /// use taktline::sim::Sim;
    ///
    /// let sim = Sim::new(1);
    /// sim.record_trace();
    /// let twice = stage(|x: u64| async move { 2 * x }).name("twice");
    /// sim.block_on(iter(0..3u64).then(twice).count().run_on(&sim.rt()))?;
    /// assert!(sim.story().contains("spawns twice"), "{}", sim.story());
    /// # Ok::<(), taktline::Error>(())
    /// ```
    pub fn story(&self) -> String {
        story::tell(self.core.lock().trace.records())
    }

    /// Calls `f` after each poll of any task, to look at what must always hold.
    pub fn after_each_poll(&self, f: impl FnMut() + Send + 'static) {
        self.core.case.always(f);
    }

    /// Polls every task that is ready, and what that makes ready, without moving the clock.
    pub fn settle(&self) {
        let _current = Current::new(&self.core);
        while !self.core.lock().is_idle() {
            self.core.round(&mut Nothing);
            self.check_progress();
        }
    }

    /// Lets `time` pass for every task, and polls what that makes ready.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use taktline_sim::Sim;
    ///
    /// let (sim, hour) = (Sim::new(1), Duration::from_secs(3600));
    /// let task = sim.rt().spawn(sim.rt().sleep(hour));
    /// sim.advance(hour - Duration::from_nanos(1));
    /// assert!(!task.is_finished());
    /// sim.advance(Duration::from_nanos(1));
    /// assert!(task.is_finished());
    /// ```
    pub fn advance(&self, time: Duration) {
        let until = self.now() + time;
        self.settle();
        let _current = Current::new(&self.core);
        while self.core.advance(Some(until)) {
            self.settle();
        }
        let mut state = self.core.lock();
        state.now = state.now.max(until);
    }

    /// Runs `future` to its end. Other tasks run as long as it does; what is left of them stays.
    ///
    /// # Panics
    /// If nothing is ready and no timer is left: a deadlock. The message says who waits for whom.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.run_root(future).expect("only an exploration drops the future that it has made")
    }

    /// The same; nothing if the faults of the case have dropped the future.
    pub(crate) fn run_root<F: Future>(&self, future: F) -> Option<F::Output> {
        let _current = Current::new(&self.core);
        let mut root = Main { rt: self.rt(), future: Some(Box::pin(self.rt.enter(future))), output: None };
        let waker = self.core.main_waker();
        std::task::Waker::from(waker).wake();
        loop {
            self.core.round(&mut root);
            if root.is_over() {
                return root.output;
            }
            self.check_progress();
            if self.core.lock().is_idle() && !self.core.advance(None) {
                panic!("{}", self.stuck("deadlock"));
            }
        }
    }

    /// Panics if the program has taken too many polls, or gets nowhere.
    fn check_progress(&self) {
        let (steps, is_due, window) = {
            let state = self.core.lock();
            (state.steps, state.spin.is_due(state.steps), state.spin.length())
        };
        let polls_max = self.core.case.polls_max();
        assert!(steps < polls_max, "{}", self.stuck(&format!("no end after {polls_max} polls")));
        if !is_due {
            return;
        }
        let moved = self.ledgers().iter().flat_map(|report| report.stages().iter().map(steps_of)).sum();
        let is_waited = !self.rt.waits().is_empty();
        let spinning = self.core.lock().look_for_spin(moved, is_waited);
        if let Some(polled) = spinning {
            let told: Vec<_> = polled.iter().map(|(polls, name)| format!("{name} {polls}")).take(TOLD_MAX).collect();
            let what = format!("{window} polls led nowhere ({})", told.join(", "));
            panic!("{}", self.stuck(&what));
        }
    }

    /// No fault from now on, and no check.
    pub(crate) fn calm(&self) {
        self.core.lock().injector.stop();
    }

    pub(crate) fn task_names(&self) -> Vec<String> {
        self.core.task_names()
    }

    /// Says who waits for whom.
    fn stuck(&self, what: &str) -> String {
        let waits = self.rt.waits();
        let (now, tasks, seed) = (self.now().since_epoch(), self.task_count(), self.core.case.seed());
        let waits = if waits.is_empty() { "no pipeline is running".to_owned() } else { waits.join("\n  ") };
        format!("{what} at {now:?}, seed {seed}; {tasks} tasks wait\n  {waits}")
    }
}

/// Tasks that are named when a program gets nowhere.
const TOLD_MAX: usize = 5;

/// How far the items of a stage have come. It only rises.
fn steps_of(row: &StageReport) -> u64 {
    row.items_in + row.items_out + row.done + row.failed + row.dropped + row.abandoned + row.retried
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.rt.scope(|| self.core.shut_down());
        let left = self.core.lock().clear();
        drop(left);
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seed = self.core.case.seed();
        f.debug_struct("Sim").field("seed", &seed).field("now", &self.now()).finish_non_exhaustive()
    }
}

/// The future that a simulation was given, and its output.
struct Main<F: Future> {
    /// Current for its destructors.
    rt: Rt,
    future: Option<Pin<Box<Entered<F>>>>,
    output: Option<F::Output>,
}

impl<F: Future> Root for Main<F> {
    fn poll(&mut self, cx: &mut Context<'_>) {
        let Some(future) = &mut self.future else { return };
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            self.output = Some(output);
            self.drop_it();
        }
    }

    fn drop_it(&mut self) {
        let future = self.future.take();
        self.rt.scope(|| drop(future));
    }

    fn is_over(&self) -> bool {
        self.future.is_none()
    }
}

/// No future: only tasks run.
struct Nothing;

impl Root for Nothing {
    fn poll(&mut self, _: &mut Context<'_>) {}

    fn drop_it(&mut self) {}

    fn is_over(&self) -> bool {
        true
    }
}

struct SimRuntime(Arc<Core>);

impl fmt::Debug for SimRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sim")
    }
}

impl Runtime for SimRuntime {
    fn name(&self) -> &'static str {
        "sim"
    }

    fn spawn(&self, job: Job) {
        self.0.add(job, None);
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        self.0.add(Box::pin(async move { job() }), Some("blocking call".to_owned()));
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(SimTimer::new(self.0.clone(), deadline))
    }

    fn now(&self) -> Instant {
        self.0.lock().now
    }

    fn random(&self) -> u64 {
        self.0.number()
    }
}
