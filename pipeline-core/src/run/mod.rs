//! Runs: a started pipeline, the owner of every task that it made, and its one outcome.

mod nested;
mod node;
mod pipeline;
mod running;
mod shared;
mod started;

pub(crate) use nested::start_within;
pub use node::Node;
pub(crate) use node::{Doing, Stop};
pub use pipeline::{Done, Pipeline};
pub(crate) use pipeline::{Ends, Value};
pub use running::{Run, Running};
pub use shared::Shared;
pub(crate) use shared::{Alive, Blame, Job, current_run, is_blamed};
pub use started::Started;
