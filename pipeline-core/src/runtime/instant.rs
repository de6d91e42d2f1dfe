//! A point in time of a runtime.

use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A point in time, as a distance from an epoch of the runtime.
///
/// Ours, since `std::time::Instant` cannot be simulated and panics on wasm. Instants of two runtimes cannot be compared.
///
/// ```
/// use std::time::Duration;
/// use taktline_core::runtime::Instant;
///
/// let start = Instant::from_epoch(Duration::from_secs(1));
/// let later = start + Duration::from_secs(2);
/// assert_eq!(later - start, Duration::from_secs(2));
/// assert_eq!(start - later, Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Duration);

impl Instant {
    /// The instant that lies `since` after the epoch.
    pub const fn from_epoch(since: Duration) -> Instant {
        Instant(since)
    }

    /// How long after the epoch this is.
    pub const fn since_epoch(self) -> Duration {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not.
    pub const fn duration_since(self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// This and `time`, or `None` where that cannot be told.
    pub fn checked_add(self, time: Duration) -> Option<Instant> {
        self.0.checked_add(time).map(Instant)
    }
}

/// Saturates at the last instant that can be told.
impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, time: Duration) -> Instant {
        Instant(self.0.saturating_add(time))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, time: Duration) {
        *self = *self + time;
    }
}

/// Saturates at the epoch.
impl Sub<Duration> for Instant {
    type Output = Instant;

    fn sub(self, time: Duration) -> Instant {
        Instant(self.0.saturating_sub(time))
    }
}

/// Saturates at zero.
impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}
