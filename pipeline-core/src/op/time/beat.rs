//! Instants that are so long apart, for ever.

use std::time::Duration;

use crate::runtime::Instant;

/// The multiples of a period after a start. They never drift: each is told by the start alone.
pub(crate) struct Beat {
    start: Instant,
    period: Duration,
    next: Instant,
}

impl Beat {
    pub(crate) fn new(start: Instant, period: Duration) -> Beat {
        Beat { start, period, next: start + period }
    }

    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Goes on to the first beat after `now`. Gives the number of the last one that is not, from 1.
    pub(crate) fn skip_to(&mut self, now: Instant) -> u64 {
        let (elapsed, period) = (now.duration_since(self.start).as_nanos(), self.period.as_nanos().max(1));
        let since = Duration::from_nanos(u64::try_from(elapsed % period).unwrap_or(u64::MAX));
        if self.next <= now {
            self.next = now + self.period.saturating_sub(since);
        }
        u64::try_from(elapsed / period).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_epoch(Duration::from_millis(ms))
    }

    #[test]
    fn beats_that_are_missed_are_skipped_and_the_rhythm_stays() {
        let mut beat = Beat::new(at(7), Duration::from_millis(10));
        assert_eq!(beat.next(), at(17));
        assert_eq!((beat.skip_to(at(16)), beat.next()), (0, at(17)));
        assert_eq!((beat.skip_to(at(17)), beat.next()), (1, at(27)));
        assert_eq!((beat.skip_to(at(58)), beat.next()), (5, at(67)));
    }

    #[test]
    fn a_period_without_end_never_beats() {
        let mut beat = Beat::new(at(7), Duration::MAX);
        assert_eq!(beat.skip_to(at(1_000_000)), 0);
        assert!(beat.next() > at(u64::MAX / 2_000_000));
    }
}
