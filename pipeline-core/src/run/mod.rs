//! Runs: a started pipeline, the owner of every task that it made, and its one outcome.

mod drain;
mod nested;
mod node;
mod pipeline;
mod running;
mod shared;
mod stall;
mod started;
mod survey;
mod token;
mod trace;
mod view;
mod watch;

pub(crate) use nested::{Inner, start_within};
pub(crate) use node::Stop;
pub use node::{Doing, Node};
pub use pipeline::{Done, Pipeline};
pub(crate) use pipeline::{Ends, Gives, Plan, Value};
pub use running::{Run, Running};
pub use shared::Shared;
pub(crate) use shared::{Alive, Job, blame, blamed, current_run, is_blamed};
pub use stall::Stall;
pub use started::Started;
pub use survey::{EdgeFill, Waiting};
pub use token::StopToken;
pub use view::View;
