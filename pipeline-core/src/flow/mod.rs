//! Flows: plans with an open end.
//!
//! [`Flow`] has every operator as a method. A flow is a value: it holds no runtime and no task, it can be cloned, and
//! nothing happens until it is ended by a sink and run, or started and read.

mod boxed;
mod source;

pub use boxed::BoxFlow;
pub use source::{Iter, Once, StreamSource, iter, once, stream};

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
/// # Ordering
/// Every step keeps the order of its input unless it says otherwise.
///
/// # Panics
/// A closure that panics fails the run with the name of its step; nothing unwinds into the caller.
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
    ///
    /// ```
    /// use taktline_core::flow::{Flow, iter};
    ///
    /// async fn double(x: u64) -> u64 {
    ///     2 * x
    /// }
    ///
    /// let flow = iter(0..3u64).then(double).then(|x| async move { x + 1 });
    /// # drop(flow);
    /// ```
    fn then<S, M>(self, stage: S) -> S::Flow<Self>
    where
        S: Step<Self::Item, M>,
    {
        stage.attach(self)
    }

    /// Hands each item to an async function or closure that returns a `Result`: an `Err` fails the run, an `Ok` goes on.
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

    /// Keeps the items for which `f` says true.
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

    /// Makes one item or none from each.
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

    /// Makes any number of items from each. The iterator is read as there is room, never ahead.
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
    /// let done = iter(0..3u64).inspect(|x| println!("{x}")).count().run().await?;
    /// assert_eq!(done.value, 3);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn inspect<F>(self, f: F) -> Inspect<Self, F>
    where
        F: FnMut(&Self::Item) + Clone + Send + 'static,
    {
        Inspect::new(self, f)
    }

    /// Ends after `n` items; 0 yields none. What is upstream is dropped at the `n`-th item, stage by stage, and the items in
    /// flight there are abandoned.
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

    /// Drops the first `n` items.
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

    /// Like `map`, with a state that is cloned for each run. `None` ends the flow, as in `Iterator::scan`.
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

    /// Gives each item a ticket that follows everything made from it.
    ///
    /// ```
    /// use taktline_core::flow::{Flow, iter};
    /// use taktline_core::lineage::Ticket;
    ///
    /// let (ticket, receipt) = Ticket::new();
    /// let plan = iter(0..3u64).tracked(move |_| ticket.clone()).map(|x| x + 1).count();
    /// # drop((plan, receipt));
    /// ```
    fn tracked<F>(self, ticket: F) -> Tracked<Self, F>
    where
        Self: Flow<Lineage = ()>,
        F: FnMut(&Self::Item) -> crate::lineage::Ticket + Clone + Send + 'static,
    {
        Tracked::new(self, ticket)
    }

    /// Hides the type, so that it can be written down: `fn pages() -> BoxFlow<Page>`.
    fn boxed(self) -> BoxFlow<Self::Item, Self::Lineage> {
        BoxFlow::new(self)
    }

    /// Ends the flow in a sink: what `#[sink]` made, an async closure that returns `()`, or a hand-written
    /// [`Stage`](crate::stage::Stage) without outputs.
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
    /// iter(0..3u64).for_each(|x| println!("{x}")).run().await?;
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    fn for_each<F>(self, f: F) -> Pipeline<()>
    where
        F: FnMut(Self::Item) + Clone + Send + 'static,
    {
        Pipeline::fused(self, ForEach::new(f))
    }

    /// Ends the flow in a collection. The value of the run is the collection, empty if no item came.
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

    /// Ends the flow in one value, made from `init` and each item in turn.
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
    fn bound(&self) -> usize {
        let mut outline = Outline::default();
        Started::<Self::Item>::outline(self, &mut outline);
        outline.bound()
    }

    /// Starts the flow on `rt`, to be read by the caller's own loop.
    ///
    /// ```no_run
    /// # use taktline_core::{flow::{Flow, iter}, runtime::Rt, error::Result};
    /// # async fn example(rt: Rt) -> Result<()> {
    /// let mut xs = iter(0..3u64).start_on(&rt);
    /// while let Some(x) = xs.next().await? {
    ///     println!("{x}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    fn start_on(self, rt: &Rt) -> Started<Self::Item> {
        Started::new(self, Ok(rt.clone()))
    }

    #[doc(hidden)]
    fn start_with(self, rt: crate::error::Result<Rt>) -> Started<Self::Item> {
        Started::new(self, rt)
    }
}
