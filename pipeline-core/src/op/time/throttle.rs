//! Items, no faster than a rate.

use std::fmt;
use std::time::Duration;

use crate::error::BoxError;
use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::tasked::{self, Books, Due, Given, Tasked};
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::runtime::Instant;

/// So many items in so long: what [`throttle`](crate::flow::TimeExt::throttle) takes.
///
/// ```
/// use std::time::Duration;
/// use taktline::Rate;
///
/// assert_eq!(Rate::per_second(50), Rate::new(50, Duration::from_secs(1)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    items: u64,
    time: Duration,
}

impl Rate {
    /// `items` in each `time`. A plan with zero of either is invalid: `run` says so.
    pub const fn new(items: u64, time: Duration) -> Rate {
        Rate { items, time }
    }

    /// `items` in each second.
    pub const fn per_second(items: u64) -> Rate {
        Rate::new(items, Duration::from_secs(1))
    }
}

/// The flow of [`throttle`](crate::flow::TimeExt::throttle).
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
#[derive(Clone)]
pub struct Throttle<P, F> {
    upstream: P,
    rate: Rate,
    burst: u64,
    cost: F,
}

impl<P, F> Throttle<P, F> {
    pub(crate) fn new(upstream: P, rate: Rate, burst: u64, cost: F) -> Self {
        Throttle { upstream, rate, burst, cost }
    }
}

impl<P: Flow, F> Throttle<P, F> {
    /// What an item costs, in items of the rate; 1 where this is not called. One that costs nothing passes at once.
    ///
    /// One that costs more than the burst passes when nothing was spent for as long as a whole burst takes, and the next
    /// ones wait for what it has cost.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::Rate;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// // Ten bytes a second, and up to ten at once.
    /// let lines = iter(["0123456789", "01234", "01234"]);
    /// let plan = lines.throttle(Rate::per_second(10), 10).cost(|line| line.len() as u64).count();
    /// assert_eq!(plan.run().await?.report.elapsed(), Duration::from_secs(1));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn cost<G>(self, cost: G) -> Throttle<P, G>
    where
        G: FnMut(&P::Item) -> u64 + Clone + Send + 'static,
    {
        Throttle { upstream: self.upstream, rate: self.rate, burst: self.burst, cost }
    }
}

impl<P, F> fmt::Debug for Throttle<P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").field("rate", &self.rate).field("burst", &self.burst).finish_non_exhaustive()
    }
}

impl<P, F> Flow for Throttle<P, F>
where
    P: Flow,
    F: FnMut(&P::Item) -> u64 + Clone + Send + 'static,
{
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let Throttle { upstream, rate, burst, cost } = self;
        let make = move |start| Throttled { cost, bucket: Bucket::new(start, rate, burst), in_hand: None };
        tasked::build(upstream, build, next, "throttle", make);
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        if self.rate.items == 0 || self.rate.time.is_zero() {
            outline.problem("`throttle` has a rate with a zero; give it 1 item or more, and some time".to_owned());
        }
        if self.burst == 0 {
            outline.problem("`throttle` has a burst of 0 and lets nothing pass; give it 1 or more".to_owned());
        }
        tasked::outline(&self.upstream, outline, "throttle", 1);
    }
}

struct Throttled<T, L, F> {
    cost: F,
    bucket: Bucket,
    /// An item, and what it costs.
    in_hand: Option<(T, L, u64)>,
}

impl<T, L, F> Tasked<T, L> for Throttled<T, L, F>
where
    T: Send + 'static,
    L: Lineage,
    F: FnMut(&T) -> u64 + Send + 'static,
{
    type Out = T;

    fn wants(&self) -> bool {
        self.in_hand.is_none()
    }

    fn take(&mut self, item: T, lineage: L, _: &mut Books<'_>) -> Result<(), BoxError> {
        let cost = (self.cost)(&item);
        self.in_hand = Some((item, lineage, cost));
        Ok(())
    }

    fn due(&self) -> Due {
        self.in_hand.as_ref().map_or(Due::Never, |(.., cost)| self.bucket.due(*cost))
    }

    fn give(&mut self, now: Instant) -> Given<T, L> {
        let (output, lineage, cost) = self.in_hand.take().expect("it is due only while an item is in hand");
        self.bucket.spend(cost, now);
        Given { output, lineage, items: 1 }
    }

    /// What is in hand waits for its time.
    fn end(&mut self) {}
}

/// What may be spent, as the instant at which nothing of it will be missing.
///
/// Instants are counted in parts of a nanosecond, as many as there are items in the rate: so one item takes a whole number
/// of them, and nothing is lost by rounding, however long it goes on.
struct Bucket {
    start: Instant,
    rate: Rate,
    burst: u64,
    /// Since the start.
    full_at: u128,
}

impl Bucket {
    fn new(start: Instant, rate: Rate, burst: u64) -> Bucket {
        Bucket { start, rate, burst, full_at: 0 }
    }

    fn takes(&self, cost: u64) -> u128 {
        self.rate.time.as_nanos().saturating_mul(cost.into())
    }

    fn due(&self, cost: u64) -> Due {
        if cost == 0 {
            return Due::Now;
        }
        let spare = self.takes(self.burst.saturating_sub(cost));
        let nanos = self.full_at.saturating_sub(spare).div_ceil(self.rate.items.into());
        Due::At(self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    fn spend(&mut self, cost: u64, now: Instant) {
        let items = u128::from(self.rate.items);
        // What was due within the last nanosecond is not late: no clock could tell it sooner.
        let now = now.duration_since(self.start).as_nanos().saturating_mul(items).saturating_sub(items - 1);
        self.full_at = self.full_at.max(now).saturating_add(self.takes(cost));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(bucket: &mut Bucket, now: Instant, cost: u64) -> Instant {
        let at = match bucket.due(cost) {
            Due::At(at) => at.max(now),
            _ => now,
        };
        bucket.spend(cost, at);
        at
    }

    #[test]
    fn a_rate_that_divides_nothing_is_exact_after_a_million_items() {
        let start = Instant::from_epoch(Duration::from_secs(5));
        let mut bucket = Bucket::new(start, Rate::new(3, Duration::from_secs(1)), 1);
        let last = (0..=1_000_000).fold(start, |now, _| wait(&mut bucket, now, 1));
        assert_eq!(last.duration_since(start), Duration::from_nanos(333_333_333_333_334));
    }

    #[test]
    fn no_window_has_more_than_the_burst_and_what_the_rate_gives() {
        let (rate, burst) = (Rate::per_second(10), 4);
        let mut bucket = Bucket::new(Instant::default(), rate, burst);
        let mut now = Instant::default();
        let mut passed: Vec<Instant> = Vec::new();
        for n in 0..1000u64 {
            now = wait(&mut bucket, now + Duration::from_millis(n * 7919 % 331), 1);
            passed.push(now);
        }
        for (at, first) in passed.iter().enumerate() {
            for (more, last) in passed[at..].iter().enumerate() {
                let allowed = burst as u128 + last.duration_since(*first).as_millis() / 100;
                assert!((more as u128) < allowed, "{} items within {:?}", more + 1, *last - *first);
            }
        }
    }

    #[test]
    fn what_costs_more_than_the_burst_waits_for_all_of_it_and_is_paid_for_by_the_next() {
        let mut bucket = Bucket::new(Instant::default(), Rate::per_second(1), 2);
        let mut at = |seconds, cost| {
            let now = Instant::from_epoch(Duration::from_secs(seconds));
            wait(&mut bucket, now, cost).since_epoch().as_secs()
        };
        assert_eq!([at(0, 1), at(0, 5), at(1, 1), at(1, 0)], [0, 1, 5, 1]);
    }
}
