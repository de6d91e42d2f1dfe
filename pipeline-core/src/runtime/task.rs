//! What a task means, on every runtime.
//!
//! ```text
//! running -> finished(value | panicked | aborted | lost)
//! ```
//! The runtime is given a [`Job`], which wraps the user's future. It finishes only after that future was dropped, so who
//! waits for a task also waits for its destructors.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::Rt;
use super::ambient::Scope;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// A task that was spawned. A drop of it aborts the task; see [`detach`](Task::detach).
///
/// As a future it is ready when the task has finished and all its destructors have run.
///
/// ```
/// use std::time::Duration;
///
/// # taktline::sim::run(1, async {
/// let task = taktline::spawn(async { 6 * 7 });
/// assert_eq!(task.await.ok(), Some(42));
/// let slow = taktline::spawn(taktline::sleep(Duration::from_secs(1)));
/// assert!(slow.cancel().await.is_err_and(|error| error.is_aborted()));
/// # });
/// ```
///
/// # Errors
/// [`TaskError`]: the task panicked, was aborted, or was dropped by its runtime.
///
/// # Panics
/// If it is polled after it has resolved.
///
/// # Cancel safety
/// A drop aborts the task.
#[must_use = "a drop of it aborts the task"]
pub struct Task<T> {
    cell: Arc<Cell<T>>,
    is_detached: bool,
}

struct Cell<T> {
    is_aborted: AtomicBool,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// Wakes the job.
    job: Option<Waker>,
    /// Wakes who waits for the task.
    joiner: Option<Waker>,
    outcome: Option<Result<T, TaskError>>,
    is_finished: bool,
}

impl<T> Cell<T> {
    fn new() -> Arc<Self> {
        let state = State { job: None, joiner: None, outcome: None, is_finished: false };
        Arc::new(Cell { is_aborted: AtomicBool::new(false), state: Mutex::new(state) })
    }

    fn finish(&self, outcome: Result<T, TaskError>) {
        let (joiner, job) = {
            let mut state = self.state.lock();
            state.outcome = Some(outcome);
            state.is_finished = true;
            (state.joiner.take(), state.job.take())
        };
        drop(job);
        if let Some(joiner) = joiner {
            joiner.wake();
        }
    }

    fn nudge(&self) {
        let job = self.state.lock().job.clone();
        if let Some(job) = job {
            job.wake();
        }
    }
}

impl<T: Send + 'static> Task<T> {
    pub(super) fn spawn<F>(rt: &Rt, future: F) -> Task<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let cell = Cell::new();
        let job = Job { future: Some(Box::pin(future)), cell: cell.clone(), rt: Some(rt.clone()), armed: None };
        rt.runtime().spawn(Box::pin(job));
        Task { cell, is_detached: false }
    }

    pub(super) fn spawn_blocking<F>(rt: &Rt, f: F) -> Task<T>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let cell = Cell::new();
        let mut call = BlockingJob { f: Some(f), cell: cell.clone(), rt: Some(rt.clone()) };
        rt.runtime().spawn_blocking(Box::new(move || call.run()));
        Task { cell, is_detached: false }
    }

    /// Aborts the task, and waits until its future and all destructors are gone.
    ///
    /// # Errors
    /// [`is_aborted`](TaskError::is_aborted) unless the task had finished before.
    ///
    /// # Cancel safety
    /// The task is aborted in any case.
    pub async fn cancel(mut self) -> Result<T, TaskError> {
        self.abort();
        poll_fn(|cx| self.poll_outcome(cx)).await
    }

    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, TaskError>> {
        let mut state = self.cell.state.lock();
        if let Some(outcome) = state.outcome.take() {
            return Poll::Ready(outcome);
        }
        assert!(!state.is_finished, "a task was polled after it had resolved");
        let former = state.joiner.replace(cx.waker().clone());
        drop(state);
        drop(former);
        Poll::Pending
    }
}

impl<T> Task<T> {
    /// Aborts the task: it is not polled again after the poll that it is in. Its future is dropped by the runtime soon
    /// after. No effect on a task that has finished, or on a blocking call that has begun.
    pub fn abort(&self) {
        self.cell.is_aborted.store(true, Ordering::SeqCst);
        self.cell.nudge();
    }

    /// Lets the task run on without a handle. If it panics, nobody is told.
    pub fn detach(mut self) {
        self.is_detached = true;
    }

    /// Whether the task has finished and all its destructors have run.
    pub fn is_finished(&self) -> bool {
        self.cell.state.lock().is_finished
    }

    /// What asks for a poll of the task.
    #[doc(hidden)]
    pub fn job_waker(&self) -> Option<Waker> {
        self.cell.state.lock().job.clone()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if !self.is_detached {
            self.abort();
        }
    }
}

impl<T: Send + 'static> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_outcome(cx)
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("is_finished", &self.is_finished()).finish_non_exhaustive()
    }
}

/// What the runtime runs for a task.
struct Job<F: Future> {
    future: Option<Pin<Box<F>>>,
    cell: Arc<Cell<F::Output>>,
    /// Lent to the thread for each poll.
    rt: Option<Rt>,
    /// The waker that the cell has, to compare without its lock.
    armed: Option<Waker>,
}

impl<F: Future> Job<F> {
    /// Makes the waker known before the flag is read: an abort after that finds it.
    fn arm(&mut self, cx: &Context<'_>) {
        if self.armed.as_ref().is_some_and(|armed| armed.will_wake(cx.waker())) {
            return;
        }
        self.armed = Some(cx.waker().clone());
        let former = self.cell.state.lock().job.replace(cx.waker().clone());
        drop(former);
    }

    fn finish(&mut self, outcome: Result<F::Output, TaskError>) {
        self.armed = None;
        let released = self.release();
        let outcome = match released {
            Ok(()) => outcome,
            Err(panic) => Err(TaskError::panicked(panic)),
        };
        self.cell.finish(outcome);
    }

    /// Drops the future, with the runtime current for its destructors.
    fn release(&mut self) -> Result<(), Box<dyn Any + Send>> {
        let future = self.future.take();
        let _scope = Scope::new(&mut self.rt);
        catch_unwind(AssertUnwindSafe(|| drop(future)))
    }
}

impl<F: Future> Future for Job<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.arm(cx);
        let Some(future) = &mut this.future else {
            return Poll::Ready(());
        };
        if this.cell.is_aborted.load(Ordering::SeqCst) {
            this.finish(Err(TaskError::aborted()));
            return Poll::Ready(());
        }
        let polled = {
            let _scope = Scope::new(&mut this.rt);
            catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)))
        };
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => {
                this.finish(Ok(value));
                Poll::Ready(())
            }
            Err(panic) => {
                this.finish(Err(TaskError::panicked(panic)));
                Poll::Ready(())
            }
        }
    }
}

impl<F: Future> Drop for Job<F> {
    fn drop(&mut self) {
        if self.future.is_some() {
            let is_aborted = self.cell.is_aborted.load(Ordering::SeqCst);
            self.finish(Err(if is_aborted { TaskError::aborted() } else { TaskError::lost() }));
        }
    }
}

/// A blocking call. It never begins once its task was aborted.
struct BlockingJob<T, F: FnOnce() -> T> {
    f: Option<F>,
    cell: Arc<Cell<T>>,
    rt: Option<Rt>,
}

impl<T, F: FnOnce() -> T> BlockingJob<T, F> {
    fn run(&mut self) {
        let Some(f) = self.f.take() else { return };
        let outcome = {
            let _scope = Scope::new(&mut self.rt);
            if self.cell.is_aborted.load(Ordering::SeqCst) {
                catch_unwind(AssertUnwindSafe(|| drop(f))).map_err(TaskError::panicked).and(Err(TaskError::aborted()))
            } else {
                catch_unwind(AssertUnwindSafe(f)).map_err(TaskError::panicked)
            }
        };
        self.cell.finish(outcome);
    }
}

impl<T, F: FnOnce() -> T> Drop for BlockingJob<T, F> {
    fn drop(&mut self) {
        if let Some(f) = self.f.take() {
            let dropped = {
                let _scope = Scope::new(&mut self.rt);
                catch_unwind(AssertUnwindSafe(|| drop(f)))
            };
            let is_aborted = self.cell.is_aborted.load(Ordering::SeqCst);
            self.cell.finish(Err(match dropped {
                Err(panic) => TaskError::panicked(panic),
                Ok(()) if is_aborted => TaskError::aborted(),
                Ok(()) => TaskError::lost(),
            }));
        }
    }
}

/// Why a task gave no value. One of the three predicates holds.
///
/// ```
/// # taktline::sim::run(1, async {
/// let task = taktline::spawn(async { panic!("no more") });
/// let error = task.await.map(|()| ()).unwrap_err();
/// assert!(error.is_panic() && !error.is_aborted() && !error.is_lost());
/// assert_eq!(error.panic_message(), Some("no more"));
/// assert_eq!(error.to_string(), "the task panicked: no more");
/// # });
/// ```
pub struct TaskError {
    kind: Kind,
}

enum Kind {
    Panicked { message: String, payload: Mutex<Box<dyn Any + Send>> },
    Aborted,
    Lost,
}

impl TaskError {
    fn panicked(payload: Box<dyn Any + Send>) -> TaskError {
        let text = payload.downcast_ref::<&'static str>().map(|text| (*text).to_owned());
        let message = text.or_else(|| payload.downcast_ref::<String>().cloned());
        let message = message.unwrap_or_else(|| "a value that is no text".to_owned());
        TaskError { kind: Kind::Panicked { message, payload: Mutex::new(payload) } }
    }

    fn aborted() -> TaskError {
        TaskError { kind: Kind::Aborted }
    }

    fn lost() -> TaskError {
        TaskError { kind: Kind::Lost }
    }

    /// Whether the task has panicked, in a poll or in a destructor.
    pub fn is_panic(&self) -> bool {
        matches!(self.kind, Kind::Panicked { .. })
    }

    /// Whether the task was aborted.
    pub fn is_aborted(&self) -> bool {
        matches!(self.kind, Kind::Aborted)
    }

    /// Whether the runtime dropped the task, as it does when it shuts down.
    pub fn is_lost(&self) -> bool {
        matches!(self.kind, Kind::Lost)
    }

    /// What the panic said, if it was one.
    pub fn panic_message(&self) -> Option<&str> {
        match &self.kind {
            Kind::Panicked { message, .. } => Some(message),
            _ => None,
        }
    }

    /// The payload of the panic, for `resume_unwind`, if it was one.
    pub fn into_panic(self) -> Option<Box<dyn Any + Send>> {
        match self.kind {
            Kind::Panicked { payload, .. } => Some(payload.into_inner()),
            _ => None,
        }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Panicked { message, .. } => write!(f, "the task panicked: {message}"),
            Kind::Aborted => f.write_str("the task was aborted"),
            Kind::Lost => f.write_str("the runtime dropped the task before it had finished"),
        }
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskError({self})")
    }
}

impl Error for TaskError {}
