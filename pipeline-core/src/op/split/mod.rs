//! Splits: one flow to several branches.
//!
//! A split has an edge before it and a task that moves items on, like a join. What its branches are is told by closures, so
//! that none is left without an end: each is given a [`Branch`], the flow of the items that it gets, and returns a pipeline
//! that ends it in a sink, or a flow that stays open to be merged.
//!
//! The branches are built first. Each leaves what takes its items with the build, under the key of its `Branch`, and the
//! split takes it from there.
//!
//! | invariant | meaning |
//! | --- | --- |
//! | *live* | a branch that reads no more leaves, and the others go on; when all have left, what is upstream ends |
//! | *whole* | an item is handed to a branch only where there is a place for it |

mod balance;
mod branch;
mod broadcast;
mod deal;
mod ends;
mod exit;
mod group_by;
mod hash;
mod partition;
mod route;
mod tap;
mod unzip;
mod values;

pub(crate) use balance::balance;
pub use branch::Branch;
pub(crate) use branch::{Key, Socket, branch};
pub use broadcast::Broadcast;
pub use ends::{Branches, EachBranch, EndedBranch, Gather, Gathered, NoBranch, OpenBranch, OpenBranches};
pub use group_by::{GroupBy, KeysFull};
pub use hash::{Fnv1a, StableHash};
pub(crate) use partition::partition;
pub use route::Route;
pub use tap::Tap;
pub use unzip::Pair;
pub(crate) use unzip::unzip;
pub use values::Values;
