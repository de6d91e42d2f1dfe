//! Runtimes: what spawns tasks and keeps time.
//!
//! An adapter implements [`Runtime`] and [`Timer`], nothing more. What a task means is defined once, in [`Task`]: drop
//! aborts, `cancel().await` waits for destructors, a panic is a typed error, and a task that the runtime dropped says so.
//! Time, tasks and randomness come only from here.
//!
//! The free functions of this module take the [`current`] runtime and nothing else. Those of the facade, `taktline::sleep`
//! and the like, fall back to an ambient tokio, and to smol: prefer them.

mod ambient;
mod instant;
mod naming;
mod rt;
mod task;
mod time;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

pub use ambient::{Entered, NoRuntime, current, now, sleep, sleep_until, spawn, spawn_blocking, timeout};
pub use instant::Instant;
pub(crate) use naming::named;
#[doc(hidden)]
pub use naming::task_name;
pub use rt::{Rt, Waits};
pub use task::{Task, TaskError};
pub use time::{Elapsed, Sleep, Timeout, YieldNow, yield_now};

/// What an adapter implements for one runtime.
///
/// Carried as a value, [`Rt`]: one virtual call a task and a timer, none for an item that is ready at once.
///
/// The methods may be called from any thread, and none of them blocks. The package `conformance` of the repository is a suite
/// that an adapter has to pass.
///
/// One that counts the tasks of another runtime:
///
/// ```
/// use std::pin::Pin;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
/// use std::task::{Context, Poll};
/// use taktline::prelude::*;
/// use taktline::runtime::{Instant, Rt, Runtime, Sleep, Timer};
/// use taktline::sim::Sim;
///
/// #[derive(Debug)]
/// struct Counted(Rt, Arc<AtomicU64>);
///
/// impl Runtime for Counted {
///     fn name(&self) -> &'static str {
///         "counted"
///     }
///     fn spawn(&self, job: Pin<Box<dyn Future<Output = ()> + Send>>) {
///         self.1.fetch_add(1, Relaxed);
///         self.0.spawn(job).detach();
///     }
///     fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
///         self.0.spawn_blocking(job).detach();
///     }
///     fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
///         Box::pin(After(self.0.sleep_until(deadline)))
///     }
///     fn now(&self) -> Instant {
///         self.0.now()
///     }
///     fn random(&self) -> u64 {
///         self.0.random()
///     }
/// }
///
/// struct After(Sleep);
///
/// impl Future for After {
///     type Output = ();
///     fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
///         Pin::new(&mut self.0).poll(cx)
///     }
/// }
///
/// impl Timer for After {
///     fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
///         self.0.reset(deadline);
///     }
/// }
///
/// let (sim, tasks) = (Sim::new(1), Arc::new(AtomicU64::new(0)));
/// let rt = Rt::new(Counted(sim.rt(), tasks.clone()));
/// let plan = iter(0..9u64).then(|x| async move { x + 1 }).count();
/// assert_eq!(sim.block_on(plan.run_on(&rt))?.value, 9);
/// // One for the source, one for the stage, in which the count is fused.
/// assert_eq!(tasks.load(Relaxed), 2);
/// # Ok::<(), taktline::Error>(())
/// ```
pub trait Runtime: Send + Sync + Debug + 'static {
    /// The name of the runtime, in lower case, for errors and reports.
    fn name(&self) -> &'static str;

    /// Runs `job` to its end as a task of its own. It does not poll it in place. A runtime that has shut down drops it.
    fn spawn(&self, job: Pin<Box<dyn Future<Output = ()> + Send>>);

    /// Runs `job` where blocking is allowed. A runtime that has shut down drops it.
    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>);

    /// A timer that fires at `deadline`, at once if that is not in the future.
    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>>;

    /// Called by a task that has woken others and goes on to compute: a thread that has nothing to do must be able to run
    /// them meanwhile. To be overridden where a task that another one wakes is kept for the thread of that other one.
    fn share_woken(&self) {}

    /// The time now. Never goes back.
    fn now(&self) -> Instant;

    /// A random number; on a simulated runtime it comes from the seed.
    fn random(&self) -> u64;
}

/// A timer of a runtime: ready when its deadline is reached, never before.
pub trait Timer: Future<Output = ()> + Send {
    /// Sets another deadline, also after it has fired. Who has polled it before is woken at the new deadline, without another
    /// poll. No allocation.
    fn reset(self: Pin<&mut Self>, deadline: Instant);
}
