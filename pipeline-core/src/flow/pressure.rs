//! The operators that say what happens where items come quicker than they are taken, as methods.

use super::Flow;
use crate::op::{Conflate, Latest, MaxInFlight};

/// Says what happens where items come quicker than they are taken. In the prelude; implemented by every flow.
///
/// Without any of these, upstream waits: see [`buffer`](Flow::buffer).
///
/// # Ordering
/// That of the input.
pub trait PressureExt: Flow {
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
}

impl<F: Flow> PressureExt for F {}
