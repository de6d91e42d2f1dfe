//! How many items may wait in the edge behind a flow.

use crate::flow::Flow;
use crate::op::{BufferOnFull, OnFull, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::Push;

fused_flow! {
    /// The flow of [`buffer`](Flow::buffer).
    Buffer<P> { items: usize }
}

impl<P: Flow> Buffer<P> {
    /// Does something else than to let upstream wait when the buffer is full.
    ///
    /// The items wait in a task of their own, which moves them on as soon as there is room. So those that the buffer holds
    /// and one more wait before what follows, unless that has another buffer of its own: give it a small one, or none.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::OnFull;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let slow = |x: u64| async move { sleep(Duration::from_secs(10)).await; x };
    /// let ticks = interval(Duration::from_secs(1)).take(9);
    /// let done = ticks.clone().buffer(2).on_full(OnFull::DropOldest).then(slow).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [0, 1, 7, 8]);
    /// assert_eq!(done.report.stage("buffer").map(|row| row.dropped), Some(5));
    /// let done = ticks.buffer(2).on_full(OnFull::DropNewest).then(slow).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [0, 1, 2, 3]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// With [`OnFull::Fail`] an [`Overflow`](crate::error::Overflow), with the name `buffer`. What has waited goes on before.
    ///
    /// # Backpressure
    /// None is passed on to what is upstream, but with [`OnFull::Wait`], which is as if it was not called. What is thrown
    /// away counts as [`dropped`](crate::ledger::StageReport::dropped).
    pub fn on_full(self, policy: OnFull) -> BufferOnFull<P> {
        BufferOnFull::new(self.upstream, self.items, policy)
    }
}

impl<P: Flow> Flow for Buffer<P> {
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        self.upstream.build(build, next);
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        if self.items == 0 {
            outline.problem("`buffer(0)` has no place for an item; give it 1 or more".to_owned());
        }
        self.upstream.outline(outline, next);
    }

    fn edge_buffer(&self) -> Option<usize> {
        Some(self.items)
    }
}
