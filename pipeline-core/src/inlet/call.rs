//! One call: its request on the way in, then the wait for its reply.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::TrySendError;
use super::sending::Entering;
use super::slot::Slot;
use crate::error::StageError;
use crate::lineage::Ticket;
use crate::runtime::Sleep;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The future of [`Calls::call`](super::Calls::call), which tells its cancel safety.
#[must_use = "nothing is sent until it is awaited"]
pub struct Call<Q, R> {
    step: Step<Q>,
    slot: Arc<Slot<R>>,
    left: Arc<AtomicU64>,
    within: Option<Duration>,
    sleep: Option<Sleep>,
    cancels: bool,
}

enum Step<Q> {
    Sending { entering: Entering<Q, Ticket>, waits: bool },
    Waiting,
    Over,
}

impl<Q, R> Call<Q, R> {
    pub(super) fn new(entering: Entering<Q, Ticket>, waits: bool, slot: Arc<Slot<R>>, left: Arc<AtomicU64>) -> Self {
        Call { step: Step::Sending { entering, waits }, slot, left, within: None, sleep: None, cancels: false }
    }

    /// Gives up after this time, counted from the first poll, or from the start of the run if that is later. The wait for
    /// room counts. A request that was accepted goes on through the flow, unless it
    /// [cancels](Call::cancel_on_leave); its reply is dropped.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::inlet::CallError;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let slow = |x: u64| async move { sleep(Duration::from_secs(9)).await; x };
    /// let (calls, pipeline) = calls(16, |requests| requests.then(slow));
    /// let running = pipeline.start();
    /// assert_eq!(calls.call(1).deadline(Duration::from_secs(2)).await, Err(CallError::Late));
    /// assert_eq!((taktline::now().since_epoch(), calls.left()), (Duration::from_secs(2), 1));
    /// # running.cancel().await.ok();
    /// # });
    /// ```
    pub fn deadline(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// If the caller goes away, no stage begins on the request any more, and no batch takes it: it is dropped there, and
    /// counted as [`dropped`](crate::ledger::StageReport::dropped). A body that has begun goes on to its end, and a batch
    /// goes on as long as anybody waits for a part of it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let second = Duration::from_secs(1);
    /// let slow = stage(move |x: u64| async move { sleep(9 * second).await; x }).name("slow");
    /// let (calls, pipeline) = calls(16, |requests| requests.then(slow));
    /// let running = pipeline.start();
    /// let first = taktline::spawn(calls.call(1));
    /// sleep(second).await;
    /// assert!(calls.call(2).deadline(second).cancel_on_leave().await.is_err());
    /// assert_eq!(first.await.unwrap(), Ok(1));
    /// drop(calls);
    /// let report = running.join().await?.report;
    /// assert_eq!(report.stage("slow").map(|row| (row.done, row.dropped)), Some((1, 1)));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn cancel_on_leave(mut self) -> Self {
        self.cancels = true;
        self
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError<Q>>> {
        let Step::Sending { entering, waits } = &mut self.step else { return Poll::Ready(Ok(())) };
        if let (Some(within), None) = (self.within, &self.sleep) {
            self.sleep = entering.rt().map(|rt| rt.sleep(within));
        }
        let sent = if *waits {
            match entering.poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(sent) => sent.map_err(|error| CallError::Closed(error.0)),
            }
        } else {
            entering.try_now().map_err(|error| match error {
                TrySendError::Full(request) => CallError::Overloaded(request),
                TrySendError::Closed(request) => CallError::Closed(request),
            })
        };
        Poll::Ready(sent.map(|()| self.step = Step::Waiting))
    }

    fn leave(&mut self) {
        if let Step::Waiting = std::mem::replace(&mut self.step, Step::Over) {
            self.left.fetch_add(1, Ordering::Relaxed);
            self.slot.leave(self.cancels);
        }
    }
}

// Neither the request nor the reply is pinned.
impl<Q, R> Unpin for Call<Q, R> {}

impl<Q, R: Send + 'static> Future for Call<Q, R> {
    type Output = Result<R, CallError<Q>>;

    /// # Panics
    /// If it is polled after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let call = self.get_mut();
        assert!(!matches!(call.step, Step::Over), "a call that is ready is not polled again");
        let outcome = match call.poll_send(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => call.slot.poll_take(cx).map_err(|failed| match failed {
                Some(error) => CallError::Failed(error),
                None => CallError::NoReply,
            }),
        };
        if outcome.is_ready() {
            call.step = Step::Over;
            return outcome;
        }
        let Some(sleep) = &mut call.sleep else { return Poll::Pending };
        Pin::new(sleep).poll(cx).map(|()| {
            call.leave();
            Err(CallError::Late)
        })
    }
}

impl<Q, R> Drop for Call<Q, R> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<Q, R> fmt::Debug for Call<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::Sending { .. } => "sending",
            Step::Waiting => "waiting",
            Step::Over => "over",
        };
        f.debug_struct("Call").field("step", &step).finish_non_exhaustive()
    }
}

/// Why a call has no reply.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError<Q> {
    /// There was no room for the request, which was not sent: the pipeline has more to do than it can, or has not started.
    Overloaded(Q),
    /// The run takes nothing more. The request was not sent.
    Closed(Q),
    /// The time of the call was over.
    Late,
    /// The request was accepted, and has failed in a stage. Whether the run has failed with it is for the
    /// [policy](crate::stage::Staged::on_error) of the stage to say.
    Failed(StageError),
    /// The request was accepted, and nothing is left that could become its reply: it was filtered, was dropped by a policy, or
    /// was cut by the end of the run.
    NoReply,
}

impl<Q> CallError<Q> {
    /// The same without the request.
    ///
    /// ```
    /// use taktline::inlet::CallError;
    ///
    /// assert_eq!(CallError::Closed("a request").without_request(), CallError::Closed(()));
    /// ```
    pub fn without_request(self) -> CallError<()> {
        match self {
            CallError::Overloaded(_) => CallError::Overloaded(()),
            CallError::Closed(_) => CallError::Closed(()),
            CallError::Late => CallError::Late,
            CallError::Failed(error) => CallError::Failed(error),
            CallError::NoReply => CallError::NoReply,
        }
    }
}

impl<Q> fmt::Debug for CallError<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Overloaded(_) => f.write_str("Overloaded(..)"),
            CallError::Closed(_) => f.write_str("Closed(..)"),
            CallError::Late => f.write_str("Late"),
            CallError::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            CallError::NoReply => f.write_str("NoReply"),
        }
    }
}

impl<Q> fmt::Display for CallError<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Overloaded(_) => f.write_str("the pipeline has no room for another request"),
            CallError::Closed(_) => f.write_str("the run takes no more requests"),
            CallError::Late => f.write_str("the time of the call was over before its reply came"),
            CallError::Failed(error) => error.fmt(f),
            CallError::NoReply => f.write_str("the request has left the flow without a reply"),
        }
    }
}

impl<Q> Error for CallError<Q> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            CallError::Failed(error) => error.source(),
            _ => None,
        }
    }
}
