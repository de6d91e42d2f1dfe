//! Tasks and time, wherever the caller is: on the runtime that `run` would take.

use std::future::Future;
use std::time::Duration;

use taktline_core::runtime::{Instant, Rt, Sleep, Task, Timeout};

use crate::choose_runtime;

#[track_caller]
fn runtime() -> Rt {
    match choose_runtime() {
        Ok(rt) => rt,
        Err(error) => panic!("{error}"),
    }
}

/// Runs `future` as a task of its own on [the caller's runtime](choose_runtime). A drop of the [`Task`] aborts it.
///
/// Stages need no tasks of their own; this is for what runs beside a pipeline.
///
/// ```
/// taktline::sim::run(1, async {
///     let task = taktline::spawn(async { 6 * 7 });
///     assert_eq!(task.await.ok(), Some(42));
/// });
/// ```
///
/// # Panics
/// Where there is no runtime, with the feature or the call that is missing.
#[track_caller]
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    runtime().spawn(future)
}

/// Calls `f` where [the caller's runtime](choose_runtime) allows blocking. If the [`Task`] is dropped before the call has
/// begun, it never begins; one that has begun goes on.
///
/// ```
/// taktline::sim::run(1, async {
///     let length = taktline::spawn_blocking(|| std::fs::read("Cargo.toml").map(|text| text.len())).await;
///     assert!(length.is_ok());
/// });
/// ```
///
/// # Panics
/// Where there is no runtime. A panic of `f` is an error of the [`Task`].
#[track_caller]
pub fn spawn_blocking<T, F>(f: F) -> Task<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    runtime().spawn_blocking(f)
}

/// Ready after `time`, by the clock of [the caller's runtime](choose_runtime): virtual on sim. At once, if it is zero.
///
/// The clock is that of the runtime that is current where `sleep` is called, not where its future is awaited.
///
/// ```
/// use std::time::Duration;
///
/// taktline::sim::run(1, async {
///     let start = taktline::now();
///     taktline::sleep(Duration::from_secs(86_400)).await;
///     assert_eq!(taktline::now() - start, Duration::from_secs(86_400));
/// });
/// ```
///
/// # Panics
/// Where there is no runtime.
///
/// # Cancel safety
/// Nothing is lost if it is dropped.
#[track_caller]
pub fn sleep(time: Duration) -> Sleep {
    runtime().sleep(time)
}

/// Ready at `deadline`, by the clock of [the caller's runtime](choose_runtime). At once, if that is not in the future.
///
/// ```
/// use std::time::Duration;
///
/// taktline::sim::run(1, async {
///     let deadline = taktline::now() + Duration::from_secs(5);
///     taktline::sleep(Duration::from_secs(2)).await;
///     taktline::sleep_until(deadline).await;
///     assert_eq!(taktline::now(), deadline);
/// });
/// ```
///
/// # Panics
/// Where there is no runtime.
///
/// # Cancel safety
/// Nothing is lost if it is dropped.
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    runtime().sleep_until(deadline)
}

/// The outcome of `future`, or an error after `time`. If both are ready at one instant, the outcome.
///
/// A run whose time is over is dropped, which aborts every task of it:
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// taktline::sim::run(1, async {
///     let endless = iter(0u64..).then(|x| async move { sleep(Duration::from_secs(1)).await; x }).count();
///     assert!(taktline::timeout(Duration::from_secs(10), endless.run()).await.is_err());
/// });
/// ```
///
/// # Panics
/// Where there is no runtime.
///
/// # Cancel safety
/// That of `future`, which is dropped when the time is over.
#[track_caller]
pub fn timeout<F: Future>(time: Duration, future: F) -> Timeout<F> {
    runtime().timeout(time, future)
}

/// The time now, by the clock of [the caller's runtime](choose_runtime).
///
/// ```
/// use std::time::Duration;
///
/// // The clock of the simulated runtime starts at zero, and moves only where something sleeps.
/// let now = taktline::sim::run(1, async { taktline::now() });
/// assert_eq!(now.since_epoch(), Duration::ZERO);
/// ```
///
/// # Panics
/// Where there is no runtime.
#[track_caller]
pub fn now() -> Instant {
    runtime().now()
}
