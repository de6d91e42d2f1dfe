//! Places that tickets hold.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::sync::Mutex;

/// How many items may be in flight behind a place of a plan at once. One task waits for a place.
#[derive(Debug)]
pub(crate) struct Limit {
    most: usize,
    state: Mutex<InFlight>,
}

#[derive(Debug, Default)]
struct InFlight {
    items: usize,
    waker: Option<Waker>,
}

impl Limit {
    pub(crate) fn new(most: usize) -> Limit {
        Limit { most, state: Mutex::default() }
    }

    /// Ready while there is a place.
    pub(crate) fn poll_place(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.items < self.most {
            return Poll::Ready(());
        }
        let former = state.waker.replace(cx.waker().clone());
        drop(state);
        drop(former);
        Poll::Pending
    }

    fn leave(&self) {
        let waker = {
            let mut state = self.state.lock();
            state.items -= 1;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A place within a limit, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    limit: Arc<Limit>,
}

impl Place {
    pub(super) fn within(limit: &Arc<Limit>) -> Arc<Place> {
        limit.state.lock().items += 1;
        Arc::new(Place { limit: limit.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limit.leave();
    }
}
