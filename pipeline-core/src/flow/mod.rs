//! Flows: plans with an open end.
//!
//! Every operator is a method: of [`Flow`], or of one of the traits beside it, by what it is about. A flow is a value: it
//! holds no runtime and no task, it can be cloned, and nothing happens until it is ended by a sink and run, or started and
//! read.
//!
//! These files are lists: each operator is one call and its documentation. What the operators do is in
//! [`op`](crate::op), in folders of the same names.

mod boxed;
mod join;
mod nesting;
mod order;
mod pressure;
mod shape;
mod source;
mod split;
mod ticks;
mod time;

pub use boxed::BoxFlow;
pub use join::JoinExt;
pub use nesting::NestingExt;
pub use order::OrderExt;
pub use pressure::PressureExt;
pub use shape::ShapeExt;
pub use source::{Iter, Once, StreamSource, iter, once, stream};
pub use split::SplitExt;
pub use ticks::{After, Interval, after, interval};
pub use time::TimeExt;

use crate::describe::Description;
use crate::lineage::Lineage;
use crate::op::{
    Buffer, Chain, Enumerate, Filter, FilterMap, FlatMap, Inspect, Map, Scan, Skip, Take, TakeWhile, Tracked,
};
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::run::{Pipeline, Started};
use crate::runtime::Rt;
use crate::sink::{Collect, Count, Drain, First, Fold, ForEach};
use crate::stage::{Step, TryStep};

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
