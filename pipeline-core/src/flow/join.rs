//! The operators that join two flows, as methods.

use super::Flow;
use crate::lineage::Ticket;
use crate::op::{Again, Back, Branch, Feedback, FeedbackWith, Zip, ZipLatest};

/// Joins a flow with another one. In the prelude; implemented by every flow.
///
/// A join is a boundary: it has an edge for each input (see [`buffer`](Flow::buffer)) and a task of its own. An input that
/// fails takes its place behind what it has sent. For joins of any number of flows see [`merge`](fn@crate::op::merge),
/// [`merge_prefer`](crate::op::merge_prefer), [`merge_sorted`](fn@crate::op::merge_sorted) and
/// [`interleave`](fn@crate::op::interleave).
pub trait JoinExt: Flow {
    /// Pairs each item with one of `other`, in order. It ends with the first of the two that ends; what the other one has sent
    /// and finds no partner is abandoned, and what is upstream of it is dropped.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let done = iter(1u64..).zip(iter(["a", "b"])).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [(1, "a"), (2, "b")]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Ordering
    /// That of the inputs.
    ///
    /// # Backpressure
    /// The quicker input waits in its edge for the slower one.
    fn zip<B: Flow>(self, other: B) -> Zip<Self, B> {
        Zip::new(self, other)
    }

    /// Pairs the latest items of the two flows: whenever either has a new one, a pair of it and the latest of the other, once
    /// there is one. It ends when both have ended, or when one has ended without an item.
    ///
    /// An item that came before the other flow had any makes no pair, and counts as
    /// [`filtered`](crate::ledger::StageReport::filtered); the last of those is in the first pair. Items that come at once are
    /// taken in rotation.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// #[source]
    /// async fn every(seconds: u64, out: Out<u64>) {
    ///     for i in 1..=2 {
    ///         sleep(Duration::from_secs(seconds)).await;
    ///         out.send(seconds * i).await;
    ///     }
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// let done = every(2).zip_latest(every(3)).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [(2, 3), (4, 3), (4, 6)]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Ordering
    /// That of the items' arrival.
    ///
    /// # Backpressure
    /// Every pair is handed on; nothing is left out while the next edge is full.
    fn zip_latest<B>(self, other: B) -> ZipLatest<Self, B>
    where
        Self::Item: Clone,
        B: Flow<Item: Clone>,
    {
        ZipLatest::new(self, other)
    }

    /// Sends items through a part of the flow, again and again: `body` is given the flow of what goes through it, and yields
    /// [`Again::Back`] for what is to go through it once more and [`Again::On`] for what leaves.
    ///
    /// Going back never waits for room in the loop, so a loop cannot wait for itself. At most `limit` items wait to go round
    /// again. They go before what comes from outside, the oldest first; what comes from outside waits in an edge of its own
    /// (see [`buffer`](Flow::buffer)). The loop ends when the outside has ended and nothing of what has entered is left in it.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// /// Yields the number, and sends back the numbers below it by half and by a third.
    /// #[stage(concurrency = 2)]
    /// async fn visit(n: u64, out: Out<Again<u64, u64>>) {
    ///     for below in [n / 2, n / 3] {
    ///         if below > 0 {
    ///             out.send(Again::Back(below)).await;
    ///         }
    ///     }
    ///     out.send(Again::On(n)).await;
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// let mut seen = iter([6u64]).feedback(100, |f| f.then(visit())).collect::<Vec<_>>().run().await?.value;
    /// seen.sort();
    /// assert_eq!(seen, [1, 1, 1, 2, 3, 6]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// A stage of the body that keeps items until its input ends keeps the loop from ending.
    ///
    /// # Errors
    /// An item that goes back when `limit` of them wait already fails the run with the step `feedback` and a
    /// [`LoopFull`](crate::op::LoopFull). A limit of 0 makes the plan invalid: `run` says so.
    ///
    /// # Ordering
    /// What the body yields leaves in the body's order.
    ///
    /// # Backpressure
    /// What leaves waits for room behind the loop, and the body with it.
    fn feedback<U, B>(self, limit: usize, body: impl FnOnce(Branch<Self::Item, Ticket>) -> B) -> Feedback<Self, B>
    where
        Self: Flow<Lineage = ()>,
        U: Send + 'static,
        B: Flow<Item = Again<Self::Item, U>, Lineage = Ticket>,
    {
        Feedback::new(self, limit, body)
    }

    /// The same for items that go back from any place of the body: `back` is a sink for them. What the body yields leaves.
    ///
    /// So the [dead letters](crate::stage::Staged::dead_letters) of a stage can go back to where they failed. The items have
    /// to tell how often they went round: a letter's `attempts` are those of the last time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// #[derive(Clone)]
    /// struct Job {
    ///     number: u64,
    ///     rounds: u64,
    /// }
    ///
    /// /// Works at the third time.
    /// #[stage(concurrency = 4)]
    /// async fn work(job: Job) -> Result<u64, String> {
    ///     if job.rounds < 2 { Err("not yet".to_owned()) } else { Ok(job.number) }
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// let jobs = iter(0..9u64).map(|number| Job { number, rounds: 0 });
    /// let done = jobs.feedback_with(100, |jobs, back| {
    ///     jobs.then(work().dead_letters(|letters| {
    ///         // A minute later, and not for ever.
    ///         let later = letters.delay(Duration::from_secs(60)).filter(|letter| letter.input.rounds < 5);
    ///         later.map(|letter| Job { rounds: letter.input.rounds + 1, ..letter.input }).sink(back)
    ///     }))
    /// });
    /// let mut done = done.collect::<Vec<_>>().run().await?;
    /// done.value.sort();
    /// assert_eq!(done.value, (0..9).collect::<Vec<_>>());
    /// assert_eq!(done.report.elapsed(), Duration::from_secs(120));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// The loop ends by itself, as that of [`feedback`](Self::feedback) does, and has the same limit; what goes back has a row `back` in the
    /// report. Behind the limit nothing goes round any more, and what is in the loop leaves it.
    fn feedback_with<B>(
        self,
        limit: usize,
        body: impl FnOnce(Branch<Self::Item, Ticket>, Back<Self::Item>) -> B,
    ) -> FeedbackWith<Self, B>
    where
        Self: Flow<Lineage = ()>,
        B: Flow<Lineage = Ticket>,
    {
        FeedbackWith::new(self, limit, body)
    }
}

impl<F: Flow> JoinExt for F {}
