//! Several flows as one: fair, and each in its own order.
//!
//! While two or more inputs are ready a merge takes one item from each in rotation. It polls only inputs that are ready, so
//! idle ones cost nothing.

mod growing;
mod inputs;
mod several;
mod turns;

use crate::lineage::Lineage;

pub use growing::{Adder, KeepOpen, MergeGrowing, NotAdded, merge_growing};
pub use inputs::Merge;
pub use several::MergeFlow;
pub(crate) use turns::Turns;

/// Merges flows: `merge([a, b])` of one type, from an array, a `Vec` or any iterator over flows, or `merge((a, b))` of
/// different types.
///
/// It ends when all inputs have ended; a merge of nothing ends at once. An input that fails takes its place behind what it
/// has sent.
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// #[source]
/// async fn every(seconds: u64, out: Out<u64>) {
///     for _ in 0..2 {
///         sleep(Duration::from_secs(seconds)).await;
///         out.send(seconds).await;
///     }
/// }
///
/// # taktline::sim::run(1, async {
/// let flow = merge((every(2), every(3).map(|x| 10 * x)));
/// assert_eq!(flow.collect::<Vec<_>>().run().await?.value, [2, 30, 2, 30]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
///
/// # Ordering
/// Each input keeps its order. While two or more are ready, one item from each in rotation.
///
/// # Backpressure
/// Each input waits in an edge of its own (see [`buffer`](crate::flow::Flow::buffer)) while the next one is full.
pub fn merge<M, S: Merge<M>>(flows: S) -> S::Flow {
    flows.merge()
}

/// Merges flows and takes from the first of them that is ready: the later ones get what the earlier ones leave, which may be
/// nothing. `flows` is what [`merge`] takes.
///
/// It ends when all inputs have ended.
///
/// ```
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let (urgent, usual) = (iter(["stop"]), iter(["go"; 3]));
/// let flow = merge_prefer((urgent, usual));
/// assert_eq!(flow.count().run().await?.value, 4);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
///
/// # Ordering
/// Each input keeps its order.
///
/// # Backpressure
/// Each input waits in an edge of its own (see [`buffer`](crate::flow::Flow::buffer)) while the next one is full.
pub fn merge_prefer<M, T, L>(flows: impl Merge<M, Flow = MergeFlow<T, L>>) -> MergeFlow<T, L>
where
    T: Send + 'static,
    L: Lineage,
{
    flows.merge().preferring_the_first()
}
