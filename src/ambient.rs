//! Time, wherever the caller is: on the runtime that `run` would take.

use std::future::Future;
use std::time::Duration;

use taktline_core::runtime::{Instant, Rt, Sleep, Timeout};

use crate::choose_runtime;

#[track_caller]
fn runtime() -> Rt {
    match choose_runtime() {
        Ok(rt) => rt,
        Err(error) => panic!("{error}"),
    }
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
