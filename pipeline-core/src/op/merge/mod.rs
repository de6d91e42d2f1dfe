//! Several flows as one: fair, and each in its own order.
//!
//! A merge has an edge for each input and a task that moves items on into the next edge as soon as there is room. While
//! two or more inputs are ready it takes one item from each in rotation. It polls only inputs that are ready.

mod inputs;
mod mover;
mod several;

pub use inputs::Merge;
pub(crate) use mover::Mover;
pub use several::MergeFlow;

/// Merges flows: `merge([a, b])` of one type, from an array or a `Vec`, or `merge((a, b))` of different types.
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
pub fn merge<M: Merge>(flows: M) -> M::Flow {
    flows.merge()
}
