//! A pipeline that runs: as a future, or behind a handle.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use super::pipeline::{Done, Gives, Pipeline, Watched};
use super::shared::{Alive, Shared};
use super::view::View;
use crate::error::{Error, Result};
use crate::ledger::{Report, Snapshot};
use crate::plan::Build;
use crate::runtime::Rt;

/// Every task of a run. Dropped, it aborts them.
pub(super) struct Tasks {
    pub(super) run: Arc<Shared>,
    /// Who owns the run, as one that waits for it.
    joiner: Option<u64>,
}

impl Tasks {
    /// The outcome of a run whose tasks have all ended.
    pub(super) fn outcome(&self) -> Result<Report> {
        let ending = self.run.ending();
        if ending.cancelled {
            Err(Error::cancelled(ending.failures, ending.overdue, ending.report))
        } else if ending.failures.is_empty() {
            Ok(ending.report)
        } else {
            Err(Error::failed(ending.failures, ending.overdue, ending.report))
        }
    }

    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.run.poll_over(&mut self.joiner, cx)
    }

    /// For those who wait beside the owner.
    pub(super) async fn over(&self) {
        let mut wait = Wait { run: &self.run, joiner: None };
        poll_fn(|cx| wait.run.poll_over(&mut wait.joiner, cx)).await;
    }
}

/// Waits for a run until it is dropped.
struct Wait<'a> {
    run: &'a Shared,
    joiner: Option<u64>,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.run.leave(self.joiner);
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.run.abort();
    }
}

/// Starts what `build` puts together.
pub(super) fn launch<R>(rt: Rt, watched: Watched, make: impl FnOnce(&mut Build) -> R) -> Result<(Tasks, R)> {
    let tasks = Tasks { run: Shared::new(rt), joiner: None };
    // The run is not over before all of it has begun.
    let _starting = Alive::new(&tasks.run);
    watched.begin(&tasks.run);
    let mut build = Build::new(tasks.run.clone());
    let made = tasks.run.rt.clone().scope(|| make(&mut build));
    build.start()?;
    Ok((tasks, made))
}

/// The future of a run. It starts at the first poll.
///
/// When it has resolved, no task, timer or item of the run is left.
///
/// ```
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let halve = |x: u64| async move { if x % 2 == 0 { Ok(x / 2) } else { Err(format!("{x} is odd")) } };
/// let error = iter([2, 4, 5, 6u64]).try_then(halve).count().run().await.unwrap_err();
/// assert_eq!(error.to_string(), "stage `try_then` failed on item 2: 5 is odd");
/// assert_eq!(error.report().and_then(|report| report.stage("count")).map(|row| row.done), Some(2));
/// # });
/// ```
///
/// # Errors
/// [`Error`] with the stage, the item and the source if a stage failed; with what is wrong if the plan cannot run; or if
/// there is no runtime.
///
/// # Panics
/// If it is polled after it has resolved. A panic in a stage is an error, not a panic.
///
/// # Cancel safety
/// A drop aborts every task: none is polled again after the poll that it is in. What was in flight is lost. A blocking call
/// that has begun goes on.
#[must_use = "nothing runs until it is awaited"]
pub struct Run<V> {
    state: State<V>,
}

enum State<V> {
    Plan(Pipeline<V>, Choice),
    Running(Running<V>),
    Gone,
}

enum Choice {
    Made(Result<Rt>),
    Ask(fn() -> Result<Rt>),
}

impl<V: Send + 'static> Run<V> {
    pub(super) fn new(plan: Pipeline<V>, rt: Result<Rt>) -> Self {
        Run { state: State::Plan(plan, Choice::Made(rt)) }
    }

    pub(super) fn choosing(plan: Pipeline<V>, choose: fn() -> Result<Rt>) -> Self {
        Run { state: State::Plan(plan, Choice::Ask(choose)) }
    }
}

// No field is pinned.
impl<V> Unpin for Run<V> {}

impl<V: Send + 'static> Future for Run<V> {
    type Output = Result<Done<V>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let State::Plan(..) = this.state {
            if let State::Plan(plan, choice) = std::mem::replace(&mut this.state, State::Gone) {
                let rt = match choice {
                    Choice::Made(rt) => rt,
                    Choice::Ask(choose) => choose(),
                };
                this.state = State::Running(Running::new(plan, rt));
            }
        }
        let State::Running(running) = &mut this.state else {
            panic!("a run was polled after it had resolved");
        };
        let outcome = ready!(running.poll_join(cx));
        this.state = State::Gone;
        Poll::Ready(outcome)
    }
}

impl<V> fmt::Debug for Run<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Run")
    }
}

/// A pipeline that was started. A drop aborts every task of it.
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let slow = stage(|x: u64| async move { sleep(Duration::from_secs(1)).await; x }).name("slow");
/// let running = iter(0..100u64).then(slow).count().start();
/// sleep(Duration::from_millis(2500)).await;
/// let error = running.cancel().await.expect_err("it had not ended");
/// assert!(error.is_cancelled());
/// let row = error.report().and_then(|report| report.stage("slow")).expect("every stage has a row");
/// assert_eq!((row.done, row.items_in), (2, 2 + row.abandoned));
/// # });
/// ```
#[must_use = "a drop of it aborts the run"]
pub struct Running<V> {
    launched: Result<Launched<V>, Option<Error>>,
}

type Launched<V> = (Tasks, Box<dyn Gives<V>>);

impl<V: Send + 'static> Running<V> {
    pub(super) fn new(plan: Pipeline<V>, rt: Result<Rt>) -> Self {
        let launched = rt
            .and_then(|rt| plan.check().map(|()| rt))
            .and_then(|rt| launch(rt, plan.watched(), |build| plan.build(build)))
            .map_err(Some);
        Running { launched }
    }

    /// Waits until everything is processed.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let running = iter(0..3u64).count().start();
    /// assert_eq!(running.join().await?.value, 3);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// See [`Run`].
    ///
    /// # Cancel safety
    /// A drop of the future drops the run with it, which aborts every task. To wait for a while and go on, await
    /// [`wait`](Self::wait).
    pub async fn join(mut self) -> Result<Done<V>> {
        poll_fn(|cx| self.poll_join(cx)).await
    }

    /// Waits until no task of the run is left. [`join`](Self::join) gives the outcome. At once, if the run could not be
    /// started.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let slow = stage(|x: u64| async move { sleep(Duration::from_secs(1)).await; x }).name("slow");
    /// let running = iter(0..3u64).then(slow).count().start();
    /// // Looks at the ledger while the run goes on.
    /// while taktline::timeout(Duration::from_millis(700), running.wait()).await.is_err() {
    ///     assert!(running.report().is_some_and(|report| report.balances()));
    /// }
    /// assert!(running.is_over());
    /// assert_eq!(running.join().await?.value, 3);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped: the run goes on.
    pub async fn wait(&self) {
        if let Ok((tasks, _)) = &self.launched {
            tasks.over().await;
        }
    }

    /// Tells every stage to stop, and waits until no task is left.
    ///
    /// What is in work is polled once more, then cut; what was accepted and cut is counted as abandoned in the report of the
    /// error. A blocking call that has begun is waited for.
    ///
    /// [`Running`] has an example.
    ///
    /// # Errors
    /// The outcome is an error that says so ([`is_cancelled`](Error::is_cancelled)), unless the run had ended before.
    ///
    /// # Cancel safety
    /// A drop of the future aborts what is left.
    pub async fn cancel(self) -> Result<Done<V>> {
        if let Ok((tasks, _)) = &self.launched {
            if !tasks.run.is_over() {
                tasks.run.cancel();
            }
        }
        self.join().await
    }

    /// Ends the sources, and waits until everything that was accepted is processed. What is not over `within` that time is
    /// cancelled.
    ///
    /// A source is dropped at the await that it is in; an item in a pending `send` is accepted first. One that uses
    /// [`Out::closing`](crate::stage::Out::closing) is told instead, and cut at the deadline.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let slow = stage(|x: u64| async move { sleep(Duration::from_secs(1)).await; x }).name("slow");
    /// let running = iter(0u64..).then(slow).count().start();
    /// sleep(Duration::from_millis(2500)).await;
    /// let done = running.drain(Duration::from_secs(25)).await?;
    /// // Two were done, one was in work, sixteen waited.
    /// assert_eq!(done.value, 19);
    /// assert_eq!(done.report.elapsed(), Duration::from_secs(19));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// See [`Run`]: a drain never hides a failure. If the deadline has passed, the error is that of a cancel, and says which
    /// stages were at work ([`stuck`](Error::stuck)).
    ///
    /// # Cancel safety
    /// A drop of the future aborts what is left. To drain a run that is waited for elsewhere, use a [`StopToken`](super::StopToken).
    pub async fn drain(self, within: Duration) -> Result<Done<V>> {
        if let Ok((tasks, _)) = &self.launched {
            tasks.run.drain(within);
        }
        self.join().await
    }

    /// Lets the sources make no more items until [`resume`](Self::resume). What is in flight goes on.
    ///
    /// A source stops between two items: a function where it sends next, whatever it awaits before; an iterator or a stream
    /// before it is read again, so after at most 128 items that were ready at once; an [`inlet`](crate::inlet::inlet) keeps
    /// what it is given in its buffer. A permit that a source had reserved before still gives its item. Inner flows that a
    /// stage has started belong to an item in flight: they go on.
    ///
    /// The run has not ended: [`join`](Self::join) waits for as long as it is paused. A drain, a cancel or a failure ends it as ever, and a
    /// drain lets the item of a pending send through. Does nothing if the run is paused, drains, or is over.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let slow = stage(|x: u64| async move { sleep(Duration::from_secs(1)).await; x }).name("slow").buffer(2);
    /// let running = iter(0..10u64).then(slow).count().start();
    /// sleep(Duration::from_millis(1500)).await;
    /// running.pause();
    /// sleep(Duration::from_secs(60)).await;
    /// // Of what had been accepted, all is done.
    /// let paused = running.report().expect("it was started");
    /// assert_eq!(paused.stage("slow").map(|row| (row.items_in, row.done)), Some((4, 4)));
    /// running.resume();
    /// assert_eq!(running.join().await?.value, 10);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn pause(&self) {
        self.set_paused(true);
    }

    /// Lets the sources go on. Does nothing if the run is not paused.
    pub fn resume(&self) {
        self.set_paused(false);
    }

    fn set_paused(&self, is_paused: bool) {
        if let Ok((tasks, _)) = &self.launched {
            tasks.run.set_paused(is_paused).into_iter().for_each(Waker::wake);
        }
    }

    /// The ledger as it stands now. `None` if the run could not be started. Reading it stops nothing: the counts of two rows
    /// may be of slightly different instants.
    pub fn report(&self) -> Option<Report> {
        self.launched.as_ref().ok().map(|(tasks, _)| tasks.run.report())
    }

    /// What goes on now, also after the end. `None` if the run could not be started. [`Snapshot`] has an example, and tells how
    /// old its figures can be.
    ///
    /// # Performance
    /// The tasks of the run do nothing for it: what they publish anyway is read, in about a microsecond a stage.
    pub fn snapshot(&self) -> Option<Snapshot> {
        self.launched.as_ref().ok().map(|(tasks, _)| tasks.run.snapshot())
    }

    /// A handle that takes snapshots, for another task. `None` if the run could not be started.
    pub fn view(&self) -> Option<View> {
        self.launched.as_ref().ok().map(|(tasks, _)| View::of(&tasks.run))
    }

    /// Whether no task of the run is left. True if the run could not be started.
    pub fn is_over(&self) -> bool {
        self.launched.as_ref().map_or(true, |(tasks, _)| tasks.run.is_over())
    }

    pub(super) fn poll_join(&mut self, cx: &mut Context<'_>) -> Poll<Result<Done<V>>> {
        match &mut self.launched {
            Err(error) => Poll::Ready(Err(error.take().unwrap_or_else(|| Error::invalid(Vec::new())))),
            Ok((tasks, value)) => {
                ready!(tasks.poll_over(cx));
                Poll::Ready(tasks.outcome().map(|report| {
                    let value = value.give().expect("a run that ended well has set its value");
                    Done { value, report }
                }))
            }
        }
    }
}

impl<V> fmt::Debug for Running<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Running")
    }
}
