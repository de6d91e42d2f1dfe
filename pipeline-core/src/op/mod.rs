//! Operators: steps that cannot await and are fused into the task before them, those that wait for time or room and have a
//! task of their own, and those that join or split flows.
//!
//! One operator, one file; those that are many of a kind have a folder. A fused operator is a flow over its upstream and a
//! `Push` over what comes next; it counts what it is handed.

mod buffer;
mod chain;
mod enumerate;
mod feedback;
mod filter;
mod filter_map;
mod flat_map;
mod fused;
mod inspect;
mod join;
mod map;
mod merge;
mod nesting;
mod order;
mod pressure;
mod scan;
mod shape;
mod skip;
mod split;
mod take;
mod take_while;
mod tasked;
mod time;
mod tracked;

pub use buffer::Buffer;
pub use chain::Chain;
pub use enumerate::Enumerate;
pub use feedback::{Again, Back, Feedback, FeedbackWith, LoopFull};
pub use filter::Filter;
pub use filter_map::FilterMap;
pub use flat_map::FlatMap;
pub(crate) use fused::{FusedCount, fused_flow, pass_on};
pub use inspect::Inspect;
pub(crate) use join::ZipAll;
pub(crate) use join::{Inputs, Mover, Taken};
pub use join::{Interleave, MergeSorted, Zip, ZipLatest, interleave, merge_sorted};
pub use map::Map;
pub(crate) use merge::Turns;
pub use merge::{Adder, KeepOpen, Merge, MergeFlow, MergeGrowing, NotAdded, merge, merge_growing, merge_prefer};
pub(crate) use nesting::{FlatMapFlow, SwitchMap};
pub use order::Resequence;
pub use pressure::{BufferOnFull, Conflate, Latest, MaxInFlight, OnFull};
pub use scan::Scan;
pub use shape::{
    Batch, BatchEvery, BatchReady, BatchWeighted, BatchWithin, Dedup, Distinct, SkipWhile, TakeUntil, Unbatch,
};
pub use skip::Skip;
pub use split::{
    Branch, Branches, Broadcast, EachBranch, EndedBranch, Fnv1a, Gather, Gathered, GroupBy, KeysFull, NoBranch,
    OpenBranch, OpenBranches, Pair, Route, StableHash, Tap, Values,
};
pub(crate) use split::{Key, Socket, balance, branch, partition, unzip};
pub use take::Take;
pub use take_while::TakeWhile;
pub(crate) use time::Beat;
pub use time::{Debounce, Delay, Rate, Sample, Throttle, TimeoutIdle};
pub use tracked::Tracked;
