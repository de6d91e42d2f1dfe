//! Runs: a started pipeline, the owner of every task that it made, and its one outcome.

mod drain;
mod nested;
mod node;
mod pipeline;
mod running;
mod shared;
mod started;
mod token;
mod trace;
mod view;

pub(crate) use nested::start_within;
pub use node::Node;
pub(crate) use node::{Doing, Stop};
pub use pipeline::{Done, Pipeline};
pub(crate) use pipeline::{Ends, Gives, Plan, Value};
pub use running::{Run, Running};
pub use shared::Shared;
pub(crate) use shared::{Alive, Job, blame, blamed, current_run, is_blamed};
pub use started::Started;
pub use token::StopToken;
pub use view::View;
