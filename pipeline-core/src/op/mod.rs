//! Operators: steps that cannot await and are fused into the task before them, those that wait for time or room and have a
//! task of their own, and those that join flows.
//!
//! One operator, one file; those that are many of a kind have a folder. A fused operator is a flow over its upstream and a
//! `Push` over what comes next; it counts what it is handed.

mod buffer;
mod chain;
mod enumerate;
mod filter;
mod filter_map;
mod flat_map;
mod fused;
mod inspect;
mod map;
mod merge;
mod nesting;
mod order;
mod pressure;
mod scan;
mod shape;
mod skip;
mod take;
mod take_while;
mod tasked;
mod time;
mod tracked;

pub use buffer::Buffer;
pub use chain::Chain;
pub use enumerate::Enumerate;
pub use filter::Filter;
pub use filter_map::FilterMap;
pub use flat_map::FlatMap;
pub(crate) use fused::{FusedCount, fused_flow, pass_on};
pub use inspect::Inspect;
pub use map::Map;
pub use merge::{Merge, MergeFlow, merge};
pub(crate) use nesting::{FlatMapFlow, SwitchMap};
pub use order::Resequence;
pub use pressure::{BufferOnFull, Conflate, Latest, MaxInFlight, OnFull};
pub use scan::Scan;
pub use shape::{
    Batch, BatchEvery, BatchReady, BatchWeighted, BatchWithin, Dedup, Distinct, SkipWhile, TakeUntil, Unbatch,
};
pub use skip::Skip;
pub use take::Take;
pub use take_while::TakeWhile;
pub(crate) use time::Beat;
pub use time::{Debounce, Delay, Rate, Sample, Throttle, TimeoutIdle};
pub use tracked::Tracked;
