//! Operators that change what an item is, or which items pass: batches, and what is left out.
//!
//! | waits for | operators | how |
//! | --- | --- | --- |
//! | nothing | `batch`, `unbatch`, `dedup`, `distinct`, `skip_while` | fused into the task before them |
//! | time, a future, or room | `batch_within`, `batch_weighted`, `batch_ready`, `batch_every`, `take_until` | an edge and a task |

mod batch;
mod batch_every;
mod batch_ready;
mod batch_weighted;
mod batch_within;
mod dedup;
mod distinct;
mod open_batch;
mod skip_while;
mod take_until;
mod unbatch;

pub use batch::Batch;
pub use batch_every::BatchEvery;
pub use batch_ready::BatchReady;
pub use batch_weighted::BatchWeighted;
pub use batch_within::BatchWithin;
pub use dedup::Dedup;
pub use distinct::Distinct;
pub use skip_while::SkipWhile;
pub use take_until::TakeUntil;
pub use unbatch::Unbatch;
