//! A run that drains: its sources end, what was accepted is finished, and past the deadline the rest is cut.

use std::sync::Arc;
use std::time::Duration;

use super::node::Stop;
use super::shared::Shared;
use super::watch::Watch;
use crate::error::Overdue;
use crate::ledger::Kind;

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
        self.keep_watch("drain", watch, |watch| async move {
            if watch.wait_for(watch.run.rt.sleep_until(deadline)).await {
                watch.run.give_up(within);
            }
        });
    }

    /// The deadline of a drain has passed.
    fn give_up(&self, within: Duration) {
        let nodes = self.nodes.lock().clone();
        let stuck = nodes.iter().rev().filter(|node| node.kind != Kind::Fused && node.is_working());
        self.cut(Some(Overdue { within, stuck: stuck.map(|node| node.name.clone()).collect() }));
    }
}
