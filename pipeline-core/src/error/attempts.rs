//! What became of an item that was tried, perhaps several times.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use super::BoxError;

/// A limit of time was over before a stage had done its item.
///
/// ```
/// use std::time::Duration;
/// use taktline::error::TimedOut;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let slow = stage(|x: u64| async move { sleep(Duration::from_secs(5)).await; x }).name("slow");
/// let error = iter([1u64]).then(slow.timeout(Duration::from_secs(1))).count().run().await.unwrap_err();
/// assert!(error.is_timeout());
/// assert_eq!(error.downcast_ref::<TimedOut>().map(TimedOut::limit), Some(Duration::from_secs(1)));
/// assert_eq!(error.to_string(), "stage `slow` failed on item 0: timed out after 1s");
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct TimedOut {
    limit: Duration,
    is_deadline: bool,
}

impl TimedOut {
    pub(crate) fn attempt(limit: Duration) -> TimedOut {
        TimedOut { limit, is_deadline: false }
    }

    pub(crate) fn deadline(limit: Duration) -> TimedOut {
        TimedOut { limit, is_deadline: true }
    }

    /// The limit that was set.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Whether it was the deadline for all attempts, and not the timeout of one.
    pub fn is_deadline(&self) -> bool {
        self.is_deadline
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_deadline { "not done within its deadline of" } else { "timed out after" };
        write!(f, "{what} {:?}", self.limit)
    }
}

impl StdError for TimedOut {}

/// What follows from an item that has failed for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The run fails.
    Fails,
    /// The run goes on without it.
    Skipped,
    /// The run goes on, and the item has left the stage as a dead letter.
    DeadLettered,
    /// The run goes on, and the item was not tried: nobody waits for it any more.
    Dropped,
}

/// What a stage with policies returns for an item that has failed for good.
#[derive(Debug)]
pub(crate) struct Attempted {
    pub(crate) error: BoxError,
    pub(crate) attempts: u32,
    pub(crate) fate: Fate,
    /// There would have been another attempt, if the stage had not made too many already.
    pub(crate) lacks_budget: bool,
}

impl Attempted {
    /// What an error says of its item. Without policies: one attempt, which fails the run.
    pub(crate) fn of(error: BoxError) -> Attempted {
        match error.downcast::<Attempted>() {
            Ok(attempted) => *attempted,
            Err(error) => Attempted { error, attempts: 1, fate: Fate::Fails, lacks_budget: false },
        }
    }

    /// Of an item that was not tried.
    pub(crate) fn dropped() -> BoxError {
        Box::new(Attempted {
            error: "nobody waits for it".into(),
            attempts: 0,
            fate: Fate::Dropped,
            lacks_budget: false,
        })
    }

    pub(crate) fn fate(error: &BoxError) -> Fate {
        error.downcast_ref::<Attempted>().map_or(Fate::Fails, |attempted| attempted.fate)
    }
}

impl fmt::Display for Attempted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl StdError for Attempted {}
