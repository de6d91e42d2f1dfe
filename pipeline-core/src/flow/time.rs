//! The operators of time, as methods.

use std::time::Duration;

use super::Flow;
use crate::op::{Debounce, Delay, Rate, Sample, Throttle, TimeoutIdle};

/// Slows a flow down, thins it out, or bounds its silence. In the prelude; implemented by every flow.
///
/// Each has an edge before it (see [`buffer`](Flow::buffer)) and a task of its own. Time is that of the run's runtime.
///
/// # Ordering
/// That of the input.
pub trait TimeExt: Flow {
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
}

impl<F: Flow> TimeExt for F {}
