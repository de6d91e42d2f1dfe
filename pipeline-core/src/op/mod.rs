//! Operators: steps that cannot await and are fused into the task before them, and steps that join or split flows.
//!
//! One operator, one file. A fused operator is a flow over its upstream and a `Push` over what comes
//! next; it counts what it is handed.

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
mod scan;
mod skip;
mod split;
mod take;
mod take_while;
mod tracked;

pub use buffer::Buffer;
pub use chain::Chain;
pub use enumerate::Enumerate;
pub use feedback::{Again, Feedback, LoopFull};
pub use filter::Filter;
pub use filter_map::FilterMap;
pub use flat_map::FlatMap;
pub(crate) use fused::{FusedCount, fused_flow, pass_on};
pub use inspect::Inspect;
pub(crate) use join::Mover;
pub use join::{Interleave, MergeSorted, Zip, ZipLatest, interleave, merge_sorted};
pub use map::Map;
pub(crate) use merge::Turns;
pub use merge::{Adder, KeepOpen, Merge, MergeFlow, MergeGrowing, NotAdded, merge, merge_growing, merge_prefer};
pub use scan::Scan;
pub use skip::Skip;
pub use split::{
    Branch, Branches, Broadcast, EachBranch, EndedBranch, Fnv1a, Gather, Gathered, NoBranch, OpenBranch, OpenBranches,
    Pair, Route, StableHash, Tap, Values,
};
pub(crate) use split::{Key, Socket, balance, branch, partition, unzip};
pub use take::Take;
pub use take_while::TakeWhile;
pub use tracked::Tracked;
