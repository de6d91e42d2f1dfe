//! The operators that split a flow, as methods.

use super::Flow;
use crate::op::Broadcast;

/// Splits a flow into branches. In the prelude; implemented by every flow.
///
/// A split is a boundary: it has an edge before it (see [`buffer`](Flow::buffer)) and a task of its own. Its branches are
/// closures from the flow of the branch's items to a pipeline, or to a flow that stays open. Either all end in sinks, or all
/// stay open and are merged.
///
/// # Ordering
/// Each branch gets its items in the order in which the split has got them.
///
/// # Backpressure
/// A branch takes as many items as its first edge has places; then the split waits.
pub trait SplitExt: Flow {
    /// Gives each item to every branch. A clone is made for each but the last.
    ///
    /// An item goes to all branches or waits until all have room. A branch that ends early leaves, and the others go on; when
    /// all have left, what is upstream ends. The value of the run is the tuple of the branches' values.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let plan = iter(1..=4u64)
    ///     .broadcast()
    ///     .to(|f| f.then(|x| async move { 10 * x }).collect::<Vec<_>>())
    ///     .to(|f| f.fold(0, |sum, x| sum + x))
    ///     .to(|f| f.take(2).count());
    /// let done = plan.run().await?;
    /// assert_eq!(done.value, (vec![10, 20, 30, 40], 10, 2));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// Branches that stay open are merged:
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let flow = iter(1..=2u64).broadcast().to(|f| f.map(|x| 10 * x)).to(|f| f).merge();
    /// let mut all = flow.collect::<Vec<_>>().run().await?.value;
    /// all.sort();
    /// assert_eq!(all, [1, 2, 10, 20]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// A branch that does not read its flow, or reads it twice, makes the plan invalid: `run` says so. A failure in a branch
    /// fails the run; the other branches finish what was accepted.
    ///
    /// # Ordering
    /// Every branch gets all items in their order.
    ///
    /// # Backpressure
    /// The slowest branch sets the pace, as far as the edges of the others have no room: that of a branch is the one before
    /// its first stage (see [`buffer`](Flow::buffer)).
    fn broadcast(self) -> Broadcast<Self::Item, Self::Lineage>
    where
        Self::Item: Clone,
    {
        Broadcast::new(self.boxed())
    }
}

impl<F: Flow> SplitExt for F {}
