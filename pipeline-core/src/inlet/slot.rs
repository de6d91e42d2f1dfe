//! Where the reply of one call is put.
//!
//! ```text
//! waits -> has a reply -> taken
//!   |  \-> nothing is left of the request -> told
//!   \-> left: a reply that comes later is dropped
//! ```

use std::any::Any;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::edge::{arm, wake};
use crate::error::StageError;
use crate::lineage::Origin;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

pub(super) struct Slot<R> {
    state: Mutex<State<R>>,
    /// The caller has gone, and nothing more is to be begun for it. A hint: it guards nothing.
    is_cancelled: AtomicBool,
}

struct State<R> {
    reply: Option<R>,
    /// What has failed first, of all that was made of the request.
    failure: Option<StageError>,
    waker: Option<Waker>,
    /// Nobody waits, or a reply was put before.
    is_closed: bool,
    /// Nothing is left of the request.
    is_settled: bool,
}

impl<R> Default for Slot<R> {
    fn default() -> Self {
        let state = State { reply: None, failure: None, waker: None, is_closed: false, is_settled: false };
        Slot { state: Mutex::new(state), is_cancelled: AtomicBool::new(false) }
    }
}

impl<R> Slot<R> {
    /// Puts the reply. Gives it back if nobody waits or another one came first.
    pub(super) fn put(&self, reply: R) -> Result<(), R> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(reply);
        }
        state.is_closed = true;
        state.reply = Some(reply);
        let waker = state.waker.take();
        drop(state);
        wake(waker);
        Ok(())
    }

    /// Takes the reply, or what has failed if nothing is left that could become one.
    pub(super) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Result<R, Option<StageError>>> {
        let mut state = self.state.lock();
        if let Some(reply) = state.reply.take() {
            return Poll::Ready(Ok(reply));
        }
        if state.is_settled {
            return Poll::Ready(Err(state.failure.take()));
        }
        let former = arm(&mut state.waker, cx.waker());
        drop(state);
        drop(former);
        Poll::Pending
    }

    /// The caller goes away.
    pub(super) fn leave(&self, cancels: bool) {
        self.is_cancelled.store(cancels, Ordering::Relaxed);
        let left = {
            let mut state = self.state.lock();
            state.is_closed = true;
            (state.reply.take(), state.failure.take(), state.waker.take())
        };
        drop(left);
    }
}

impl<R: Send + 'static> Origin for Slot<R> {
    fn settle(&self) {
        let waker = {
            let mut state = self.state.lock();
            state.is_settled = true;
            state.waker.take()
        };
        wake(waker);
    }

    fn fail(&self, error: &StageError) {
        let mut state = self.state.lock();
        if !state.is_closed && state.failure.is_none() {
            state.failure = Some(error.clone());
        }
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }

    fn is_caller(&self) -> bool {
        true
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}
