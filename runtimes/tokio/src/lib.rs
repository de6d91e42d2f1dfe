//! taktline on tokio, current-thread and multi-thread.
//!
//! A program that has a tokio runtime needs nothing of this package: `run` and `start` find it. This is for a program that
//! wants one made ([`block_on`]), or that names the runtime ([`from_handle`]).
//!
//! ```
//! use std::time::Duration;
//!
//! let waited = taktline_tokio::block_on(async {
//!     let rt = taktline_tokio::ambient().expect("block_on runs on tokio");
//!     let start = rt.now();
//!     rt.sleep(Duration::from_millis(1)).await;
//!     rt.now() - start
//! });
//! assert!(waited >= Duration::from_millis(1));
//! ```
//!
//! The runtime needs its time driver (`enable_time`, or `enable_all`) where stages sleep.

mod runtime;
mod timer;

use std::future::Future;

use taktline_core::runtime::Rt;
use tokio::runtime::{Builder, Handle};

/// The tokio runtime behind `handle`, for `run_on` and `start_on`. Once it has shut down, tasks are lost.
///
/// ```
/// use taktline::prelude::*;
///
/// let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("it can be built");
/// let rt = taktline_tokio::from_handle(runtime.handle().clone());
/// // The stages run there, whoever waits for them.
/// let running = iter(0..3u64).then(|x| async move { x + 1 }).count().start_on(&rt);
/// assert_eq!(runtime.block_on(running.join())?.value, 3);
/// # Ok::<(), taktline::Error>(())
/// ```
pub fn from_handle(handle: Handle) -> Rt {
    Rt::new(runtime::Tokio::new(handle))
}

/// The tokio runtime of the caller, if the caller is on one: in a task, in `block_on`, or behind `Handle::enter`.
///
/// ```
/// assert!(taktline_tokio::ambient().is_none());
/// assert!(taktline_tokio::block_on(async { taktline_tokio::ambient().is_some() }));
/// ```
pub fn ambient() -> Option<Rt> {
    Handle::try_current().ok().map(from_handle)
}

/// Runs `future` on a new multi-thread runtime, which it makes the current one. What `#[taktline::main]` calls. When it
/// returns, the runtime is shut down, which waits for blocking calls that have begun.
///
/// ```
/// use taktline::prelude::*;
///
/// let done = taktline_tokio::block_on(iter(0..3u64).then(|x| async move { 2 * x }).collect::<Vec<_>>().run())?;
/// assert_eq!(done.value, [0, 2, 4]);
/// # Ok::<(), taktline::Error>(())
/// ```
///
/// # Panics
/// If the operating system gives no threads, or if called on a tokio runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    run(Builder::new_multi_thread(), future)
}

/// Runs `future` on a new current-thread runtime, which it makes the current one. What `#[taktline::main(current_thread)]`
/// calls. See [`block_on`].
///
/// ```
/// use taktline::prelude::*;
///
/// let thread = || std::thread::current().id();
/// let plan = iter(0..3u64).then(move |_| async move { thread() }).collect::<Vec<_>>();
/// let done = taktline_tokio::block_on_current_thread(plan.run())?;
/// assert_eq!(done.value, [thread(); 3]);
/// # Ok::<(), taktline::Error>(())
/// ```
///
/// # Panics
/// If called on a tokio runtime.
pub fn block_on_current_thread<F: Future>(future: F) -> F::Output {
    run(Builder::new_current_thread(), future)
}

fn run<F: Future>(mut builder: Builder, future: F) -> F::Output {
    let runtime = builder.enable_all().build().expect("the operating system gives what a runtime needs");
    let rt = from_handle(runtime.handle().clone());
    runtime.block_on(rt.enter(future))
}
