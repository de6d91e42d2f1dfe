//! taktline on smol: on an executor of its own, on the global one, or on one that is passed in.
//!
//! ```
//! use std::time::Duration;
//!
//! let waited = taktline_smol::block_on(async {
//!     let rt = taktline_smol::global();
//!     let start = rt.now();
//!     rt.sleep(Duration::from_millis(1)).await;
//!     rt.now() - start
//! });
//! assert!(waited >= Duration::from_millis(1));
//! ```
//!
//! A stage that uses tokio's own I/O or timers needs a tokio context, which smol has not: the stage panics with "there is no
//! reactor running", and the run fails with its name. Wrap the body of that stage with `async_compat::Compat`, of the crate
//! `async-compat`, or use smol's I/O.

mod runtime;

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use smol::Executor;
use taktline_core::runtime::Rt;

/// smol's global executor. Its threads start with its first task; the environment variable `SMOL_THREADS` says how many
/// there are, 1 by default. They never end.
///
/// ```
/// use taktline::prelude::*;
///
/// // No thread of the caller has to run an executor.
/// let run = iter(0..3u64).then(|x| async move { 2 * x }).collect::<Vec<_>>().run_on(&taktline_smol::global());
/// assert_eq!(smol::block_on(run)?.value, [0, 2, 4]);
/// # Ok::<(), taktline::Error>(())
/// ```
pub fn global() -> Rt {
    Rt::new(runtime::Smol::global())
}

/// An executor that the caller owns and runs, on any number of threads. While nobody runs it, nothing happens. Once it is
/// dropped, tasks are lost.
///
/// ```
/// use std::sync::Arc;
/// use taktline::prelude::*;
///
/// let executor = Arc::new(smol::Executor::new());
/// let rt = taktline_smol::from_executor(&executor);
/// let run = iter(0..3u64).then(|x| async move { 2 * x }).collect::<Vec<_>>().run_on(&rt);
/// assert_eq!(smol::block_on(executor.run(run))?.value, [0, 2, 4]);
/// # Ok::<(), taktline::Error>(())
/// ```
pub fn from_executor(executor: &Arc<Executor<'static>>) -> Rt {
    Rt::new(runtime::Smol::on(executor))
}

/// Runs `future` on an executor with a thread for each core, which it makes the current runtime. What `#[taktline::main]`
/// calls. `SMOL_THREADS` says otherwise, as for the global executor. Tasks that are left when it returns are dropped.
///
/// ```
/// use taktline::prelude::*;
///
/// let done = taktline_smol::block_on(iter(0..3u64).then(|x| async move { 2 * x }).collect::<Vec<_>>().run())?;
/// assert_eq!(done.value, [0, 2, 4]);
/// # Ok::<(), taktline::Error>(())
/// ```
///
/// # Panics
/// If the operating system gives no threads.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let asked = std::env::var("SMOL_THREADS").ok().and_then(|text| text.parse::<NonZeroUsize>().ok());
    let threads = asked.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    run(threads, future)
}

/// Runs `future` and all tasks on this thread, with an executor of its own as the current runtime. What
/// `#[taktline::main(smol, current_thread)]` calls. See [`block_on`].
///
/// ```
/// use taktline::prelude::*;
///
/// let thread = || std::thread::current().id();
/// let plan = iter(0..3u64).then(move |_| async move { thread() }).collect::<Vec<_>>();
/// let done = taktline_smol::block_on_current_thread(plan.run())?;
/// assert_eq!(done.value, [thread(); 3]);
/// # Ok::<(), taktline::Error>(())
/// ```
pub fn block_on_current_thread<F: Future>(future: F) -> F::Output {
    run(1, future)
}

fn run<F: Future>(threads: usize, future: F) -> F::Output {
    let executor = Arc::new(Executor::new());
    let rt = from_executor(&executor);
    // Dropped when `future` has ended, or has panicked: that ends the other threads.
    let (running, ended) = smol::channel::bounded::<()>(1);
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| smol::block_on(executor.run(ended.recv())));
        }
        let _running = running;
        smol::block_on(executor.run(rt.enter(future)))
    })
}
