//! The task that moves a pool's results on, in order, as soon as there is room.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Pool;
use super::results::{Ack, Acknowledged, Found};
use crate::edge::arm;
use crate::error::Failure;
use crate::ledger::{Kind, Spent};
use crate::lineage::Lineage;
use crate::push::{Flowing, Outlet, Push};
use crate::run::{Doing, Stop};
use crate::runtime::Instant;
use crate::stage::Stage;
use crate::stage::worker::{BUDGET, Site};
use crate::sync::drop_each;

/// Why the emitter has ended.
enum Ended {
    /// Everything has moved on.
    Drained,
    /// Nobody takes more, or the stage was told to stop.
    Over,
    /// An item has failed, and its turn has come.
    Failed(Failure),
}

/// Moves the results of `pool` into `outlet` until none can come any more.
pub(crate) fn emit<S: Stage, L: Lineage>(
    pool: Arc<Pool<S, L>>,
    outlet: Outlet<S::Out, L>,
) -> impl Future<Output = ()> + Send {
    // Made before the first poll: also a task that is never polled makes up the books.
    let mut emitter = Emitter { pool, outlet, unsettled: None, waits_since: None, has_ended: false };
    async move {
        let ended = poll_fn(|cx| emitter.poll(cx)).await;
        emitter.has_ended = true;
        match ended {
            Ended::Drained => emitter.outlet.end(),
            Ended::Over => {
                emitter.pool.site.node.stop(emitter.pool.site.reason_to_close());
                emitter.outlet.end();
            }
            Ended::Failed(failure) => emitter.pool.site.run.fail(failure),
        }
    }
}

struct Emitter<S: Stage, L: Lineage> {
    pool: Arc<Pool<S, L>>,
    outlet: Outlet<S::Out, L>,
    /// Pushed, and not yet accepted by all that follows.
    unsettled: Option<Ack>,
    /// Since when it waits for room.
    waits_since: Option<Instant>,
    /// False if a fused step has panicked.
    has_ended: bool,
}

impl<S: Stage, L: Lineage> Emitter<S, L> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        if let Some(since) = self.waits_since.take() {
            let Site { run, node } = &self.pool.site;
            node.counts.spend(Spent::WaitingForRoom, run.rt.now().duration_since(since));
        }
        for _ in 0..BUDGET {
            if let Some(ack) = self.unsettled {
                match self.outlet.poll_settled(cx) {
                    Poll::Pending => return self.pend(Doing::WaitForRoom),
                    Poll::Ready(flowing) => {
                        self.unsettled = None;
                        self.pool.acknowledge(ack);
                        if flowing == Flowing::Over {
                            return Poll::Ready(Ended::Over);
                        }
                    }
                }
            }
            let has_room = match self.outlet.poll_room(cx) {
                Poll::Pending => false,
                Poll::Ready(Flowing::Over) => return Poll::Ready(Ended::Over),
                Poll::Ready(Flowing::On) => true,
            };
            if self.is_told_to_stop() {
                return Poll::Ready(Ended::Over);
            }
            match self.pool.poll_found(has_room, cx) {
                Poll::Pending => return self.pend(Doing::Work),
                Poll::Ready(None) => return Poll::Ready(Ended::Drained),
                Poll::Ready(Some(Found::Full)) => return self.pend(Doing::WaitForRoom),
                Poll::Ready(Some(Found::Failed(failure))) => {
                    return Poll::Ready(Ended::Failed(failure));
                }
                Poll::Ready(Some(Found::Output(item, lineage, ack))) => {
                    // Before the push: a fused step may panic in it, and it has counted the item by then.
                    self.pool.site.node.counts.out.add(1);
                    self.unsettled = Some(ack);
                    self.outlet.push(item, lineage);
                }
                Poll::Ready(Some(Found::Cut)) => return Poll::Ready(Ended::Over),
                Poll::Ready(Some(Found::Done { .. } | Found::Nothing)) => {}
            }
        }
        self.outlet.flush();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn is_told_to_stop(&self) -> bool {
        self.pool.site.node.is_stopped()
    }

    /// Publishes what was pushed. Nothing may be kept back while this task waits.
    fn pend(&mut self, doing: Doing) -> Poll<Ended> {
        self.outlet.flush();
        if self.is_told_to_stop() {
            return Poll::Ready(Ended::Over);
        }
        if doing == Doing::WaitForRoom {
            self.pool.site.node.set_doing(doing);
            self.waits_since = Some(self.pool.site.run.rt.now());
        }
        Poll::Pending
    }
}

impl<S: Stage, L: Lineage> Pool<S, L> {
    /// What can move on now; `None` if nothing will any more.
    fn poll_found(self: &Arc<Self>, has_room: bool, cx: &mut Context<'_>) -> Poll<Option<Found<S::Out, L>>> {
        let counts = &self.site.node.counts;
        let mut state = self.state.lock();
        match state.results.next(has_room) {
            Found::Nothing if state.is_drained() && state.occupied == 0 => Poll::Ready(None),
            Found::Nothing => {
                let former = arm(&mut state.emitter, cx.waker());
                drop(state);
                drop(former);
                Poll::Pending
            }
            Found::Done { is_filtered, lineage } => {
                state.occupied -= 1;
                drop(state);
                drop(lineage);
                counts.done.add(1);
                counts.filtered.add(u64::from(is_filtered && self.site.node.kind == Kind::Stage));
                self.summon();
                Poll::Ready(Some(Found::Nothing))
            }
            found => Poll::Ready(Some(found)),
        }
    }

    /// An output was accepted by the next edge.
    fn acknowledge(self: &Arc<Self>, ack: Ack) {
        let counts = &self.site.node.counts;
        let Acknowledged { sender, is_done, lineage } = {
            let mut state = self.state.lock();
            let acknowledged = state.results.acknowledge(ack);
            if acknowledged.is_done {
                state.occupied -= 1;
                counts.done.add(1);
            }
            acknowledged
        };
        drop(lineage);
        if let Some(sender) = sender {
            sender.wake();
        }
        if is_done {
            self.summon();
        }
    }

    /// Counts what will not move on any more, and attaches failures whose turn did not come.
    fn clear(&self) {
        let mut left = self.state.lock().results.clear();
        self.site.node.counts.abandoned.add(left.finished());
        let failures = left.take_failures();
        if self.site.node.stop_reason() != Stop::Over || self.site.run.has_failed() {
            failures.into_iter().for_each(|failure| self.site.run.fail(failure));
        }
        if let Some(panic) = drop_each(left.into_outputs()) {
            self.site.run.fail(Failure::panicked(&self.site.node.name, panic));
        }
    }
}

impl<S: Stage, L: Lineage> Drop for Emitter<S, L> {
    /// Also runs when a fused step has panicked: without it the workers would wait for a window that never opens.
    fn drop(&mut self) {
        let reason = if self.has_ended { self.pool.site.reason_to_close() } else { Stop::Cut };
        if !self.has_ended {
            self.pool.site.node.stop(reason);
        }
        self.pool.close(reason);
        // In order, its place in the ring tells the same.
        if matches!(self.unsettled, Some(Ack::Last)) && !self.pool.limits.is_ordered {
            self.pool.site.node.counts.abandoned.add(1);
        }
        self.pool.site.node.nudge();
        self.pool.clear();
    }
}
