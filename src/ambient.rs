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
/// # Panics
/// Where there is no runtime.
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
/// Where there is no runtime.
#[track_caller]
pub fn spawn_blocking<T, F>(f: F) -> Task<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    runtime().spawn_blocking(f)
}

/// Ready after `time`, by the clock of [the caller's runtime](choose_runtime): virtual on sim.
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

/// Ready at `deadline`, by the clock of [the caller's runtime](choose_runtime).
///
/// # Panics
/// Where there is no runtime.
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    runtime().sleep_until(deadline)
}

/// The outcome of `future`, or an error after `time`. If both are ready at one instant, the outcome.
///
/// # Panics
/// Where there is no runtime.
///
/// # Cancel safety
/// `future` is dropped when the time is over.
#[track_caller]
pub fn timeout<F: Future>(time: Duration, future: F) -> Timeout<F> {
    runtime().timeout(time, future)
}

/// The time now, by the clock of [the caller's runtime](choose_runtime).
///
/// # Panics
/// Where there is no runtime.
#[track_caller]
pub fn now() -> Instant {
    runtime().now()
}
