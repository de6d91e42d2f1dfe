//! Sinks: where items leave.
//!
//! A sink that awaits is a stage without outputs: it has an edge and workers of its own ([`Drain`]). One that cannot await
//! is fused into the task before it, and gives the run its value ([`fused`]).

mod drain;
mod fused;

pub use drain::Drain;
pub(crate) use drain::{Nowhere, WorkerSink};
pub(crate) use fused::{Collect, Count, First, Fold, ForEach, FusedSink, FusedSinkPush};
