//! The books of a run: what came in, what became of it, and where the time went.
//!
//! For every stage at every ending: `in = done + failed + dropped + abandoned`. While the run goes on, add what is
//! waiting, in work and finished.

mod counts;
mod report;

pub(crate) use counts::{Counts, Spent, Steps, Tally};
pub use report::{Kind, Report, StageReport};
