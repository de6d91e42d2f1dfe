//! Plans, stages, edges and runs of taktline. This package knows no runtime and no macro: use it through the facade,
//! `taktline`, unless you write a runtime.
//!
//! | module | owns |
//! | --- | --- |
//! | [`flow`] | plans with an open end, their sources and operators |
//! | [`stage`] | a user's function as a value with settings, and the workers that run it |
//! | [`run`] | pipelines, their tasks and their outcome |
//! | [`describe`] | what a plan says of itself before it runs |
//! | [`ledger`] | the counts of every stage |
//! | [`error`] | the one error of a run |
//! | [`lineage`] | tickets |
//! | [`inlet`] | handles that feed a run from outside, and calls through it |
//! | [`runtime`] | what spawns and keeps time |

pub mod describe;
mod edge;
pub mod error;
pub mod flow;
pub mod inlet;
pub mod ledger;
pub mod lineage;
pub mod op;
mod plan;
#[doc(hidden)]
pub mod private;
mod push;
pub mod run;
pub mod runtime;
mod sink;
pub mod stage;
mod sync;

pub use edge::DEFAULT_BUFFER;
pub use sink::Drain;
