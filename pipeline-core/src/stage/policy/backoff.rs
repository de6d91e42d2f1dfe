//! How long to wait before the next attempt.

use std::fmt;
use std::time::Duration;

/// How long a stage waits before it tries an item again. A [`Duration`] is a constant one.
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// let second = Duration::from_secs(1);
/// let doubling = Backoff::exponential(second).cap(5 * second);
/// let waits: Vec<_> = (1..=5).map(|attempt| doubling.after(attempt, 0).as_secs()).collect();
/// assert_eq!(waits, [1, 2, 4, 5, 5]);
/// assert!(doubling.jitter().after(3, 12345) <= 4 * second);
/// assert_eq!(Backoff::from(second), Backoff::constant(second));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    doubles: bool,
    cap: Duration,
    jitters: bool,
}

impl Backoff {
    /// The same time before each attempt.
    pub const fn constant(time: Duration) -> Backoff {
        Backoff { first: time, doubles: false, cap: Duration::MAX, jitters: false }
    }

    /// That time before the second attempt, and twice the last one before each further one.
    pub const fn exponential(first: Duration) -> Backoff {
        Backoff { first, doubles: true, cap: Duration::MAX, jitters: false }
    }

    /// Never longer than `longest`.
    #[must_use]
    pub const fn cap(self, longest: Duration) -> Backoff {
        Backoff { cap: longest, ..self }
    }

    /// A random part of the time, anything from none to all of it: so that those that failed together do not come back
    /// together. The numbers are those of the runtime; on a simulated one they come from the seed.
    #[must_use]
    pub const fn jitter(self) -> Backoff {
        Backoff { jitters: true, ..self }
    }

    /// The wait after so many attempts, the first of which is 1. `random` is used only with [jitter](Self::jitter).
    pub fn after(&self, attempts: u32, random: u64) -> Duration {
        let doublings = if self.doubles { attempts.saturating_sub(1) } else { 0 };
        let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let time = self.first.saturating_mul(factor).min(self.cap);
        if self.jitters { time.mul_f64(random as f64 / u64::MAX as f64) } else { time }
    }

    pub(super) fn jitters(&self) -> bool {
        self.jitters
    }
}

impl fmt::Display for Backoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Backoff { first, doubles, cap, jitters } = self;
        write!(f, "backoff {first:?}")?;
        if *doubles {
            f.write_str(" doubling")?;
        }
        if *cap < Duration::MAX {
            write!(f, " up to {cap:?}")?;
        }
        if *jitters { f.write_str(" with jitter") } else { Ok(()) }
    }
}

impl From<Duration> for Backoff {
    fn from(time: Duration) -> Backoff {
        Backoff::constant(time)
    }
}

/// A tenth of a second, each time.
impl Default for Backoff {
    fn default() -> Backoff {
        Backoff::constant(Duration::from_millis(100))
    }
}
