//! Times as a histogram: bounded, and good to a quarter.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Two for each doubling, from a microsecond to half an hour. The first is for less, the last for more.
const BUCKETS: usize = 64;

/// The first bucket ends at this power of two, in nanoseconds: 1.024 microseconds.
const UNIT_BITS: u32 = 10;

/// Times that tasks have measured. It takes memory from its first time on.
#[derive(Debug, Default)]
pub(crate) struct Histogram(OnceLock<Box<[AtomicU64; BUCKETS]>>);

impl Histogram {
    pub(crate) fn record(&self, time: Duration, times: u64) {
        self.record_ns(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), times);
    }

    /// A time of so many nanoseconds.
    pub(crate) fn record_ns(&self, time: u64, times: u64) {
        let buckets = self.0.get_or_init(|| Box::new([const { AtomicU64::new(0) }; BUCKETS]));
        buckets[bucket(time)].fetch_add(times, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Times {
        let buckets = self.0.get();
        Times { buckets: buckets.map(|all| Box::new(std::array::from_fn(|at| all[at].load(Ordering::Relaxed)))) }
    }
}

/// Sampled times of items, as a histogram of 64 buckets.
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let slow = stage(|x: u64| async move { sleep(Duration::from_millis(x)).await; x }).name("slow");
/// let mut xs = iter([20, 20, 20, 500u64]).then(slow).start();
/// while xs.next().await?.is_some() {}
/// let snapshot = xs.snapshot().expect("it was started");
/// let service = &snapshot.stage("slow").expect("every stage has a row").service;
/// assert_eq!(service.samples(), 4);
/// assert!(service.p50().is_some_and(|time| time.abs_diff(Duration::from_millis(20)) < Duration::from_millis(5)));
/// assert!(service.p99().is_some_and(|time| time.abs_diff(Duration::from_millis(500)) < Duration::from_millis(125)));
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// None where nothing was measured.
    buckets: Option<Box<[u64; BUCKETS]>>,
}

impl Times {
    /// How many items were measured, with those that they count for.
    pub fn samples(&self) -> u64 {
        self.buckets.as_ref().map_or(0, |buckets| buckets.iter().sum())
    }

    /// The time that half of the measured items did not pass. `None` if none was measured.
    pub fn p50(&self) -> Option<Duration> {
        self.quantile(0.5)
    }

    /// The time that 99 of 100 measured items did not pass. `None` if none was measured.
    pub fn p99(&self) -> Option<Duration> {
        self.quantile(0.99)
    }

    /// The time that a part of the measured items did not pass, such as 0.9; a part below 0 or above 1 is taken for the
    /// nearest of the two. `None` if none was measured.
    ///
    /// It is the middle of a bucket, and so off by a quarter at most. What is shorter than a microsecond is told as half of
    /// one, what is longer than half an hour as that.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let buckets = self.buckets.as_ref()?;
        let rank = ((self.samples() as f64 * part.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0;
        let at = buckets.iter().position(|&times| {
            seen += times;
            seen >= rank
        });
        at.map(middle)
    }

    pub(crate) fn since(&self, earlier: &Times) -> Times {
        let mut left = self.clone();
        if let (Some(now), Some(before)) = (&mut left.buckets, &earlier.buckets) {
            now.iter_mut().zip(before.iter()).for_each(|(times, before)| *times = times.saturating_sub(*before));
        }
        left
    }
}

fn bucket(ns: u64) -> usize {
    let power = ns.checked_ilog2().unwrap_or(0);
    let Some(doublings) = power.checked_sub(UNIT_BITS) else { return 0 };
    let is_upper_half = ns >> (power - 1) & 1 == 1;
    (1 + 2 * doublings as usize + usize::from(is_upper_half)).min(BUCKETS - 1)
}

fn middle(bucket: usize) -> Duration {
    let Some(above_first) = bucket.checked_sub(1) else { return Duration::from_nanos(1 << (UNIT_BITS - 1)) };
    // In quarters of the doubling: the lower half has its middle at a quarter, the upper one at three.
    let quarter = (1u64 << UNIT_BITS << (above_first / 2)) / 4;
    Duration::from_nanos(quarter * if above_first % 2 == 0 { 5 } else { 7 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_to_a_quarter() {
        for ns in (0..41).flat_map(|power| [1u64 << power, (1 << power) + (1 << power) / 3]) {
            let histogram = Histogram::default();
            histogram.record(Duration::from_nanos(ns), 1);
            let told = histogram.read().p50().expect("one was measured").as_nanos() as f64;
            let is_close = (told / ns as f64 - 1.0).abs() <= 0.25;
            assert!(is_close || ns < 1_024, "{ns} ns is told as {told}");
        }
        let histogram = Histogram::default();
        histogram.record(Duration::MAX, 1);
        assert!(histogram.read().p50().is_some_and(|told| told > Duration::from_secs(30 * 60)));
    }

    #[test]
    fn quantiles_are_those_of_what_was_measured_since() {
        let histogram = Histogram::default();
        assert_eq!((histogram.read().p50(), histogram.read().samples()), (None, 0));
        histogram.record(Duration::from_secs(1), 98);
        let before = histogram.read();
        histogram.record(Duration::from_micros(100), 2);
        let all = histogram.read();
        let [second, short] =
            [Duration::from_secs(1), Duration::from_micros(100)].map(|time| middle(bucket(time.as_nanos() as u64)));
        assert_eq!((all.quantile(0.02), all.p50(), all.p99()), (Some(short), Some(second), Some(second)));
        let since = all.since(&before);
        assert_eq!((since.samples(), since.p50(), since.p99()), (2, Some(short), Some(short)));
        assert_eq!(since.since(&since).p50(), None);
    }
}
