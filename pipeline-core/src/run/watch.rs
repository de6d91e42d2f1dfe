//! Tasks that only watch a run: they count among its tasks, and end when nothing else of it is alive.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::shared::{Alive, Shared, State};
use crate::runtime::{Task, named};

impl Shared {
    /// Runs what `make` makes of the watch as a task `name`.
    pub(super) fn keep_watch<F>(self: &Arc<Self>, name: &str, watch: Watch, make: impl FnOnce(Watch) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task: Task<()> = named(name, || self.rt.spawn(make(watch)));
        let mut state = self.state.lock();
        if state.dropped {
            drop(state);
            drop(task);
        } else {
            state.watches.push(task);
        }
    }
}

/// A place among the tasks of a run, for one that watches it.
pub(super) struct Watch {
    pub(super) run: Arc<Shared>,
    _alive: Alive,
}

impl Watch {
    pub(super) fn new(run: &Arc<Shared>, state: &mut State) -> Watch {
        state.alive += 1;
        state.watching += 1;
        Watch { run: run.clone(), _alive: Alive(run.clone()) }
    }

    /// Waits for `what`. False if only tasks that watch are left before.
    pub(super) async fn wait_for(&self, what: impl Future<Output = ()>) -> bool {
        let mut what = pin!(what);
        poll_fn(
            |cx| if self.poll_done(cx).is_ready() { Poll::Ready(false) } else { what.as_mut().poll(cx).map(|()| true) },
        )
        .await
    }

    /// Ready when only tasks that watch are left.
    fn poll_done(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.run.state.lock();
        if state.is_done() {
            return Poll::Ready(());
        }
        if !state.watchers.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.watchers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Before its place among the tasks that are alive is given up.
        self.run.state.lock().watching -= 1;
    }
}
