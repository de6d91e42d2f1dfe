//! Timers of the virtual clock.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use taktline_core::runtime::{Instant, Timer};

use crate::executor::Core;
use crate::trace::Note;

/// Registered while it is waited for; dropped, it is gone at once, and the clock does not jump for it.
pub(crate) struct SimTimer {
    core: Arc<Core>,
    id: u64,
    deadline: Instant,
    registered: Option<Instant>,
}

impl SimTimer {
    pub(crate) fn new(core: Arc<Core>, deadline: Instant) -> SimTimer {
        let id = core.lock().new_timer();
        SimTimer { core, id, deadline, registered: None }
    }

    fn unregister(&mut self) {
        if let Some(at) = self.registered.take() {
            let waker = self.core.lock().timers.remove(&(at, self.id));
            drop(waker);
        }
    }
}

impl Future for SimTimer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut state = this.core.lock();
        if state.now >= this.deadline {
            drop(state);
            this.unregister();
            return Poll::Ready(());
        }
        let former = state.timers.insert((this.deadline, this.id), cx.waker().clone());
        if former.is_none() {
            let deadline = this.deadline.since_epoch();
            state.note(|| Note::Armed { deadline });
        }
        drop(state);
        drop(former);
        this.registered = Some(this.deadline);
        Poll::Pending
    }
}

impl Timer for SimTimer {
    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.deadline = deadline;
        // Who has polled before is woken at the new deadline, without another poll.
        if let Some(at) = self.registered.take() {
            let core = self.core.clone();
            let mut state = core.lock();
            let waker = state.timers.remove(&(at, self.id));
            // It is as old as its deadline.
            self.id = state.new_timer();
            let is_waiting = waker.is_some();
            state.timers.extend(waker.map(|waker| ((deadline, self.id), waker)));
            drop(state);
            self.registered = is_waiting.then_some(deadline);
        }
    }
}

impl Drop for SimTimer {
    fn drop(&mut self) {
        self.unregister();
    }
}
