//! The writer's side of an edge.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{Edge, Probe, State, arm, wake};
use crate::ledger::SAMPLED;
use crate::lineage::Lineage;
use crate::push::{Ending, Flowing, Outlet, Push};
use crate::run::{Node, Stop};
use crate::sync::atomic::Ordering;
use crate::sync::drop_each;

/// Most items that are published in one go while the reader is busy.
const CHUNK_MAX: usize = 32;

pub(crate) struct Tx<T, L> {
    edge: Arc<Edge<T, L>>,
    /// Accepted and not yet published.
    batch: VecDeque<(T, L)>,
    /// Places known to be free, those of the batch taken off.
    room: usize,
    chunk: usize,
    has_woken: bool,
    /// How often items were handed over.
    handed: u32,
}

impl<T, L> Tx<T, L> {
    pub(super) fn new(edge: Arc<Edge<T, L>>) -> Self {
        let (room, chunk) = (edge.capacity, (edge.capacity / 2).clamp(1, CHUNK_MAX));
        Tx { edge, batch: VecDeque::new(), room, chunk, has_woken: false, handed: 0 }
    }

    /// Why nobody reads on, if that is so.
    pub(crate) fn reader_gone(&self) -> Option<Stop> {
        self.edge.state.lock().reader_gone
    }

    /// Hands the batch over. Nothing happens if it is empty.
    fn publish(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let Tx { edge, batch, room, handed, .. } = self;
        let counts = &edge.reader.counts;
        let mut state = edge.state.lock();
        counts.accepted.add(batch.len() as u64);
        if state.reader_gone.is_some() {
            drop(state);
            counts.abandoned_waiting.add(batch.len() as u64);
            // Nobody is left to be told of a panic in a destructor.
            drop_each(batch.drain(..));
            return;
        }
        probe(edge, &mut state, handed);
        state.queue.append(batch);
        *room = edge.room(&state);
        counts.edge_peak.raise_to((state.queue.len() + state.held) as u64);
        let reader = edge.take_reader(&mut state);
        drop(state);
        self.has_woken |= reader.is_some();
        wake(reader);
    }

    /// Looks for room behind the lock, and arms the writer's waker if there is none.
    fn poll_more_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        self.publish();
        let mut state = self.edge.state.lock();
        if state.reader_gone.is_some() {
            return Poll::Ready(Flowing::Over);
        }
        self.room = self.edge.room(&state);
        if self.room > 0 {
            return Poll::Ready(Flowing::On);
        }
        let former = arm(&mut state.writer, cx.waker());
        drop(state);
        drop(former);
        Poll::Pending
    }
}

/// Before items are handed over: once in a while, the wait of the first of them is measured.
#[inline]
fn probe<T, L>(edge: &Edge<T, L>, state: &mut State<T, L>, handed: &mut u32) {
    *handed = (*handed + 1) % SAMPLED;
    // In the middle, so that what is sampled counts for all whatever their number is.
    if *handed == SAMPLED / 2 {
        start_probe(edge, state);
    }
}

#[cold]
fn start_probe<T, L>(edge: &Edge<T, L>, state: &mut State<T, L>) {
    if let (None, Some(since)) = (&state.probe, edge.reader.now()) {
        state.probe = Some(Probe { ahead: state.queue.len(), since, has_woken: state.reader.is_some() });
    }
}

/// What became of an item that was [offered](Tx::offer).
pub(crate) enum Offer<T, L> {
    /// It has a place. The reader is to be woken, outside of the caller's locks.
    Accepted(Option<Waker>),
    /// There is no room. The waker that was armed before is to be dropped, outside of the caller's locks.
    Full(T, L, Option<Waker>),
    /// Nobody reads on.
    Over(T, L),
}

impl<T, L> Tx<T, L> {
    /// Accepts an item at once or gives it back, in one lock: for writers that have no task of the run. `spare` places are
    /// kept free. `waiter` is armed if there is no room.
    pub(crate) fn offer(&mut self, item: T, lineage: L, spare: usize, waiter: Option<&Waker>) -> Offer<T, L> {
        let edge = &self.edge;
        let mut state = edge.state.lock();
        if state.reader_gone.is_some() {
            return Offer::Over(item, lineage);
        }
        if edge.room(&state) <= spare {
            let former = waiter.and_then(|waker| arm(&mut state.writer, waker));
            return Offer::Full(item, lineage, former);
        }
        probe(edge, &mut state, &mut self.handed);
        state.queue.push_back((item, lineage));
        edge.reader.counts.accepted.add(1);
        edge.reader.counts.edge_peak.raise_to((state.queue.len() + state.held) as u64);
        Offer::Accepted(edge.take_reader(&mut state))
    }

    /// Ready when there is another place, beside `spare` ones, or nobody reads on. Gives the waker that was armed before, to be
    /// dropped outside of the caller's locks.
    pub(crate) fn poll_place(&self, spare: usize, waiter: &Waker) -> (Poll<Flowing>, Option<Waker>) {
        let mut state = self.edge.state.lock();
        if state.reader_gone.is_some() {
            (Poll::Ready(Flowing::Over), None)
        } else if self.edge.room(&state) > spare {
            (Poll::Ready(Flowing::On), None)
        } else {
            (Poll::Pending, arm(&mut state.writer, waiter))
        }
    }
}

impl<T: Send + 'static, L: Lineage> Push<T, L> for Tx<T, L> {
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        if self.room > 0 { Poll::Ready(Flowing::On) } else { self.poll_more_room(cx) }
    }

    fn push(&mut self, item: T, lineage: L) {
        debug_assert!(self.room > 0, "an item is pushed only where there is room");
        self.batch.push_back((item, lineage));
        self.room -= 1;
        if self.batch.len() >= self.chunk || self.edge.reader_idle.load(Ordering::Relaxed) {
            self.publish();
        }
    }

    fn poll_settled(&mut self, _: &mut Context<'_>) -> Poll<Flowing> {
        Poll::Ready(Flowing::On)
    }

    fn flush(&mut self) {
        self.publish();
    }

    fn own_up(&mut self) {}

    fn end(&mut self) {
        self.publish();
    }

    fn bind(&mut self, writer: &Arc<Node>) {
        self.edge.reader.set_writer(Arc::as_ptr(&self.edge).cast(), writer);
        let gone = {
            let mut state = self.edge.state.lock();
            state.writing_node = Some(writer.clone());
            state.reader_gone
        };
        if let Some(reason) = gone {
            writer.stop(reason);
        }
    }

    fn take_woken(&mut self) -> bool {
        std::mem::take(&mut self.has_woken)
    }

    fn room_behind(&self) -> usize {
        self.edge.capacity
    }

    fn offer_end(&mut self, end: &Arc<dyn Ending>) -> bool {
        self.publish();
        let reader = {
            let mut state = self.edge.state.lock();
            state.offered = Some(end.clone());
            self.edge.take_reader(&mut state)
        };
        wake(reader);
        true
    }

    fn into_outlet(self) -> Outlet<T, L> {
        Outlet::Edge(self)
    }
}

impl<T, L> Drop for Tx<T, L> {
    fn drop(&mut self) {
        self.publish();
        let (reader, writer, node) = {
            let mut state = self.edge.state.lock();
            state.writer_gone = true;
            (self.edge.take_reader(&mut state), state.writer.take(), state.writing_node.take())
        };
        wake(reader);
        drop((writer, node));
    }
}
