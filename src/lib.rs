//! Plain annotated functions, run as a pipeline: with the overlap of queues, the throughput of worker pools, order,
//! backpressure, one outcome, and nothing left behind. On tokio, on smol, and on a simulated runtime for tests.
//!
//! ```
//! use std::time::Duration;
//! use taktline::prelude::*;
//!
//! const UNIT: Duration = Duration::from_millis(1);
//!
//! /// A generator: `send` is its `yield`.
//! #[source]
//! async fn producer(total: u64, out: Out<u64>) {
//!     for i in 0..total {
//!         sleep(UNIT * i as u32).await;
//!         out.send(i).await;
//!     }
//! }
//!
//! #[stage(concurrency = 2)]
//! async fn consumer(i: u64) -> u64 {
//!     sleep(UNIT * 2 * i as u32).await;
//!     2 * i
//! }
//!
//! #[taktline::main]
//! async fn main() -> taktline::Result<()> {
//!     let done = producer(5).then(consumer()).collect::<Vec<_>>().run().await?;
//!     assert_eq!(done.value, [0, 2, 4, 6, 8]);
//!     println!("{}", done.report);
//!     Ok(())
//! }
//! ```
//!
//! The producer makes the next item while the consumer works, and the consumer works on two items at a time: 18 units of
//! time, where a chain of generators takes 30. The outputs are in order.
//!
//! # Words
//!
//! A **flow** is a plan with an open end, a **pipeline** one whose ends are closed by sinks: values that run nothing, can be
//! cloned, and run many times. A **stage** is your function, as a value with settings. What awaits gets tasks of its own and
//! overlaps with its neighbours, behind an **edge**, a bounded queue; what cannot await is fused into its neighbour. A
//! **run** owns every task that it made. It has one outcome: a value with a [`Report`](ledger::Report), or one [`Error`]
//! that names the stage.
//!
//! # Where things are
//!
//! | to | see |
//! | --- | --- |
//! | import what most programs need | [`prelude`] |
//! | write a stage as a function | [`stage`](macro@stage), [`source`](macro@source), [`sink`](macro@sink) |
//! | write one as a closure, with settings | [`Flow::then`](flow::Flow::then), [`stage()`](fn@stage), [`try_stage`] |
//! | say what happens when an item fails | [`retry`](stages::Staged::retry), [`timeout`](stages::Staged::timeout), [`on_error`](stages::Staged::on_error) |
//! | write one by hand, or put stages together at run time | [`stages::Stage`], [`stages::BoxStage`] |
//! | start a flow from an iterator, from a stream, or by the clock | [`iter`], [`once`], [`stream`], [`interval`], [`after`] |
//! | feed a run from outside, and call it for replies | [`inlet`](fn@inlet), [`tracked_inlet`], [`calls`] |
//! | know every operator and every fused sink | [`flow::Flow`], and the traits beside it in [`flow`] |
//! | join flows | [`merge`], [`merge_prefer`], [`merge_sorted`], [`merge_growing`], [`interleave`], [`JoinExt`](flow::JoinExt), [`Flow::chain`](flow::Flow::chain) |
//! | split a flow | [`SplitExt`](flow::SplitExt) |
//! | run a pipeline; read a flow in a loop of your own | [`RunExt`], [`StartExt`], [`run::Running`], [`run::Started`] |
//! | drain or cancel runs from anywhere | [`StopToken`] |
//! | be told of a run in which nothing moves | [`on_stall`](run::Pipeline::on_stall), [`run::Stall`] |
//! | know how it went | [`run::Done`], [`ledger::Report`], [`Error`] |
//! | see how it goes, and what holds it up | [`ledger::Snapshot`], [`ledger::Verdict`], [`run::View`] |
//! | learn when all that was made from an item is gone | [`lineage::Ticket`] |
//! | use time and tasks that work on every runtime | [`sleep`], [`timeout`], [`now`], [`spawn`], [`spawn_blocking`] |
//! | choose a runtime, or embed in a program that has one | [`choose_runtime`], [`runtimes`], [`Rt`] |
//! | test in virtual time | [`test`](macro@test), [`sim`] |
//!
//! # Features
//!
//! | feature | adds | default |
//! | --- | --- | --- |
//! | `macros` | the attributes [`source`](macro@source), [`stage`](macro@stage), [`sink`](macro@sink), [`main`](macro@main), [`test`](macro@test) | on |
//! | `tokio` | the runtime tokio, in [`runtimes::tokio`] | on |
//! | `smol` | the runtime smol, in [`runtimes::smol`] | off |
//! | `sim` | the simulated runtime, in [`sim`] | off |
//! | `tower` | [`Calls::service`](inlet::Calls::service): calls as a service of tower | off |
//! | `tracing` | a span of the crate `tracing` for each stage, and events for failures, retries and drops | off |
//! | `metrics` | `Snapshot::record`, which records a snapshot with the crate `metrics` | off |
//!
//! Features only add: any set of them compiles, and none changes a type. Programs name no runtime, so the same text runs on
//! each. With `tokio` and `smol` both on, [`choose_runtime`] says which is taken.

mod ambient;
mod runs;

pub use ambient::{now, sleep, sleep_until, spawn, spawn_blocking, timeout};
pub use runs::{RunExt, StartExt, choose_runtime};

pub use taktline_core::error::{BoxError, Error, Failure, Panicked, Result};
pub use taktline_core::flow::{after, interval, iter, once, stream};
pub use taktline_core::inlet::{calls, inlet, tracked_inlet};
pub use taktline_core::op::{OnFull, Rate, interleave, merge, merge_growing, merge_prefer, merge_sorted};
pub use taktline_core::run::StopToken;
pub use taktline_core::runtime::{Instant, Rt, yield_now};
pub use taktline_core::stage::{Backoff, DeadLetter, OnError, stage, try_stage};
pub use taktline_core::{describe, error, flow, inlet, ledger, lineage, op, run, runtime};

#[cfg(feature = "macros")]
pub use taktline_macros::{main, sink, source, stage, test};

#[cfg(feature = "sim")]
pub use taktline_sim as sim;

/// The adapters that are built in, for a runtime of your own.
///
/// | to | call |
/// | --- | --- |
/// | run a future on a new runtime | `tokio::block_on`, `smol::block_on`, `sim::run` |
/// | run a pipeline on a runtime that you have | `run_on` with `tokio::from_handle`, `smol::from_executor`, `smol::global` |
///
/// ```
/// # #[cfg(feature = "tokio")] {
/// use taktline::prelude::*;
/// use taktline::runtimes::tokio::block_on;
///
/// let done = block_on(iter(0..3u64).then(|x| async move { x + 1 }).count().run())?;
/// assert_eq!(done.value, 3);
/// # }
/// # Ok::<(), taktline::Error>(())
/// ```
pub mod runtimes {
    #[cfg(feature = "sim")]
    pub use taktline_sim as sim;
    #[cfg(feature = "smol")]
    pub use taktline_smol as smol;
    #[cfg(feature = "tokio")]
    pub use taktline_tokio as tokio;
}

/// Stages as values, and what their bodies see: for stages written by hand, and for signatures that name a stage.
///
/// Most programs need none of it: the attributes and [`stage()`](fn@stage) make these types, and
/// [`then`](flow::Flow::then) and [`sink`](flow::Flow::sink) take them.
pub mod stages {
    pub use taktline_core::Drain;
    pub use taktline_core::stage::*;
}

pub mod prelude {
    //! What most programs need: `use taktline::prelude::*`.
    //!
    //! | name | what it is |
    //! | --- | --- |
    //! | `source`, `stage`, `sink` | the attributes; `stage` is a function, too |
    //! | `iter`, `once`, `stream`, `interval`, `after` | where flows begin |
    //! | `inlet`, `tracked_inlet`, `calls` | where they are fed from outside |
    //! | `merge`, `merge_prefer`, `merge_sorted`, `merge_growing`, `interleave`, [`JoinExt`] | where they join |
    //! | [`Flow`], [`BoxFlow`], [`Pipeline`] | plans |
    //! | [`ShapeExt`], [`TimeExt`], [`PressureExt`], [`OrderExt`], [`NestingExt`] | operators, by what they are about |
    //! | [`SplitExt`] | what splits a flow into branches |
    //! | [`Again`] | what the body of a `feedback` yields |
    //! | [`RunExt`], [`StartExt`], [`Started`], [`Done`] | `run` and `start`, and what they give |
    //! | [`StopToken`] | drains and cancels runs from anywhere |
    //! | [`Backoff`], [`OnError`], [`DeadLetter`] | what a stage does when an item fails |
    //! | [`In`], [`Out`] | what a body reads from and sends into |
    //! | `sleep`, `yield_now` | time, on every runtime |
    //!
    //! The attributes `main` and `test`, and `Result`, are left out, since a program has its own: write `#[taktline::main]`,
    //! `taktline::Result`.

    pub use crate::{
        RunExt, StartExt, after, calls, inlet, interleave, interval, iter, merge, merge_growing, merge_prefer,
        merge_sorted, once, sleep, stage, stream, tracked_inlet, yield_now,
    };
    #[cfg(feature = "macros")]
    pub use crate::{sink, source};
    pub use taktline_core::flow::{
        BoxFlow, Flow, JoinExt, NestingExt, OrderExt, PressureExt, ShapeExt, SplitExt, TimeExt,
    };
    pub use taktline_core::op::Again;
    pub use taktline_core::run::{Done, Pipeline, Started, StopToken};
    pub use taktline_core::stage::{Backoff, DeadLetter, In, OnError, Out};
}

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
