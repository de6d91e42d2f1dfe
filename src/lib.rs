//! Plain annotated functions, run as a pipeline: with the overlap of queues, the throughput of worker pools, order,
//! backpressure, one outcome, and nothing left behind.
//!
//! ```
//! use std::time::Duration;
//! use taktline::prelude::*;
//!
//! #[source]
//! async fn producer(total: u64, out: Out<u64>) {
//!     for i in 0..total {
//!         sleep(Duration::from_millis(i)).await;
//!         out.send(i).await;
//!     }
//! }
//!
//! #[stage(concurrency = 2)]
//! async fn consumer(i: u64) -> u64 {
//!     sleep(Duration::from_millis(2 * i)).await;
//!     2 * i
//! }
//!
//! #[taktline::main]
//! async fn main() -> taktline::Result<()> {
//!     let done = producer(5).then(consumer()).collect::<Vec<_>>().run().await?;
//!     assert_eq!(done.value, [0, 2, 4, 6, 8]);
//!     Ok(())
//! }
//! ```
//!
//! - A **flow** is a plan with an open end, a **pipeline** one whose ends are closed by sinks: values that run nothing.
//!   See [`Flow`](flow::Flow) for every operator.
//! - A **stage** is your function. What awaits gets a task of its own and overlaps with its neighbours; what cannot await is
//!   fused. See [`stage`](macro@stage), [`source`](macro@source) and [`sink`](macro@sink).
//! - A **run** owns every task it made. Its outcome is a value with a [`Report`](ledger::Report), or one [`Error`].
//!
//! Features: `macros` and `tokio` are on by default; `smol` and `sim` add the other runtimes. Features only add.

mod ambient;
mod runs;

pub use ambient::{now, sleep, sleep_until, spawn, spawn_blocking, timeout};
pub use runs::{RunExt, StartExt, choose_runtime};

pub use taktline_core::error::{BoxError, Error, Failure, Panicked, Result};
pub use taktline_core::flow::{iter, once, stream};
pub use taktline_core::op::merge;
pub use taktline_core::runtime::{Instant, Rt, yield_now};
pub use taktline_core::stage::stage;
pub use taktline_core::{error, flow, ledger, lineage, op, run, runtime};

#[cfg(feature = "macros")]
pub use taktline_macros::{main, sink, source, stage, test};

#[cfg(feature = "sim")]
pub use taktline_sim as sim;

/// The adapters that are built in, for a runtime of your own: `block_on`, `from_handle`, `from_executor`.
pub mod runtimes {
    #[cfg(feature = "sim")]
    pub use taktline_sim as sim;
    #[cfg(feature = "smol")]
    pub use taktline_smol as smol;
    #[cfg(feature = "tokio")]
    pub use taktline_tokio as tokio;
}

/// What a stage sees, and stages as values.
pub mod stages {
    pub use taktline_core::Drain;
    pub use taktline_core::stage::*;
}

/// What most programs need: `use taktline::prelude::*`.
pub mod prelude {
    pub use crate::{RunExt, StartExt, iter, merge, once, sleep, stage, stream, yield_now};
    #[cfg(feature = "macros")]
    pub use crate::{sink, source};
    pub use taktline_core::flow::{BoxFlow, Flow};
    pub use taktline_core::run::{Done, Pipeline, Started};
    pub use taktline_core::stage::{In, Out};
}

/// The programs of the README, compiled and run.
#[cfg(all(doctest, feature = "macros", feature = "tokio", feature = "sim"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[doc(hidden)]
pub mod __private {
    pub use taktline_core::private::*;
    #[cfg(feature = "sim")]
    pub use taktline_sim as sim;
    #[cfg(feature = "smol")]
    pub use taktline_smol as smol;
    #[cfg(feature = "tokio")]
    pub use taktline_tokio as tokio;
}
