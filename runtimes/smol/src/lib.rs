//! taktline on smol: on its global executor, or on one that is passed in.
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
//! The number of threads of the global executor is set by the environment variable `SMOL_THREADS`, 1 by default.
//!
//! A stage that uses tokio's own I/O needs a tokio context, which smol has not ("there is no reactor running"): wrap the
//! future with the crate `async-compat`, or use smol's I/O.

mod runtime;

use std::future::Future;
use std::sync::Arc;

use smol::Executor;
use taktline_core::runtime::Rt;

/// smol's global executor. Its threads start with its first task.
pub fn global() -> Rt {
    Rt::new(runtime::Smol::global())
}

/// An executor that the caller runs, on any number of threads.
pub fn from_executor(executor: Arc<Executor<'static>>) -> Rt {
    Rt::new(runtime::Smol::on(executor))
}

/// Runs `future` on this thread, with the global executor as the current runtime. What `#[taktline::main]` calls.
pub fn block_on<F: Future>(future: F) -> F::Output {
    smol::block_on(global().enter(future))
}
