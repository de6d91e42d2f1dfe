//! The operators that choose and shape items, as methods.

use std::future::Future;
use std::hash::Hash;
use std::time::Duration;

use super::Flow;
use crate::op::{
    Batch, BatchEvery, BatchReady, BatchWeighted, BatchWithin, Dedup, Distinct, SkipWhile, TakeUntil, Unbatch,
};

/// Chooses items, and puts many into one. In the prelude; implemented by every flow.
///
/// # Ordering
/// That of the input.
pub trait ShapeExt: Flow {
    /// Drops items up to the first for which `f` says false; that one and all behind it go on. The others count as
    /// [`filtered`](crate::ledger::StageReport::filtered).
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter([1, 2, 9, 2, 1u64]).skip_while(|x| *x < 5).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [9, 2, 1]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn skip_while<F>(self, f: F) -> SkipWhile<Self, F>
    where
        F: FnMut(&Self::Item) -> bool + Clone + Send + 'static,
    {
        SkipWhile::new(self, f)
    }

    /// Drops an item that equals the one before it. It counts as [`filtered`](crate::ledger::StageReport::filtered).
    ///
    /// A clone of the last item that passed is kept to compare with.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter([1, 1, 2, 2, 2, 1u64]).dedup().collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [1, 2, 1]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn dedup(self) -> Dedup<Self>
    where
        Self::Item: PartialEq + Clone,
    {
        Dedup::new(self)
    }

    /// Drops an item that equals one of the `limit` different items that passed last. It counts as
    /// [`filtered`](crate::ledger::StageReport::filtered).
    ///
    /// Two clones of each remembered item are kept. Beyond `limit` the one that passed first is forgotten, and passes again
    /// when it comes again. Zero makes the plan invalid: `run` says so.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let items = iter([1, 2, 1, 3, 1, 2u64]);
    /// assert_eq!(items.clone().distinct(9).collect::<Vec<_>>().run().await?.value, [1, 2, 3]);
    /// // With room for two, the 3 makes it forget the 1, which then makes it forget the 2.
    /// assert_eq!(items.distinct(2).collect::<Vec<_>>().run().await?.value, [1, 2, 3, 1, 2]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn distinct(self, limit: usize) -> Distinct<Self>
    where
        Self::Item: Hash + Eq + Clone,
    {
        Distinct::new(self, limit)
    }

    /// Makes one item, a `Vec`, of each `n`. The last one is shorter if the items do not come out even; none is empty. Zero
    /// makes the plan invalid: `run` says so.
    ///
    /// A batch that is not full waits for more as long as items may come: where that may take long, see
    /// [`batch_within`](crate::flow::ShapeExt::batch_within). It goes out when the flow ends, also by a failure before it; a cancel abandons it.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(0..5u64).batch(2).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [vec![0, 1], vec![2, 3], vec![4]]);
    /// let batch = done.report.stage("batch").expect("every step has a row");
    /// assert_eq!((batch.items_in, batch.items_out), (5, 3));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Backpressure
    /// A batch is filled while there is no room for it, but for its last item.
    fn batch(self, n: usize) -> Batch<Self> {
        Batch::new(self, n)
    }

    /// Like [`batch`](crate::flow::ShapeExt::batch), and a batch goes out at the latest `time` after its first item was taken.
    ///
    /// While there is no room for a batch whose time is over, it goes on to be filled. Up to `n` items are held.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// #[source]
    /// async fn pairs(out: Out<u64>) {
    ///     for i in 0..5 {
    ///         out.send(i).await;
    ///         sleep(Duration::from_secs(if i % 2 == 0 { 1 } else { 60 })).await;
    ///     }
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// let done = pairs().batch_within(9, Duration::from_secs(5)).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [vec![0, 1], vec![2, 3], vec![4]]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Backpressure
    /// It has an edge before it (see [`buffer`](Flow::buffer)), and takes items from it while its batch is not full.
    fn batch_within(self, n: usize, time: Duration) -> BatchWithin<Self> {
        BatchWithin::new(self, n, time)
    }

    /// Like [`batch_within`](crate::flow::ShapeExt::batch_within), with a weight for each item: a batch weighs at most `max`. An item that is
    /// heavier is a batch of its own.
    ///
    /// An item weighs at least 1, so that a batch has no more than `max` items. It goes out at the latest `time` after its
    /// first item was taken; `Duration::MAX` is no limit.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let lines = iter(["aa", "bb", "c", "dddddd", "e"]);
    /// let plan = lines.batch_weighted(4, Duration::from_secs(1), |line| line.len() as u64).collect::<Vec<_>>();
    /// assert_eq!(plan.run().await?.value, [vec!["aa", "bb"], vec!["c"], vec!["dddddd"], vec!["e"]]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Backpressure
    /// That of `batch_within`; one item more is held, which did not fit into the batch that waits for room.
    fn batch_weighted<F>(self, max: u64, time: Duration, weigh: F) -> BatchWeighted<Self, F>
    where
        F: FnMut(&Self::Item) -> u64 + Clone + Send + 'static,
    {
        BatchWeighted::new(self, max, time, weigh)
    }

    /// Makes one item of all that wait, up to `max`; never waits for more, and never gives an empty batch.
    ///
    /// What reads it slowly gets large batches, and what reads it quickly small ones. While there is no room, the batch goes
    /// on to be filled.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let slow = stage(|batch: Vec<u64>| async move { sleep(Duration::from_secs(1)).await; batch.len() });
    /// let plan = iter(0..100u64).batch_ready(50).then(slow.buffer(1)).collect::<Vec<_>>();
    /// let lengths = plan.run().await?.value;
    /// assert_eq!(lengths.iter().sum::<usize>(), 100);
    /// assert!(lengths.len() < 10, "{lengths:?}");
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Backpressure
    /// It has an edge before it (see [`buffer`](Flow::buffer)), and takes items from it while its batch is not full.
    fn batch_ready(self, max: usize) -> BatchReady<Self> {
        BatchReady::new(self, max)
    }

    /// Makes one item of all that came in a period; none of a period in which nothing came. A zero period makes the plan
    /// invalid: `run` says so.
    ///
    /// Periods begin as the run begins, and do not drift. A batch goes out early, so that nobody waits, when it has as many
    /// items as the edge before it has places: see [`buffer`](Flow::buffer).
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let (second, ms) = (Duration::from_secs(1), Duration::from_millis(1));
    /// let slow = iter(0..5u64).then(move |x| async move { sleep(300 * ms).await; x });
    /// let done = slow.batch_every(second).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [vec![0, 1, 2], vec![3, 4]]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Backpressure
    /// A batch that finds no room goes on to be filled; it goes out as soon as there is room.
    fn batch_every(self, period: Duration) -> BatchEvery<Self> {
        BatchEvery::new(self, period)
    }

    /// Ends when `until` is ready: what is upstream is dropped, stage by stage, and the items in flight there are abandoned.
    /// An item that was taken before goes on. The run ends well.
    ///
    /// The future is polled by the first run. A second run, also of a clone, gives an error
    /// ([`is_spent`](crate::error::Error::is_spent)) before anything is spawned.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let second = Duration::from_secs(1);
    /// let ticks = iter(1..).then(move |x: u64| async move { sleep(second).await; x });
    /// let done = ticks.take_until(sleep(second * 7 / 2)).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [1, 2, 3]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Panics
    /// A future that panics fails the run with the name `take_until`.
    ///
    /// # Backpressure
    /// It has an edge before it: see [`buffer`](Flow::buffer).
    fn take_until<U>(self, until: U) -> TakeUntil<Self, U>
    where
        U: Future + Send + 'static,
    {
        TakeUntil::new(self, until)
    }

    /// Makes an item of each thing in an item: of a batch, of an `Option`, of whatever is `IntoIterator`. It is
    /// [`flat_map`](Flow::flat_map) without a closure.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(0..5u64).batch(2).unbatch().collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [0, 1, 2, 3, 4]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn unbatch(self) -> Unbatch<Self>
    where
        Self::Item: IntoIterator,
        <Self::Item as IntoIterator>::IntoIter: Send + 'static,
        <Self::Item as IntoIterator>::Item: Send + 'static,
    {
        Unbatch::new(self)
    }
}

impl<F: Flow> ShapeExt for F {}
