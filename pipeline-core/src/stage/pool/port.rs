//! The [`Out`](crate::stage::Out) of a body that runs in a pool.

use std::any::Any;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Pool;
use crate::lineage::Lineage;
use crate::stage::{OutPort, Stage};
use crate::sync::atomic::{AtomicU64, Ordering};

pub(super) struct PoolPort<'a, S: Stage, L> {
    pub(super) pool: &'a Arc<Pool<S, L>>,
    pub(super) seq: u64,
    pub(super) id: usize,
    pub(super) lineage: L,
    pub(super) sent: AtomicU64,
}

impl<S: Stage, L: Lineage> OutPort<S::Out> for PoolPort<'_, S, L> {
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let held_back = self.pool.limits.held_back;
        let (polled, _former) = self.pool.state.lock().results.poll_room(self.seq, self.id, held_back, cx.waker());
        polled
    }

    fn put(&self, item: S::Out) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let mut state = self.pool.state.lock();
        let put = state.results.put(self.seq, self.id, item, &self.lineage);
        let emitter = if matches!(put, Ok(true)) { state.emitter.take() } else { None };
        drop(state);
        if let Some(emitter) = emitter {
            emitter.wake();
        }
        drop(put);
    }

    fn poll_accepted(&self, cx: &mut Context<'_>) -> Poll<()> {
        let (polled, _former) = self.pool.state.lock().results.poll_accepted(self.seq, self.id, cx.waker());
        polled
    }

    fn retract(&self) {
        let retracted = self.pool.state.lock().results.retract(self.seq, self.id);
        if retracted.is_some() {
            self.sent.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn poll_closing(&self, _: &mut Context<'_>) -> Poll<()> {
        // A drain asks for a poll of every task.
        if self.pool.site.node.is_draining() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn hold(&self) -> Box<dyn Any + Send> {
        Box::new(self.lineage.clone())
    }
}
