//! Flows: plans with an open end.
//!
//! [`Flow`] has every operator as a method. A flow is a value: it holds no runtime and no task, it can be cloned, and
//! nothing happens until it is ended by a sink and run, or started and read.
//!
//! This file is long because it is a list: each operator is one call and its documentation, and a trait is one item. What
//! the operators do is in [`op`](crate::op).

mod boxed;
mod join;
mod source;
mod split;
mod ticks;

pub use boxed::BoxFlow;
pub use join::JoinExt;
pub use source::{Iter, Once, StreamSource, iter, once, stream};
pub use split::SplitExt;
pub use ticks::{After, Interval, after, interval};

use std::future::Future;
use std::time::Duration;

use crate::describe::Description;
use crate::lineage::Lineage;
use crate::op::{
    Batch, BatchEvery, BatchReady, BatchWeighted, BatchWithin, Dedup, Distinct, SkipWhile, TakeUntil, Unbatch,
};
use crate::op::{
    Buffer, Chain, Enumerate, Filter, FilterMap, FlatMap, Inspect, Map, Scan, Skip, Take, TakeWhile, Tracked,
};
use crate::op::{Conflate, Latest, MaxInFlight, Resequence};
use crate::op::{Debounce, Delay, Rate, Sample, Throttle, TimeoutIdle};
use crate::op::{FlatMapFlow, SwitchMap};
use crate::plan::{Build, Outline};
use crate::private::StreamStage;
use crate::push::Push;
use crate::run::{Pipeline, Started};
use crate::runtime::Rt;
use crate::sink::{Collect, Count, Drain, First, Fold, ForEach};
use crate::stage::{Staged, Step, TryStep};

/// A plan with an open end that yields items of one type.
///
/// Steps that await ([`then`](Flow::then) with an async function) get tasks of their own and overlap with their
/// neighbours. Steps that cannot await (`map`, `filter`, a plain function) are fused into the task before them and cost
/// what they cost in an iterator chain.
///
/// ```
/// use taktline_core::flow::{Flow, iter};
///
/// let plan = iter(1..=3u64).map(|x| x * 2).then(|x| async move { x + 1 }).collect::<Vec<_>>();
/// assert_eq!(plan.bound(), 1 + 16 + 1);
/// ```
///
/// Closures and sources are cloned for each run, so a plan can run many times; what can be read only once says so
/// ([`once`], [`stream`]). The trait is implemented by the flows of this crate only.
///
/// # Panics
/// A closure that panics fails the run with the name of its step; nothing unwinds into the caller.
///
/// # Ordering
/// Every step keeps the order of its input unless it says otherwise.
///
/// # Backpressure
/// A source is asked for an item only when there is room for it. A step that does not await makes its outputs one at a time,
/// as there is room.
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a flow",
    note = "a flow is made by a source: call the function that `#[source]` annotates, or `iter(..)`, `stream(..)`"
)]
pub trait Flow: Clone + Send + Sized + 'static {
    /// What the flow yields.
    type Item: Send + 'static;

    /// What travels with each item: `()`, or a [`Ticket`](crate::lineage::Ticket).
    type Lineage: Lineage;

    #[doc(hidden)]
    fn build<N: Push<Self::Item, Self::Lineage>>(self, build: &mut Build, next: N);

    /// `next` is the buffer of the edge behind the flow.
    #[doc(hidden)]
    fn outline(&self, outline: &mut Outline, next: usize);

    /// What the flow says of the edge behind it.
    #[doc(hidden)]
    fn edge_buffer(&self) -> Option<usize> {
        None
    }

    /// Hands each item to a stage: an async function or closure, or what `#[stage]` made.
    ///
    /// The value that a closure returns goes on as it is, also a `Result`: see [`try_then`](Flow::try_then). What awaits has
    /// tasks of its own and an edge before it, and its flow is a [`BoxFlow`]; a plain `#[stage] fn` is fused.
    /// A closure has one worker and the name `then`: [`stage`](crate::stage::stage) gives it settings. Where the body calls a
    /// method of the item, the closure has to name its type: `|x: T|`.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// async fn double(x: u64) -> u64 {
    ///     2 * x
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// let flow = iter(0..3u64).then(double).then(|x| async move { x + 1 });
    /// assert_eq!(flow.collect::<Vec<_>>().run().await?.value, [1, 3, 5]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// A `#[stage]` that returns an `Err`, or that panics, fails the run; see [`Error`](crate::error::Error).
    ///
    /// # Ordering
    /// Outputs come in the order of the items, also with several workers, unless the stage is
    /// [`unordered`](crate::stage::Staged::unordered).
    ///
    /// # Backpressure
    /// Up to [`buffer`](crate::stage::Staged::buffer) items wait before the stage, 16 by default; then upstream waits.
    fn then<S, M>(self, stage: S) -> S::Flow<Self>
    where
        S: Step<Self::Item, M>,
    {
        stage.attach(self)
    }

    /// Hands each item to an async function or closure that returns a `Result`: an `Err` fails the run, an `Ok` goes on.
    ///
    /// It has one worker, the name `try_then` and no settings; for those, annotate a function with `#[stage]`.
    /// The error is anything that becomes a [`BoxError`](crate::error::BoxError);
    /// [`downcast_ref`](crate::error::Error::downcast_ref) gives it back.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let plan = iter(["1", "x"]).try_then(|text: &'static str| async move { text.parse::<u64>() }).count();
    /// let error = plan.run().await.expect_err("x is no number");
    /// assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn try_then<S, M>(self, stage: S) -> S::Flow<Self>
    where
        S: TryStep<Self::Item, M>,
    {
        stage.attach(self)
    }

    /// Makes one item from each. The closure cannot await: for an async one, see [`then`](Flow::then).
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(0..3u64).map(|x| 2 * x).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [0, 2, 4]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn map<U, F>(self, f: F) -> Map<Self, F>
    where
        U: Send + 'static,
        F: FnMut(Self::Item) -> U + Clone + Send + 'static,
    {
        Map::new(self, f)
    }

    /// Keeps the items for which `f` says true. The others are dropped, and counted as
    /// [`filtered`](crate::ledger::StageReport::filtered).
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(0..5u64).filter(|x| x % 2 == 0).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [0, 2, 4]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn filter<F>(self, f: F) -> Filter<Self, F>
    where
        F: FnMut(&Self::Item) -> bool + Clone + Send + 'static,
    {
        Filter::new(self, f)
    }

    /// Makes one item or none from each. An item of which nothing is made is counted as
    /// [`filtered`](crate::ledger::StageReport::filtered).
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(["1", "x", "3"]).filter_map(|text| text.parse::<u64>().ok()).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [1, 3]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn filter_map<U, F>(self, f: F) -> FilterMap<Self, F>
    where
        U: Send + 'static,
        F: FnMut(Self::Item) -> Option<U> + Clone + Send + 'static,
    {
        FilterMap::new(self, f)
    }

    /// Makes any number of items from each, also none. The iterator is read as there is room, never ahead, so it may be
    /// endless; it is read no more once its size hint says that it is empty.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(1..4u64).flat_map(|x| 0..x).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [0, 0, 1, 0, 1, 2]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn flat_map<I, F>(self, f: F) -> FlatMap<Self, F>
    where
        I: IntoIterator,
        I::IntoIter: Send + 'static,
        I::Item: Send + 'static,
        F: FnMut(Self::Item) -> I + Clone + Send + 'static,
    {
        FlatMap::new(self, f)
    }

    /// Looks at each item in passing.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let (seen, numbers) = std::sync::mpsc::channel();
    /// let done = iter(0..3u64).inspect(move |x| seen.send(*x).unwrap()).count().run().await?;
    /// assert_eq!((done.value, numbers.iter().collect()), (3, vec![0, 1, 2]));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn inspect<F>(self, f: F) -> Inspect<Self, F>
    where
        F: FnMut(&Self::Item) + Clone + Send + 'static,
    {
        Inspect::new(self, f)
    }

    /// Ends after `n` items; 0 yields none, and nothing is read. What is upstream is dropped at the `n`-th item, stage by
    /// stage, and the items in flight there are abandoned. The run ends well.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(0..).map(|x: u64| x * x).take(3).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [0, 1, 4]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn take(self, n: u64) -> Take<Self> {
        Take::new(self, n)
    }

    /// Ends at the first item for which `f` says false, which is dropped. What is upstream is dropped with it.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(0..9u64).take_while(|x| *x < 3).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [0, 1, 2]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn take_while<F>(self, f: F) -> TakeWhile<Self, F>
    where
        F: FnMut(&Self::Item) -> bool + Clone + Send + 'static,
    {
        TakeWhile::new(self, f)
    }

    /// Drops the first `n` items; all of them, if there are fewer. They count as
    /// [`filtered`](crate::ledger::StageReport::filtered).
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(0..5u64).skip(3).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [3, 4]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn skip(self, n: u64) -> Skip<Self> {
        Skip::new(self, n)
    }

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
        Self::Item: std::hash::Hash + Eq + Clone,
    {
        Distinct::new(self, limit)
    }

    /// Makes one item, a `Vec`, of each `n`. The last one is shorter if the items do not come out even; none is empty. Zero
    /// makes the plan invalid: `run` says so.
    ///
    /// A batch that is not full waits for more as long as items may come: where that may take long, see
    /// [`batch_within`](Flow::batch_within). It goes out when the flow ends, also by a failure before it; a cancel abandons it.
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

    /// Like [`batch`](Flow::batch), and a batch goes out at the latest `time` after its first item was taken.
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

    /// Like [`batch_within`](Flow::batch_within), with a weight for each item: a batch weighs at most `max`. An item that is
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

    /// Lets items pass no faster than `rate`, and up to `burst` of them at once after a pause. It delays, and drops none.
    ///
    /// Within any time there pass at most `burst` items and those that `rate` gives for that time; over a long time it is
    /// exact, since no rounding adds up. Items may have a [`cost`](Throttle::cost). A zero in the rate, or a burst of zero,
    /// makes the plan invalid: `run` says so.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::Rate;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// // Five at once, and the other fifteen at ten a second.
    /// let done = iter(0..20u64).throttle(Rate::per_second(10), 5).count().run().await?;
    /// assert_eq!(done.report.elapsed(), Duration::from_millis(1500));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Backpressure
    /// It has an edge before it (see [`buffer`](Flow::buffer)), and holds the item whose time has not come.
    fn throttle(self, rate: Rate, burst: u64) -> Throttle<Self, fn(&Self::Item) -> u64> {
        Throttle::new(self, rate, burst, |_| 1)
    }

    /// Lets an item pass when no other has come for `time` after it. The others count as
    /// [`dropped`](crate::ledger::StageReport::dropped).
    ///
    /// The last item passes when the flow ends. One whose time is over while there is no room is still replaced by a later
    /// one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// #[source]
    /// async fn keys(out: Out<char>) {
    ///     for key in "ta kt".chars() {
    ///         sleep(Duration::from_millis(if key == ' ' { 900 } else { 100 })).await;
    ///         out.send(key).await;
    ///     }
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// let done = keys().debounce(Duration::from_millis(500)).collect::<String>().run().await?;
    /// assert_eq!(done.value, "at");
    /// assert_eq!(done.report.stage("debounce").map(|row| row.dropped), Some(3));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Backpressure
    /// None is passed on to what is upstream: items are taken as they come.
    fn debounce(self, time: Duration) -> Debounce<Self> {
        Debounce::new(self, time)
    }

    /// Lets the last item of each period pass at its end, if one came in it. The others count as
    /// [`dropped`](crate::ledger::StageReport::dropped).
    ///
    /// Periods begin as the run begins, and do not drift. The last item of all passes when the flow ends. A zero period makes
    /// the plan invalid: `run` says so.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let ms = Duration::from_millis(1);
    /// let readings = iter(0..9u64).then(move |x| async move { sleep(300 * ms).await; x });
    /// assert_eq!(readings.sample(1000 * ms).collect::<Vec<_>>().run().await?.value, [2, 5, 8]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Backpressure
    /// None is passed on to what is upstream: items are taken as they come. One that finds no room is replaced by a later one.
    fn sample(self, period: Duration) -> Sample<Self> {
        Sample::new(self, period)
    }

    /// Gives each item on `time` after it was taken.
    ///
    /// It holds as many items as the edge before it has places ([`buffer`](Flow::buffer), 16 by default); when it is full,
    /// upstream waits. So with `k` places no more than `k` items pass in each `time`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let second = Duration::from_secs(1);
    /// let done = iter(0..3u64).delay(second).count().run().await?;
    /// assert_eq!((done.value, done.report.elapsed()), (3, second));
    /// let done = iter(0..3u64).buffer(1).delay(second).count().run().await?;
    /// assert_eq!((done.value, done.report.elapsed()), (3, 3 * second));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn delay(self, time: Duration) -> Delay<Self> {
        Delay::new(self, time)
    }

    /// Fails the run if no item comes for `time`: at the start, or after the item before it has moved on. While there is no
    /// room for an item in hand, the clock stands still.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::error::Idle;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let minute = Duration::from_secs(60);
    /// let stuck = iter(0..).then(move |x: u32| async move { sleep(minute * x).await; x });
    /// let error = stuck.timeout_idle(minute * 5 / 2).count().run().await.unwrap_err();
    /// assert!(error.downcast_ref::<Idle>().is_some());
    /// // Of the items 0, 1 and 2, the last one came at 3 minutes.
    /// assert_eq!(error.report().unwrap().elapsed(), minute * 11 / 2);
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Idle`](crate::error::Idle), with the name `timeout_idle`.
    ///
    /// # Backpressure
    /// It has an edge before it: see [`buffer`](Flow::buffer).
    fn timeout_idle(self, time: Duration) -> TimeoutIdle<Self> {
        TimeoutIdle::new(self, time)
    }

    /// Pairs each item with its number, from 0.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(["a", "b"]).enumerate().collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [(0, "a"), (1, "b")]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn enumerate(self) -> Enumerate<Self> {
        Enumerate::new(self)
    }

    /// Like `map`, with a state that is cloned for each run. `None` ends the flow, as in `Iterator::scan`: what is upstream is
    /// dropped.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(1..5u64).scan(0, |sum, x| { *sum += x; Some(*sum) }).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [1, 3, 6, 10]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn scan<A, U, F>(self, state: A, f: F) -> Scan<Self, A, F>
    where
        A: Clone + Send + 'static,
        U: Send + 'static,
        F: FnMut(&mut A, Self::Item) -> Option<U> + Clone + Send + 'static,
    {
        Scan::new(self, state, f)
    }

    /// Yields the items of this flow, then those of `other`, whose tasks are made only when this one has ended.
    ///
    /// It is a join: each of the two flows has an edge before it (see [`buffer`](Flow::buffer)).
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(0..2u64).chain(iter(7..9u64)).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [0, 1, 7, 8]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn chain<B>(self, other: B) -> Chain<Self, B>
    where
        B: Flow<Item = Self::Item, Lineage = Self::Lineage>,
    {
        Chain::new(self, other)
    }

    /// Sets how many items may wait in the edge behind this flow: before a join, a split, the user's own loop, or a stage
    /// that sets no buffer of its own. Default 16. Zero makes the plan invalid: `run` says so.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let plan = iter(0..9u64).buffer(2).then(|x| async move { x + 1 }).count();
    /// assert_eq!(plan.bound(), 1 + 2 + 1);
    /// assert_eq!(plan.run().await?.value, 9);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn buffer(self, items: usize) -> Buffer<Self> {
        Buffer::new(self, items)
    }

    /// Makes a flow of each item, and yields what those yield, with `n` of them running at once: as it comes, or one after the
    /// other if `n` is 1. Zero makes the plan invalid: `run` says so.
    ///
    /// It is a stage of `n` workers and the name `flat_map_flow`, of which each runs one inner flow. An inner flow is a run
    /// of its own, with edges, tasks and a ledger of its own; the bound and the report of the outer one do not tell what is
    /// in it. Where the items of an item are known at once, [`flat_map`](Flow::flat_map) costs less.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let ticks = |n: u64| interval(Duration::from_secs(n)).take(3).map(move |tick| (n, tick));
    /// let done = iter([2, 3u64]).flat_map_flow(2, ticks).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value[..3], [(2, 0), (3, 0), (2, 1)]);
    /// assert_eq!(done.report.elapsed(), Duration::from_secs(9));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// An inner flow that fails does so for its item: the error of the stage is the [`Error`](crate::error::Error) of the
    /// inner run.
    ///
    /// # Ordering
    /// Each inner flow keeps its order. Those of different items interleave.
    ///
    /// # Backpressure
    /// An inner flow waits while there is no room for what it yields. Up to `n` of them are held.
    fn flat_map_flow<G, F>(self, n: usize, f: F) -> BoxFlow<G::Item, Self::Lineage>
    where
        G: Flow,
        F: FnMut(Self::Item) -> G + Clone + Send + 'static,
    {
        let stage = Staged::named("flat_map_flow", FlatMapFlow::<Self::Item, F>::new(f));
        stage.concurrency(n).unordered().attach(self)
    }

    /// Makes a flow of each item, and yields what the newest of them yields: when an item comes, the flow of the one before it
    /// is dropped, with what it has in flight.
    ///
    /// It is a stage with the name `switch_map`. An inner flow is a run of its own: see
    /// [`flat_map_flow`](Flow::flat_map_flow).
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let ms = Duration::from_millis(1);
    /// let letters = interval(1000 * ms).map(|n| ['a', 'b', 'c'][n as usize]).take(3);
    /// let counted = letters.switch_map(move |letter| interval(400 * ms).take(4).map(move |n| format!("{letter}{n}")));
    /// let done = counted.collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, ["a0", "a1", "b0", "b1", "c0", "c1", "c2", "c3"]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Those of `flat_map_flow`, without the number of the item.
    ///
    /// # Backpressure
    /// The newest flow waits while there is no room for what it yields. Items are taken as they come.
    fn switch_map<G, F>(self, f: F) -> BoxFlow<G::Item, Self::Lineage>
    where
        G: Flow,
        F: FnMut(Self::Item) -> G + Clone + Send + 'static,
    {
        StreamStage::new("switch_map", SwitchMap::<Self::Item, F>::new(f)).attach(self)
    }

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

    /// Lets every item pass for which there is room, and keeps the newest of those for which there is none. The others count
    /// as [`dropped`](crate::ledger::StageReport::dropped).
    ///
    /// The edge behind it has one place, unless the stage that reads it sets a buffer of its own: what is read there is at
    /// most one item older than the newest.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let slow = |x: u64| async move { sleep(Duration::from_secs(10)).await; x };
    /// let done = interval(Duration::from_secs(1)).take(9).latest().then(slow).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [0, 1, 8]);
    /// assert_eq!(done.report.stage("latest").map(|row| row.dropped), Some(6));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Backpressure
    /// None is passed on to what is upstream.
    fn latest(self) -> Latest<Self> {
        Latest::new(self)
    }

    /// Lets every item pass for which there is room, and makes one of those for which there is none: `f` is called with what
    /// was made so far, and the next item.
    ///
    /// The edge behind it has one place, unless the stage that reads it sets a buffer of its own.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let slow = |sum: u64| async move { sleep(Duration::from_secs(10)).await; sum };
    /// let ticks = interval(Duration::from_secs(1)).take(9);
    /// let done = ticks.conflate(|sum, tick| sum + tick).then(slow).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [0, 1, 2 + 3 + 4 + 5 + 6 + 7 + 8]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Backpressure
    /// None is passed on to what is upstream.
    fn conflate<F>(self, f: F) -> Conflate<Self, F>
    where
        F: FnMut(Self::Item, Self::Item) -> Self::Item + Clone + Send + 'static,
    {
        Conflate::new(self, f)
    }

    /// Lets at most `n` items be in flight between here and the sinks, exactly. An item leaves when all that was made from it
    /// is done, filtered, failed or dropped, on every branch.
    ///
    /// Put it behind a source: then nothing is read from it while `n` items are on their way, whatever buffers and workers
    /// the stages have. The items have tickets from here on. A batch of more than `n` items never gets full; one with a time
    /// goes out when that is over. Zero makes the plan invalid: `run` says so.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let second = |x: u64| async move { sleep(Duration::from_secs(1)).await; x };
    /// let pool = || stage(second).concurrency(9);
    /// let done = iter(0..8u64).max_in_flight(2).then(pool()).then(pool()).count().run().await?;
    /// // Two at a time, each for two seconds.
    /// assert_eq!((done.value, done.report.elapsed()), (8, Duration::from_secs(8)));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Backpressure
    /// Upstream waits for a place as it waits for room. No task and no edge: an allocation an item, which is its ticket.
    fn max_in_flight(self, n: usize) -> MaxInFlight<Self> {
        MaxInFlight::new(self, n)
    }

    /// Gives each item a ticket that follows everything made from it. `ticket` is called with each item, in order.
    ///
    /// The receipt of the ticket is settled when all that was made from the item is done, filtered, failed or abandoned. See
    /// [`Ticket`](crate::lineage::Ticket).
    ///
    /// ```
    /// use taktline::lineage::Ticket;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let (sends, receipts) = std::sync::mpsc::channel();
    /// let ticket = move |_: &u64| {
    ///     let (ticket, receipt) = Ticket::new();
    ///     sends.send(receipt).unwrap();
    ///     ticket
    /// };
    /// let done = iter(1..4u64).tracked(ticket).flat_map(|x| 0..x).count().run().await?;
    /// assert_eq!(done.value, 6);
    /// let receipts: Vec<_> = receipts.iter().collect();
    /// assert_eq!(receipts.len(), 3);
    /// assert!(receipts.iter().all(|receipt| receipt.is_settled()));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn tracked<F>(self, ticket: F) -> Tracked<Self, F>
    where
        Self: Flow<Lineage = ()>,
        F: FnMut(&Self::Item) -> crate::lineage::Ticket + Clone + Send + 'static,
    {
        Tracked::new(self, ticket)
    }

    /// Hides the type, so that it can be written down: `fn pages() -> BoxFlow<Page>`. Costs one virtual call an item; what
    /// is boxed already stays as it is.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// fn numbers(are_even: bool) -> BoxFlow<u64> {
    ///     let all = iter(0..10u64);
    ///     if are_even { all.filter(|x| x % 2 == 0).boxed() } else { all.boxed() }
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// assert_eq!(numbers(true).count().run().await?.value, 5);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn boxed(self) -> BoxFlow<Self::Item, Self::Lineage> {
        BoxFlow::new(self)
    }

    /// Ends the flow in a sink: what `#[sink]` made, an async closure that returns `()`, or a hand-written
    /// [`Stage`](crate::stage::Stage) without outputs.
    ///
    /// What awaits has tasks of its own and an edge before it; a plain `#[sink] fn` is fused. The value of the run is `()`.
    /// A closure has one worker and the name `sink`.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(0..3u64).sink(|x| async move { println!("{x}") }).run().await?;
    /// assert_eq!(done.report.stage("sink").map(|row| row.done), Some(3));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Ordering
    /// A sink starts items in their order. With several workers they may end in any.
    fn sink<S, M>(self, sink: S) -> Pipeline<()>
    where
        S: Drain<Self::Item, M>,
    {
        sink.end(self)
    }

    /// Ends the flow in a closure that is called with each item. It cannot await: for an async one, see
    /// [`sink`](Flow::sink).
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let (sends, numbers) = std::sync::mpsc::channel();
    /// iter(0..3u64).for_each(move |x| sends.send(x).unwrap()).run().await?;
    /// assert_eq!(numbers.iter().collect::<Vec<_>>(), [0, 1, 2]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn for_each<F>(self, f: F) -> Pipeline<()>
    where
        F: FnMut(Self::Item) + Clone + Send + 'static,
    {
        Pipeline::fused(self, ForEach::new(f))
    }

    /// Ends the flow in a collection: a `Vec`, a `String`, a map, whatever is `Default` and `Extend`. The value of the run is
    /// the collection, empty if no item came. It grows as long as items come: memory is the only bound.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(["a", "b"]).collect::<String>().run().await?;
    /// assert_eq!(done.value, "ab");
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn collect<C>(self) -> Pipeline<C>
    where
        C: Default + Extend<Self::Item> + Send + 'static,
    {
        Pipeline::fused(self, Collect::new())
    }

    /// Ends the flow in one value, made from `init` and each item in turn; `init` itself if no item came. `init` is cloned for
    /// each run.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(1..4u64).fold(1, |product, x| product * x).run().await?;
    /// assert_eq!(done.value, 6);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn fold<A, F>(self, init: A, f: F) -> Pipeline<A>
    where
        A: Clone + Send + 'static,
        F: FnMut(A, Self::Item) -> A + Clone + Send + 'static,
    {
        Pipeline::fused(self, Fold::new(init, f))
    }

    /// Ends the flow in the number of its items.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(0..9u64).filter(|x| x % 2 == 0).count().run().await?;
    /// assert_eq!(done.value, 5);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn count(self) -> Pipeline<u64> {
        Pipeline::fused(self, Count::new())
    }

    /// Ends the flow at its first item. The value is `None` if there was none. What is upstream is dropped at that item.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(0..9u64).filter(|x| *x > 4).first().run().await?;
    /// assert_eq!(done.value, Some(5));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn first(self) -> Pipeline<Option<Self::Item>> {
        Pipeline::fused(self, First::new())
    }

    /// Most items that can be in flight at once, known before a run, when the flow is started and read:
    /// buffers, windows with held-back outputs, and one in the hand of each source and join.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// let pool = stage(|x: u64| async move { x + 1 }).concurrency(3).buffer(5);
    /// let flow = iter(0..9u64).then(pool).buffer(2);
    /// // The hand of the source, the edge before the pool, its window (twice its workers), the edge before the loop.
    /// assert_eq!(flow.bound(), 1 + 5 + 6 + 2);
    /// ```
    fn bound(&self) -> usize {
        let mut outline = Outline::default();
        Started::<Self::Item>::outline(self, &mut outline);
        outline.bound()
    }

    /// The stages and edges of the plan when the flow is started and read, whose reader is `next`. Nothing runs.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// let flow = iter(0..9u64).buffer(2);
    /// assert_eq!(flow.describe().to_string(), "at most 3 items in flight\niter (source)\n  -> next: 2 places\nnext (sink)\n");
    /// ```
    fn describe(&self) -> Description {
        let mut outline = Outline::default();
        Started::<Self::Item>::outline(self, &mut outline);
        outline.describe()
    }

    /// Starts the flow on `rt`, now, to be read by the caller's own loop. A plan that cannot run is told by the first
    /// [`next`](Started::next).
    ///
    /// ```
    /// use taktline::prelude::*;
    /// use taktline::sim::Sim;
    ///
    /// let sim = Sim::new(1);
    /// let mut xs = iter(0..3u64).start_on(&sim.rt());
    /// sim.block_on(async {
    ///     let mut sum = 0;
    ///     while let Some(x) = xs.next().await? {
    ///         sum += x;
    ///     }
    ///     assert_eq!(sum, 3);
    ///     Ok::<(), taktline::Error>(())
    /// })?;
    /// # Ok::<(), taktline::Error>(())
    /// ```
    fn start_on(self, rt: &Rt) -> Started<Self::Item> {
        Started::new(self, Ok(rt.clone()))
    }

    #[doc(hidden)]
    fn start_with(self, rt: crate::error::Result<Rt>) -> Started<Self::Item> {
        Started::new(self, rt)
    }
}
