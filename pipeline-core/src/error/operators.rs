//! What operators fail with.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// No item came for longer than [`timeout_idle`](crate::flow::TimeExt::timeout_idle) allows.
///
/// ```
/// use std::time::Duration;
/// use taktline::error::Idle;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let hour = Duration::from_secs(3600);
/// let slow = iter(0..2u64).then(move |x| async move { sleep(hour).await; x });
/// let error = slow.timeout_idle(hour / 2).count().run().await.unwrap_err();
/// assert_eq!(error.downcast_ref::<Idle>().map(Idle::time), Some(hour / 2));
/// assert_eq!(error.to_string(), "stage `timeout_idle` failed: no item came for 1800s");
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    time: Duration,
}

impl Idle {
    pub(crate) fn new(time: Duration) -> Idle {
        Idle { time }
    }

    /// How long it was waited for.
    pub fn time(&self) -> Duration {
        self.time
    }
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no item came for {:?}", self.time)
    }
}

impl StdError for Idle {}

/// A buffer was full whose policy is [`OnFull::Fail`](crate::op::OnFull::Fail).
///
/// ```
/// use std::time::Duration;
/// use taktline::OnFull;
/// use taktline::error::Overflow;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let slow = |x: u64| async move { sleep(Duration::from_secs(9)).await; x };
/// let flow = interval(Duration::from_secs(1)).buffer(2).on_full(OnFull::Fail).then(slow);
/// let error = flow.count().run().await.unwrap_err();
/// assert_eq!(error.downcast_ref::<Overflow>().map(Overflow::places), Some(2));
/// assert_eq!(error.to_string(), "stage `buffer` failed on item 4: 2 items wait and there is no room for another one");
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow {
    places: usize,
}

impl Overflow {
    pub(crate) fn new(places: usize) -> Overflow {
        Overflow { places }
    }

    /// How many items the buffer has room for.
    pub fn places(&self) -> usize {
        self.places
    }
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} items wait and there is no room for another one", self.places)
    }
}

impl StdError for Overflow {}

/// An item that [`resequence`](crate::flow::OrderExt::resequence) cannot put in order.
///
/// ```
/// use taktline::error::OutOfSequence;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let error = iter([0, 2, 3, 4, 5u64]).buffer(3).resequence(|x| *x).count().run().await.unwrap_err();
/// let cause = error.downcast_ref::<OutOfSequence>().expect("the 1 is missing");
/// assert_eq!((cause.number(), cause.expected()), (5, 1));
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfSequence {
    number: u64,
    expected: u64,
}

impl OutOfSequence {
    pub(crate) fn new(number: u64, expected: u64) -> OutOfSequence {
        OutOfSequence { number, expected }
    }

    /// The number of the item.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The number that was to move on next.
    pub fn expected(&self) -> u64 {
        self.expected
    }
}

impl fmt::Display for OutOfSequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OutOfSequence { number, expected } = self;
        if number > expected {
            write!(
                f,
                "number {number} came, {expected} did not, and there is no room for more; give it a larger buffer"
            )
        } else {
            write!(f, "number {number} came a second time")
        }
    }
}

impl StdError for OutOfSequence {}
