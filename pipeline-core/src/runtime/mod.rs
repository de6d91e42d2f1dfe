//! Runtimes: what spawns tasks and keeps time.
//!
//! An adapter implements [`Runtime`] and [`Timer`], nothing more. What a task means is defined once, in [`Task`]: drop
//! aborts, `cancel().await` waits for destructors, a panic is a typed error, and a task that the runtime dropped says so.
//! Time, tasks and randomness come only from here.

mod ambient;
mod instant;
mod rt;
mod task;
mod time;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::task::Waker;

pub use ambient::{Entered, NoRuntime, current, now, sleep, sleep_until, spawn, spawn_blocking, timeout};
pub use instant::Instant;
pub use rt::{Rt, Waits};
pub use task::{Task, TaskError};
pub use time::{Elapsed, Sleep, Timeout, YieldNow, yield_now};

/// What an adapter implements for one runtime.
///
/// Carried as a value, [`Rt`]: one virtual call a task and a timer, none for an item that is ready at once.
///
/// The methods may be called from any thread.
pub trait Runtime: Send + Sync + Debug + 'static {
    /// The name of the runtime, in lower case, for errors and reports.
    fn name(&self) -> &'static str;

    /// Runs `job` to its end as a task of its own. A runtime that has shut down drops it.
    fn spawn(&self, job: Pin<Box<dyn Future<Output = ()> + Send>>);

    /// Runs `job` where blocking is allowed. A runtime that has shut down drops it.
    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>);

    /// A timer that fires at `deadline`, at once if that is not in the future.
    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>>;

    /// Wakes a task while the caller goes on to compute: a thread that has nothing to do must be able to run it meanwhile.
    /// To be overridden where a task that another one wakes is kept for the thread of that other one.
    fn wake_elsewhere(&self, waker: Waker) {
        waker.wake();
    }

    /// The time now. Never goes back.
    fn now(&self) -> Instant;

    /// A random number; on a simulated runtime it comes from the seed.
    fn random(&self) -> u64;
}

/// A timer of a runtime: ready when its deadline is reached, never before.
pub trait Timer: Future<Output = ()> + Send {
    /// Sets another deadline, also after it has fired. No allocation.
    fn reset(self: Pin<&mut Self>, deadline: Instant);
}
