//! Futures of time.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Instant, Timer};

/// Ready when its deadline is reached. From [`Rt::sleep`](super::Rt::sleep) and the like.
///
/// ```
/// use std::time::Duration;
/// use taktline::runtime::{now, sleep};
///
/// taktline::sim::run(1, async {
///     let start = now();
///     let mut tick = sleep(Duration::from_secs(1));
///     for _ in 0..3 {
///         (&mut tick).await;
///         tick.reset(tick.deadline() + Duration::from_secs(1));
///     }
///     assert_eq!(now() - start, Duration::from_secs(3));
/// });
/// ```
///
/// # Cancel safety
/// Nothing is lost if it is dropped.
#[must_use = "time passes only where it is awaited"]
pub struct Sleep {
    timer: Pin<Box<dyn Timer>>,
    deadline: Instant,
}

impl Sleep {
    pub(super) fn new(timer: Pin<Box<dyn Timer>>, deadline: Instant) -> Sleep {
        Sleep { timer, deadline }
    }

    /// When it is ready.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Sets another deadline, also after it was ready. No allocation.
    pub fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.timer.as_mut().reset(deadline);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(cx)
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// The outcome of a future, or [`Elapsed`]. From [`Rt::timeout`](super::Rt::timeout), which has an example.
///
/// # Cancel safety
/// That of the inner future, which is dropped when the time is over.
#[must_use = "nothing is polled until it is awaited"]
pub struct Timeout<F> {
    future: Pin<Box<F>>,
    sleep: Sleep,
}

impl<F> Timeout<F> {
    pub(super) fn new(future: F, sleep: Sleep) -> Self {
        Timeout { future: Box::pin(future), sleep }
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut self.sleep).poll(cx).map(|()| Err(Elapsed))
    }
}

impl<F> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").field("sleep", &self.sleep).finish_non_exhaustive()
    }
}

/// The time of a [`Timeout`] was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was over before the future was ready")
    }
}

impl Error for Elapsed {}

/// Lets other tasks run first: pending once, woken at once. Works on every runtime, and needs no current one.
///
/// ```
/// taktline::sim::run(1, async {
///     let task = taktline::spawn(async {});
///     while !task.is_finished() {
///         taktline::yield_now().await;
///     }
/// });
/// ```
///
/// # Cancel safety
/// Nothing is lost if it is dropped.
pub fn yield_now() -> YieldNow {
    YieldNow { has_yielded: false }
}

/// The future of [`yield_now`].
#[derive(Debug)]
#[must_use = "nothing yields until it is awaited"]
pub struct YieldNow {
    has_yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_yielded {
            return Poll::Ready(());
        }
        self.has_yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
