//! The operator of order, as a method.

use super::Flow;
use crate::op::Resequence;

/// Puts items in another order. In the prelude; implemented by every flow.
///
/// The order of each key, with keys in work at once, is a setting of a stage: [`by_key`](crate::stage::Staged::by_key).
pub trait OrderExt: Flow {
    /// Puts items in the order of their numbers, which begin at 0: those that come too early wait for what is before them.
    ///
    /// It holds as many of them as the edge before it has places ([`buffer`](Flow::buffer), 16 by default). When the flow
    /// ends, what is held goes on in order, though some numbers did not come.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let uneven = stage(|(n, x): (u64, u64)| async move { sleep(Duration::from_secs(x)).await; (n, x) });
    /// let flow = iter([3, 1, 2, 0u64]).enumerate().then(uneven.concurrency(4).unordered());
    /// let done = flow.resequence(|(n, _)| *n).map(|(_, x)| x).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [3, 1, 2, 0]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`OutOfSequence`](crate::error::OutOfSequence), with the name `resequence`: a number came twice, or one is still
    /// missing when as many as it holds wait for it. Those do not go on.
    fn resequence<F>(self, number: F) -> Resequence<Self, F>
    where
        F: FnMut(&Self::Item) -> u64 + Clone + Send + 'static,
    {
        Resequence::new(self, number)
    }
}

impl<F: Flow> OrderExt for F {}
