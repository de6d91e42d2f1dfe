//! A run that drains: its sources end, what was accepted is finished, and past the deadline the rest is cut.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::node::Stop;
use super::shared::{Alive, Shared, State};
use crate::error::Overdue;
use crate::ledger::Kind;
use crate::runtime::{Instant, named};

impl Shared {
    /// Tells the sources to end, and cancels after that time. Does nothing if the run is over, was cancelled, or drains with
    /// an earlier deadline.
    pub(crate) fn drain(self: &Arc<Self>, within: Duration) {
        let deadline = self.rt.now() + within;
        let watch = {
            let mut state = self.state.lock();
            let is_told = state.deadline.is_some_and(|earlier| earlier <= deadline);
            if state.is_done() || state.stopping == Some(Stop::Cut) || is_told {
                return;
            }
            state.deadline = Some(deadline);
            Watch::new(self, &mut state)
        };
        let nodes = self.nodes.lock().clone();
        nodes.iter().for_each(|node| node.drain());
        let task = named("drain", || self.rt.spawn(watch.until(deadline, within)));
        let mut state = self.state.lock();
        if state.dropped {
            drop(state);
            drop(task);
        } else {
            state.watches.push(task);
        }
    }

    /// The deadline of a drain has passed.
    fn give_up(&self, within: Duration) {
        let nodes = self.nodes.lock().clone();
        let stuck = nodes.iter().rev().filter(|node| node.kind != Kind::Fused && node.is_working());
        self.cut(Some(Overdue { within, stuck: stuck.map(|node| node.name.clone()).collect() }));
    }
}

/// A task that watches the run. It counts as one of the run's, and ends after all others.
struct Watch {
    run: Arc<Shared>,
    _alive: Alive,
}

impl Watch {
    fn new(run: &Arc<Shared>, state: &mut State) -> Watch {
        state.alive += 1;
        state.watching += 1;
        Watch { run: run.clone(), _alive: Alive(run.clone()) }
    }

    /// Waits until the run is over, and gives it up at the deadline.
    async fn until(self, deadline: Instant, within: Duration) {
        let mut sleep = self.run.rt.sleep_until(deadline);
        let is_late = poll_fn(|cx| {
            if self.poll_done(cx).is_ready() {
                Poll::Ready(false)
            } else {
                Pin::new(&mut sleep).poll(cx).map(|()| true)
            }
        });
        if is_late.await {
            self.run.give_up(within);
        }
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
