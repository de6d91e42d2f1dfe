//! A runtime as a value.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::ambient::{Entered, Scope};
use super::{Instant, Runtime, Sleep, Task, Timeout, Timer, YieldNow, yield_now};
use crate::ledger::Report;
use crate::sync::Mutex;

/// A runtime, as a value that can be cloned and handed on.
///
/// The adapters make it (`taktline::runtimes::tokio::from_handle` and the like), or `taktline::choose_runtime`. It keeps no
/// real runtime running: who made that does.
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
/// use taktline::sim::Sim;
///
/// let sim = Sim::new(1);
/// let rt = sim.rt();
/// assert_eq!(rt.name(), "sim");
/// let plan = iter(0..3u64).then(|x| async move { sleep(Duration::from_secs(1)).await; x }).count();
/// assert_eq!(sim.block_on(plan.run_on(&rt))?.value, 3);
/// assert_eq!(rt.now().since_epoch(), Duration::from_secs(3));
/// # Ok::<(), taktline::Error>(())
/// ```
#[derive(Clone)]
pub struct Rt {
    runtime: Arc<dyn Runtime>,
    watched: Arc<Mutex<Vec<Weak<dyn Waits>>>>,
}

/// A run, to be looked at from outside: who waits for whom, for a report of a deadlock, and its ledger.
#[doc(hidden)]
pub trait Waits: Send + Sync {
    /// One line for each that waits.
    fn waits(&self) -> Vec<String>;

    /// The ledger as it stands now.
    fn report(&self) -> Report;
}

impl Rt {
    /// A value of the runtime.
    pub fn new(runtime: impl Runtime) -> Rt {
        Rt::from_arc(Arc::new(runtime))
    }

    /// A value of a runtime that is shared already.
    pub fn from_arc(runtime: Arc<dyn Runtime>) -> Rt {
        Rt { runtime, watched: Arc::default() }
    }

    /// The name of the runtime: `tokio`, `smol`, `sim`, or what an adapter of your own says.
    pub fn name(&self) -> &'static str {
        self.runtime.name()
    }

    /// The time now.
    pub fn now(&self) -> Instant {
        self.runtime.now()
    }

    /// A random number; on a simulated runtime it comes from the seed.
    pub fn random(&self) -> u64 {
        self.runtime.random()
    }

    /// Ready after `time`; at once, if that is zero.
    ///
    /// # Cancel safety
    /// Nothing is lost if it is dropped.
    pub fn sleep(&self, time: Duration) -> Sleep {
        self.sleep_until(self.now() + time)
    }

    /// Ready at `deadline`; at once, if that is not in the future.
    ///
    /// # Cancel safety
    /// Nothing is lost if it is dropped.
    pub fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep::new(self.timer(deadline), deadline)
    }

    /// The outcome of `future`, or an error after `time`. If both are ready at one instant, the outcome.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::sim::Sim;
    ///
    /// let sim = Sim::new(1);
    /// let rt = sim.rt();
    /// sim.block_on(async {
    ///     let second = Duration::from_secs(1);
    ///     assert!(rt.timeout(second, rt.sleep(2 * second)).await.is_err());
    ///     assert!(rt.timeout(second, rt.sleep(second)).await.is_ok());
    /// });
    /// ```
    ///
    /// # Cancel safety
    /// That of `future`, which is dropped with it.
    pub fn timeout<F: Future>(&self, time: Duration, future: F) -> Timeout<F> {
        Timeout::new(future, self.sleep(time))
    }

    /// To be called by a task that has woken others and goes on to compute: a thread that has nothing to do can run them
    /// meanwhile. Does nothing where that is so anyway.
    ///
    /// ```
    /// taktline::sim::Sim::new(1).rt().share_woken();
    /// ```
    pub fn share_woken(&self) {
        self.runtime.share_woken();
    }

    /// Lets other tasks run first. See [`yield_now`].
    ///
    /// # Cancel safety
    /// Nothing is lost if it is dropped.
    pub fn yield_now(&self) -> YieldNow {
        yield_now()
    }

    /// Runs `future` as a task of its own. A drop of the [`Task`] aborts it.
    ///
    /// ```
    /// use taktline::sim::Sim;
    ///
    /// let sim = Sim::new(1);
    /// let task = sim.rt().spawn(async { 6 * 7 });
    /// assert_eq!(sim.block_on(task).ok(), Some(42));
    /// ```
    pub fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Task::spawn(self, future)
    }

    /// Calls `f` where blocking is allowed. If the [`Task`] is dropped before the call has begun, it never begins; one that
    /// has begun goes on.
    pub fn spawn_blocking<T, F>(&self, f: F) -> Task<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        Task::spawn_blocking(self, f)
    }

    /// A future that makes this the current runtime while `future` is polled.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::sim::Sim;
    ///
    /// let (one, two) = (Sim::new(1), Sim::new(2));
    /// one.block_on(async { taktline::sleep(Duration::from_secs(5)).await });
    /// // Polled by the second, it has the clock of the first.
    /// let now = two.block_on(one.rt().enter(async { taktline::now() }));
    /// assert_eq!(now.since_epoch(), Duration::from_secs(5));
    /// ```
    ///
    /// # Cancel safety
    /// That of `future`.
    pub fn enter<F: Future>(&self, future: F) -> Entered<F> {
        Entered::new(self.clone(), future)
    }

    /// Makes this the current runtime while `f` runs, also if it panics.
    ///
    /// ```
    /// use taktline::runtime::current;
    /// use taktline::sim::Sim;
    ///
    /// assert!(current().is_none());
    /// let name = Sim::new(1).rt().scope(|| current().map(|rt| rt.name()));
    /// assert_eq!(name, Some("sim"));
    /// ```
    pub fn scope<R>(&self, f: impl FnOnce() -> R) -> R {
        let mut rt = Some(self.clone());
        let _scope = Scope::new(&mut rt);
        f()
    }

    /// This one with `runtime` around it. Whoever looks on at one of them sees the runs of both.
    #[doc(hidden)]
    pub fn wrapped(&self, runtime: impl Runtime) -> Rt {
        Rt { runtime: Arc::new(runtime), watched: self.watched.clone() }
    }

    #[doc(hidden)]
    pub fn watch(&self, watched: Weak<dyn Waits>) {
        let mut list = self.watched.lock();
        list.retain(|one| one.strong_count() > 0);
        list.push(watched);
    }

    #[doc(hidden)]
    pub fn watched(&self) -> Vec<Arc<dyn Waits>> {
        self.watched.lock().iter().filter_map(Weak::upgrade).collect()
    }

    #[doc(hidden)]
    pub fn waits(&self) -> Vec<String> {
        self.watched().iter().flat_map(|one| one.waits()).collect()
    }

    pub(crate) fn runtime(&self) -> &dyn Runtime {
        &*self.runtime
    }

    fn timer(&self, deadline: Instant) -> std::pin::Pin<Box<dyn Timer>> {
        self.runtime.timer(deadline)
    }
}

impl fmt::Debug for Rt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rt").field(&self.runtime).finish()
    }
}
