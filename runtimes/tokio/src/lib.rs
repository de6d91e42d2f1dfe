//! taktline on tokio, current-thread and multi-thread.
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

mod runtime;
mod timer;

use std::future::Future;

use taktline_core::runtime::Rt;
use tokio::runtime::{Builder, Handle};

/// The tokio runtime behind `handle`.
pub fn from_handle(handle: Handle) -> Rt {
    Rt::new(runtime::Tokio::new(handle))
}

/// The tokio runtime of the caller, if the caller is on one.
pub fn ambient() -> Option<Rt> {
    Handle::try_current().ok().map(from_handle)
}

/// Runs `future` on a new multi-thread runtime, which it makes the current one. What `#[taktline::main]` calls.
///
/// # Panics
/// If the operating system gives no threads, or if called on a tokio runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    run(Builder::new_multi_thread(), future)
}

/// Runs `future` on a new current-thread runtime, which it makes the current one.
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
