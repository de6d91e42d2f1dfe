//! The books of a run: what came in, what became of it, and where the time went.
//!
//! For every stage at every ending: `in = done + failed + dropped + abandoned`. While the run goes on, add what is
//! waiting, in work and finished.

mod counts;
mod histogram;
#[cfg(feature = "metrics")]
mod metrics;
mod report;
mod snapshot;
mod table;
mod time;
mod verdict;

pub(crate) use counts::{Counts, SAMPLED, Steps, Tally};
pub use histogram::Times;
pub use report::{Kind, Report, StageReport};
pub use snapshot::{Snapshot, StageSnapshot};
pub(crate) use time::{Spent, Stopwatch, ns};
pub use verdict::{Cause, Verdict};
