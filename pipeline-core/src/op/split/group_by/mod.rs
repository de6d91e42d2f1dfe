//! Each item to the flow of its key, which is made when the key comes and ended when the key has become idle.
//!
//! The flow of a key is a run within the run, like an inner flow of [nesting](crate::op::nesting): the ledger of the outer run
//! does not grow with the keys. The split gives each item to the flow of its key, and a join takes what the flows yield.
//!
//! ```text
//!              ┌▶ flow of a key ─▶ edge ─┐
//! edge ─▶ split┤                         ├▶ join ─▶
//!              └▶ flow of a key ─▶ edge ─┘
//! ```
//!
//! | invariant | meaning |
//! | --- | --- |
//! | *places* | a key has its place from its first item until its flow has ended and all that it yielded was read; there are never more than `max_keys` of them |
//! | *one flow a key* | an item whose key is ending waits for that place, so that the order of each key is kept |

mod flow;
mod gate;
mod groups;
mod outputs;

pub use flow::{GroupBy, KeysFull};

/// The row of the split.
const NAME: &str = "group_by";
/// The row of the join.
const JOIN: &str = "merge";
