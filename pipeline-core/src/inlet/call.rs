//! One call: its request on the way in, then the wait for its reply.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{Feeding, TrySendError};
use crate::edge::{arm, wake};
use crate::lineage::{Receipt, Ticket};
use crate::runtime::Sleep;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The future of [`Calls::call`](super::Calls::call), which tells its cancel safety.
#[must_use = "nothing is sent until it is awaited"]
pub struct Call<Q, R> {
    step: Step<Q>,
    slot: Arc<Slot<R>>,
    left: Arc<AtomicU64>,
    within: Option<Duration>,
    sleep: Option<Sleep>,
}

enum Step<Q> {
    Feeding { sending: Feeding<Q, Ticket>, waits: bool },
    Waiting(Receipt),
    Over,
}

impl<Q, R> Call<Q, R> {
    pub(super) fn new(sending: Feeding<Q, Ticket>, waits: bool, slot: Arc<Slot<R>>, left: Arc<AtomicU64>) -> Self {
        Call { step: Step::Feeding { sending, waits }, slot, left, within: None, sleep: None }
    }

    /// Gives up after this time, counted from the first poll, or from the start of the run if that is later. The wait for
    /// room counts. A request that was accepted goes on through the flow; its reply is dropped.
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

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError<Q>>> {
        let Step::Feeding { sending, waits } = &mut self.step else { return Poll::Ready(Ok(())) };
        if let (Some(within), None) = (self.within, &self.sleep) {
            self.sleep = sending.rt().map(|rt| rt.sleep(within));
        }
        let sent = if *waits {
            match Pin::new(sending).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(sent) => sent.map_err(|error| CallError::Closed(error.0)),
            }
        } else {
            sending.try_now().map_err(|error| match error {
                TrySendError::Full(request) => CallError::Overloaded(request),
                TrySendError::Closed(request) => CallError::Closed(request),
            })
        };
        Poll::Ready(sent.map(|receipt| self.step = Step::Waiting(receipt)))
    }

    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Result<R, CallError<Q>>> {
        let Step::Waiting(receipt) = &mut self.step else { return Poll::Pending };
        if let Some(reply) = self.slot.poll_take(cx) {
            return Poll::Ready(Ok(reply));
        }
        // What has put a reply has done so before its ticket was dropped.
        Pin::new(receipt).poll(cx).map(|()| self.slot.poll_take(cx).ok_or(CallError::NoReply))
    }

    fn leave(&mut self) {
        if let Step::Waiting(_) = std::mem::replace(&mut self.step, Step::Over) {
            self.left.fetch_add(1, Ordering::Relaxed);
            self.slot.abandon();
        }
    }
}

// Neither the request nor the reply is pinned.
impl<Q, R> Unpin for Call<Q, R> {}

impl<Q, R> Future for Call<Q, R> {
    type Output = Result<R, CallError<Q>>;

    /// # Panics
    /// If it is polled after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let call = self.get_mut();
        assert!(!matches!(call.step, Step::Over), "a call that is ready is not polled again");
        let outcome = match call.poll_send(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => call.poll_reply(cx),
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
            Step::Feeding { .. } => "sending",
            Step::Waiting(_) => "waiting",
            Step::Over => "over",
        };
        f.debug_struct("Call").field("step", &step).finish_non_exhaustive()
    }
}

/// Why a call has no reply.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError<Q> {
    /// There was no room for the request, which was not sent: the pipeline has more to do than it can, or has not started.
    Overloaded(Q),
    /// The run takes nothing more. The request was not sent.
    Closed(Q),
    /// The time of the call was over.
    Late,
    /// The request was accepted, and nothing is left that could become its reply: it was filtered, has failed, was dropped by
    /// a policy, or was cut by the end of the run.
    NoReply,
}

impl<Q> fmt::Debug for CallError<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CallError::Overloaded(_) => "Overloaded(..)",
            CallError::Closed(_) => "Closed(..)",
            CallError::Late => "Late",
            CallError::NoReply => "NoReply",
        })
    }
}

impl<Q> fmt::Display for CallError<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CallError::Overloaded(_) => "the pipeline has no room for another request",
            CallError::Closed(_) => "the run takes no more requests",
            CallError::Late => "the time of the call was over before its reply came",
            CallError::NoReply => "the request has left the flow without a reply",
        })
    }
}

impl<Q> Error for CallError<Q> {}

/// Where the reply of one call is put.
pub(super) struct Slot<R> {
    state: Mutex<State<R>>,
}

struct State<R> {
    reply: Option<R>,
    waker: Option<Waker>,
    /// Nobody waits, or a reply was put before.
    is_closed: bool,
}

impl<R> Default for Slot<R> {
    fn default() -> Self {
        Slot { state: Mutex::new(State { reply: None, waker: None, is_closed: false }) }
    }
}

impl<R> Slot<R> {
    /// Puts the reply, or drops it if nobody waits or another one came first.
    pub(super) fn put(&self, reply: R) {
        let mut state = self.state.lock();
        if state.is_closed {
            drop(state);
            return drop(reply);
        }
        state.is_closed = true;
        state.reply = Some(reply);
        let waker = state.waker.take();
        drop(state);
        wake(waker);
    }

    /// Takes the reply, or arms the waker.
    fn poll_take(&self, cx: &mut Context<'_>) -> Option<R> {
        let mut state = self.state.lock();
        let reply = state.reply.take();
        let former = if reply.is_none() { arm(&mut state.waker, cx.waker()) } else { None };
        drop(state);
        drop(former);
        reply
    }

    fn abandon(&self) {
        let left = {
            let mut state = self.state.lock();
            state.is_closed = true;
            (state.reply.take(), state.waker.take())
        };
        drop(left);
    }
}
