//! The operators that split a flow, as methods.

use std::hash::Hash;
use std::time::Duration;

use super::Flow;
use crate::op::{self, Branch, Broadcast, EachBranch, GroupBy, Pair, Route, StableHash, Tap};
use crate::run::Pipeline;

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

    /// Gives each item to one of `n` branches: to the next one in rotation that has room. `branch` is called once for each,
    /// with its number from 0.
    ///
    /// A branch that ends early leaves, and the others go on; when all have left, what is upstream ends. The value of the run
    /// is a `Vec` of the branches' values. For several workers in one stage, which keep the order of the items, set the
    /// stage's [`concurrency`](crate::stage::Staged::concurrency); this is for several stages in a row.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(0..9u64).balance(3, |_, f| f.then(|x| async move { x }).count()).run().await?;
    /// assert_eq!(done.value, [3, 3, 3]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// A balance of no branch makes the plan invalid: `run` says so.
    ///
    /// # Ordering
    /// That of the items within each branch.
    ///
    /// # Backpressure
    /// It waits when no branch has room.
    fn balance<B, M>(self, n: usize, branch: impl FnMut(usize, Branch<Self::Item, Self::Lineage>) -> B) -> B::Split
    where
        B: EachBranch<M>,
    {
        op::balance(self, n, branch)
    }

    /// Gives each item to one of `n` branches: items of equal keys always to the same one, on every machine and in every
    /// version. `branch` is called once for each, with its number from 0.
    ///
    /// Which branch a key belongs to follows from the 64-bit hash FNV-1a of the key; see [`StableHash`]. The value of the run is
    /// a `Vec` of the branches' values. An item for a branch that has ended early is abandoned; when all have left, what is
    /// upstream ends.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let orders = [("zoe", 1), ("ada", 2), ("zoe", 3), ("ada", 4)];
    /// let done = iter(orders).partition(2, |(name, _)| *name, |_, f| f.collect::<Vec<_>>()).run().await?;
    /// assert_eq!(done.value, [[("zoe", 1), ("zoe", 3)], [("ada", 2), ("ada", 4)]]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// A partition of no branch makes the plan invalid: `run` says so.
    ///
    /// # Ordering
    /// That of the items within each branch, and so within each key.
    ///
    /// # Backpressure
    /// It holds one item, and waits until that one's branch has room.
    fn partition<K, H, B, M>(
        self,
        n: usize,
        key: K,
        branch: impl FnMut(usize, Branch<Self::Item, Self::Lineage>) -> B,
    ) -> B::Split
    where
        K: FnMut(&Self::Item) -> H + Clone + Send + 'static,
        H: StableHash,
        B: EachBranch<M>,
    {
        op::partition(self, n, key, branch)
    }

    /// Gives each item to the flow of its key, which [`to`](GroupBy::to) makes when the key comes, and merges what those flows
    /// yield. There are never more than `max_keys` of them.
    ///
    /// A key of which no item has come for `idle` is forgotten: its flow ends, as at the end of the input, and if the key comes
    /// again it gets a new one. An item of one key more than `max_keys` is a failure, or waits until a key is idle, if
    /// [`wait_when_full`](GroupBy::wait_when_full) says so.
    ///
    /// What a flow of a key has ended early does not take is abandoned, until the key is idle. The flow of a key is a run of its
    /// own, with edges, tasks and a ledger of its own; the bound and the report of the outer one do not tell what is in it. Where
    /// the keys are to share a number of branches, use [`partition`](Self::partition); for the workers of one stage,
    /// [`by_key`](crate::stage::Staged::by_key).
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let readings = iter([("a", 1), ("b", 7), ("a", 2), ("a", 3), ("b", 8)]);
    /// let sums = readings
    ///     .group_by(|(sensor, _)| *sensor, 100, Duration::from_secs(60))
    ///     .to(|sensor, f| f.batch(2).map(move |batch| (sensor, batch.iter().map(|(_, x)| x).sum::<u64>())));
    /// let mut sums = sums.collect::<Vec<_>>().run().await?.value;
    /// sums.sort();
    /// // What a batch has of a key goes out when the key is idle, or at the end.
    /// assert_eq!(sums, [("a", 3), ("a", 3), ("b", 15)]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`KeysFull`](crate::op::KeysFull) as told above. A flow of a key that fails, or that cannot run, fails the run; the error of
    /// `group_by` is then the [`Error`](crate::error::Error) of the inner run, and the other flows finish what they have got. A
    /// `max_keys` or an `idle` of zero makes the plan invalid: `run` says so.
    ///
    /// # Ordering
    /// That of the items within each key, also from one flow of a key to its next one.
    ///
    /// # Backpressure
    /// It holds one item, and waits until the flow of that one's key has room. A flow that does not end when its key is idle keeps
    /// its place.
    fn group_by<K, F>(self, key: F, max_keys: usize, idle: Duration) -> GroupBy<Self, F>
    where
        K: Hash + Eq + Clone + Send + 'static,
        F: FnMut(&Self::Item) -> K + Clone + Send + 'static,
    {
        GroupBy::new(self, key, max_keys, idle)
    }

    /// Gives each item to the first branch whose case takes it, as the type that the case makes of it; what no case takes goes
    /// to the [`rest`](Route::rest).
    ///
    /// An item for a branch that has ended early is abandoned; when all have left, what is upstream ends.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// enum Event {
    ///     Key(char),
    ///     Click { x: u32, y: u32 },
    ///     Tick,
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// let events = || [Event::Key('a'), Event::Tick, Event::Click { x: 3, y: 4 }, Event::Key('b')];
    /// let plan = once(events())
    ///     .route()
    ///     .case(|event| match event { Event::Key(key) => Ok(key), other => Err(other) }, |f| f.collect::<String>())
    ///     .case(|event| match event { Event::Click { x, y } => Ok((x, y)), other => Err(other) }, |f| f.first())
    ///     .rest(|f| f.count());
    /// assert_eq!(plan.run().await?.value, ("ab".to_owned(), Some((3, 4)), 1));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Ordering
    /// That of the items within each branch.
    ///
    /// # Backpressure
    /// It holds one item, and waits until that one's branch has room.
    fn route(self) -> Route<Self::Item, Self::Lineage> {
        Route::new(self.boxed())
    }

    /// Gives the first half of each pair to one branch and the second half to the other.
    ///
    /// A pair waits until both branches have room. A branch that ends early leaves, and its halves are dropped; when both have
    /// left, what is upstream ends. The value of the run is the pair of the branches' values.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let pairs = iter(["a", "b"]).enumerate();
    /// let done = pairs.unzip(|f| f.fold(0, |sum, n| sum + n), |f| f.collect::<String>()).run().await?;
    /// assert_eq!(done.value, (1, "ab".to_owned()));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Ordering
    /// Both branches get their halves in the order of the pairs.
    ///
    /// # Backpressure
    /// That of the slower branch.
    fn unzip<A, B, X, Y, M>(
        self,
        left: impl FnOnce(Branch<A, Self::Lineage>) -> X,
        right: impl FnOnce(Branch<B, Self::Lineage>) -> Y,
    ) -> X::Split
    where
        Self: Flow<Item = (A, B)>,
        A: Send + 'static,
        B: Send + 'static,
        X: Pair<Y, M>,
    {
        op::unzip(self, left, right)
    }

    /// Gives a clone of each item to a branch beside the flow, as long as that one keeps up. The flow itself never waits for it:
    /// what finds no room among the `buffer` places before the branch is lost, and counted as
    /// [`dropped`](crate::ledger::StageReport::dropped) in the row `tap`.
    ///
    /// The branch ends in a sink, whose value nobody gets. It may end early; a failure in it fails the run. The run ends when
    /// the branch has ended, too. The flow itself needs neither an edge nor a task for it.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let (sends, seen) = std::sync::mpsc::channel();
    /// let done = iter(0..5u64).tap(8, |f| f.for_each(move |x| sends.send(x).unwrap())).count().run().await?;
    /// assert_eq!((done.value, seen.iter().collect()), (5, vec![0, 1, 2, 3, 4]));
    /// assert_eq!(done.report.stage("tap").map(|row| row.dropped), Some(0));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// A buffer of 0 makes the plan invalid: `run` says so.
    ///
    /// # Ordering
    /// The branch gets what it gets in the order of the items.
    ///
    /// # Backpressure
    /// None from the branch.
    fn tap<V>(
        self,
        buffer: usize,
        branch: impl FnOnce(Branch<Self::Item, Self::Lineage>) -> Pipeline<V>,
    ) -> Tap<Self, V>
    where
        Self::Item: Clone,
        V: Send + 'static,
    {
        Tap::new(self, buffer, branch)
    }
}

impl<F: Flow> SplitExt for F {}
