//! The current runtime of a thread: the one whose task is polled.
//!
//! It is lent to the thread for each poll and taken back, without a clone: a poll costs no atomic operation for it.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{Instant, Rt, Sleep, Task, Timeout};
use crate::sync::thread_local;

thread_local! {
    static CURRENT: Cell<Option<Rt>> = Cell::default();
}

/// Lends a runtime to the thread until it is dropped, also by an unwind.
pub(crate) struct Scope<'a> {
    lender: &'a mut Option<Rt>,
    outer: Option<Rt>,
}

impl<'a> Scope<'a> {
    /// Lends nothing on a thread that is ending, where nothing can be lent any more.
    pub(crate) fn new(lender: &'a mut Option<Rt>) -> Self {
        let outer = CURRENT.try_with(|current| current.replace(lender.take())).ok().flatten();
        Scope { lender, outer }
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        if let Ok(lent) = CURRENT.try_with(|current| current.replace(self.outer.take())) {
            *self.lender = lent;
        }
    }
}

/// The runtime whose task, blocking call or [entered](Rt::enter) future is polled on this thread. `None` elsewhere, also on a
/// thread of tokio or smol that polls something else.
///
/// ```
/// use taktline::runtime::current;
///
/// assert!(current().is_none());
/// assert_eq!(taktline::sim::run(1, async { current().map(|rt| rt.name()) }), Some("sim"));
/// ```
pub fn current() -> Option<Rt> {
    // A thread that is ending has no current runtime any more.
    let rt = CURRENT.try_with(Cell::take).ok()?;
    CURRENT.with(|current| current.set(rt.clone()));
    rt
}

/// There is no current runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRuntime;

impl fmt::Display for NoRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no taktline runtime on this thread: call this in a stage, in `#[taktline::main]` or `#[taktline::test]`, \
             or inside of `Rt::enter`",
        )
    }
}

impl Error for NoRuntime {}

#[track_caller]
fn expect_current() -> Rt {
    match current() {
        Some(rt) => rt,
        None => panic!("{NoRuntime}"),
    }
}

/// Runs `future` as a task of its own on the current runtime. A drop of the [`Task`] aborts it. See [`Rt::spawn`].
///
/// # Panics
/// Where there is no [current] runtime.
#[track_caller]
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    expect_current().spawn(future)
}

/// Calls `f` where the current runtime allows blocking. See [`Rt::spawn_blocking`].
///
/// # Panics
/// Where there is no [current] runtime.
#[track_caller]
pub fn spawn_blocking<T, F>(f: F) -> Task<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    expect_current().spawn_blocking(f)
}

/// Ready after `time` on the current runtime.
///
/// ```
/// use std::time::Duration;
/// use taktline::runtime::{now, sleep};
///
/// taktline::sim::run(1, async {
///     let start = now();
///     sleep(Duration::from_secs(60)).await;
///     assert_eq!(now() - start, Duration::from_secs(60));
/// });
/// ```
///
/// # Panics
/// Where there is no [current] runtime.
///
/// # Cancel safety
/// Nothing is lost if it is dropped.
#[track_caller]
pub fn sleep(time: Duration) -> Sleep {
    expect_current().sleep(time)
}

/// Ready at `deadline` of the current runtime.
///
/// # Panics
/// Where there is no [current] runtime.
///
/// # Cancel safety
/// Nothing is lost if it is dropped.
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    expect_current().sleep_until(deadline)
}

/// The outcome of `future`, or an error after `time` on the current runtime. See [`Rt::timeout`].
///
/// # Panics
/// Where there is no [current] runtime.
///
/// # Cancel safety
/// That of `future`, which is dropped with it.
#[track_caller]
pub fn timeout<F: Future>(time: Duration, future: F) -> Timeout<F> {
    expect_current().timeout(time, future)
}

/// The time now, on the current runtime.
///
/// # Panics
/// Where there is no [current] runtime.
#[track_caller]
pub fn now() -> Instant {
    expect_current().now()
}

/// The future of [`Rt::enter`].
///
/// # Cancel safety
/// That of the inner future.
#[must_use = "nothing is polled until it is awaited"]
pub struct Entered<F> {
    rt: Option<Rt>,
    future: Pin<Box<F>>,
}

impl<F> Entered<F> {
    pub(super) fn new(rt: Rt, future: F) -> Self {
        Entered { rt: Some(rt), future: Box::pin(future) }
    }
}

impl<F: Future> Future for Entered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _scope = Scope::new(&mut this.rt);
        this.future.as_mut().poll(cx)
    }
}

impl<F> fmt::Debug for Entered<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").field("rt", &self.rt).finish_non_exhaustive()
    }
}
