//! The reader's side of an edge.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Poll, Waker};

use super::{Edge, Probe, wake};
use crate::run::{Node, Stop};
use crate::runtime::Instant;
use crate::sync::drop_each;

/// Most items that the reader takes in one go.
const LEASE_MAX: usize = 64;

pub(crate) struct Rx<T, L> {
    edge: Arc<Edge<T, L>>,
    /// Taken and not started: these still wait, and hold their places.
    lease: VecDeque<(T, L)>,
    /// Started since the last lock; their places are given back in the next one.
    started: usize,
    /// An item of the lease whose wait is measured.
    probe: Option<Leased>,
}

/// An item of a lease whose wait is measured. When it starts is told by its place in the lease, once that is used up.
struct Leased {
    since: Instant,
    taken: Instant,
    at: usize,
    of: usize,
}

/// What a reader is given.
pub(crate) enum Next<T, L> {
    Item(T, L),
    End,
}

/// What [`Rx::poll_one`] found.
pub(crate) struct One<T, L> {
    pub(crate) next: Poll<Next<T, L>>,
    /// Whether the next call will find something, or the end. If not, the waker is armed.
    pub(crate) more: bool,
}

impl<T, L> Rx<T, L> {
    pub(super) fn new(edge: Arc<Edge<T, L>>) -> Self {
        Rx { edge, lease: VecDeque::new(), started: 0, probe: None }
    }

    /// The oldest item. It keeps its place until it is [started](Self::start). Several are taken in one lock, so this is
    /// for a single reader.
    pub(crate) fn poll_next(&mut self, waker: &Waker) -> Poll<Next<T, L>> {
        if let Some((item, lineage)) = self.lease.pop_front() {
            return Poll::Ready(Next::Item(item, lineage));
        }
        if self.probe.is_some() {
            self.tell_leased();
        }
        let (edge, lease) = (&self.edge, &mut self.lease);
        let mut state = edge.state.lock();
        state.held -= std::mem::take(&mut self.started);
        if state.queue.len() <= LEASE_MAX {
            // The whole queue: exchange the two instead of moving each item.
            std::mem::swap(lease, &mut state.queue);
        } else {
            lease.extend(state.queue.drain(..LEASE_MAX));
        }
        state.held += lease.len();
        let of = lease.len();
        let probe = if state.probe.is_some() { reach(&mut state.probe, of) } else { None };
        let first = lease.pop_front();
        let ended = first.is_none() && edge.is_ended(&mut state);
        let waits = first.is_none() && !ended;
        let former = if waits { edge.arm_reader(&mut state, waker) } else { None };
        let writer = edge.waiting_writer(&mut state);
        drop(state);
        drop(former);
        wake(writer);
        if let Some(Probe { ahead, since, has_woken }) = probe {
            self.probe = start(&edge.reader, Leased { since, taken: since, at: ahead, of }, has_woken);
        }
        next(first, ended)
    }

    /// The lease is used up, and with it an item whose wait is measured.
    #[cold]
    fn tell_leased(&mut self) {
        if let Some(leased) = self.probe.take() {
            leased.tell(&self.edge.reader);
        }
    }

    /// The oldest item of those that were taken before, if there is one. It keeps its place until it is
    /// [started](Self::start).
    pub(crate) fn next_leased(&mut self) -> Option<(T, L)> {
        self.lease.pop_front()
    }

    /// The oldest item, taken alone. It keeps its place until it is [started](Self::start).
    pub(crate) fn poll_one(&mut self, waker: &Waker) -> One<T, L> {
        let (leased, edge) = (self.lease.pop_front(), &self.edge);
        let has_lease = leased.is_some();
        if !self.lease.is_empty() {
            return One { next: next(leased, false), more: true };
        }
        let mut state = edge.state.lock();
        let first = leased.or_else(|| {
            let first = state.queue.pop_front();
            state.held += usize::from(first.is_some());
            first
        });
        let probe = reach_one(&mut state.probe, has_lease || first.is_none());
        let ended = first.is_none() && edge.is_ended(&mut state);
        let more = !state.queue.is_empty() || state.writer_gone || state.offered.is_some();
        let former = if more { None } else { edge.arm_reader(&mut state, waker) };
        let writer = if ended { state.writer.take() } else { None };
        drop(state);
        drop(former);
        wake(writer);
        tell(&edge.reader, probe);
        One { next: next(first, ended), more }
    }

    /// The oldest item, taken alone and started at once: its place is free from now on. Also gives the writer's waker if it
    /// waits for room, to be woken outside of the caller's locks.
    pub(crate) fn start_one(&mut self, waker: &Waker) -> (One<T, L>, Option<Waker>) {
        let leased = self.lease.pop_front();
        let has_lease = leased.is_some();
        let edge = &self.edge;
        let mut state = edge.state.lock();
        state.held -= std::mem::take(&mut self.started) + usize::from(leased.is_some());
        let first = leased.or_else(|| state.queue.pop_front());
        let probe = reach_one(&mut state.probe, has_lease || first.is_none());
        let ended = first.is_none() && edge.is_ended(&mut state);
        let more = !self.lease.is_empty() || !state.queue.is_empty() || state.writer_gone || state.offered.is_some();
        let former = if more { None } else { edge.arm_reader(&mut state, waker) };
        let writer = if ended { state.writer.take() } else { edge.waiting_writer(&mut state) };
        drop(state);
        drop(former);
        tell(&edge.reader, probe);
        (One { next: next(first, ended), more }, writer)
    }

    /// An item that was taken is started: its place is free from the next [release](Self::release) on.
    pub(crate) fn start(&mut self) {
        self.started += 1;
    }

    /// Gives back the places of what was started, before every wait. The caller wakes the writer, outside of its locks.
    #[must_use = "the writer waits for room"]
    pub(crate) fn release(&mut self) -> Option<Waker> {
        if self.started == 0 {
            return None;
        }
        let mut state = self.edge.state.lock();
        state.held -= std::mem::take(&mut self.started);
        self.edge.waiting_writer(&mut state)
    }

    /// Whether an item waits to be read.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.lease.is_empty() || !self.edge.state.lock().queue.is_empty()
    }

    /// Reads no more: what waits is abandoned, and what is only upstream of here is told to stop.
    pub(crate) fn close(&mut self, reason: Stop) {
        let (writer, node, queue, reader) = {
            let mut state = self.edge.state.lock();
            if state.reader_gone.is_some() {
                return;
            }
            state.reader_gone = Some(reason);
            state.held = 0;
            let queue = std::mem::take(&mut state.queue);
            (state.writer.take(), state.writing_node.take(), queue, state.reader.take())
        };
        drop(reader);
        self.started = 0;
        let lease = std::mem::take(&mut self.lease);
        self.edge.reader.counts.abandoned_waiting.add((queue.len() + lease.len()) as u64);
        stop(node, reason);
        wake(writer);
        // Nobody is left to be told of a panic in a destructor.
        drop_each(lease.into_iter().chain(queue));
    }
}

/// So many items are taken from the queue. Gives the probe if it is among them.
#[cold]
fn reach(probe: &mut Option<Probe>, taken: usize) -> Option<Probe> {
    let ahead = &mut probe.as_mut()?.ahead;
    if *ahead < taken {
        return probe.take();
    }
    *ahead -= taken;
    None
}

/// One item is taken from the queue, unless `none` is.
#[inline]
fn reach_one(probe: &mut Option<Probe>, none: bool) -> Option<Probe> {
    if probe.is_none() || none { None } else { reach(probe, 1) }
}

/// A single reader has taken a probe with its lease.
#[cold]
fn start(reader: &Node, leased: Leased, has_woken: bool) -> Option<Leased> {
    let taken = reader.now()?;
    if has_woken {
        reader.counts.was_late(taken.duration_since(leased.since));
    }
    Some(Leased { taken, ..leased })
}

/// A probe starts that was taken alone.
#[inline]
fn tell(reader: &Node, probe: Option<Probe>) {
    if let (Some(probe), Some(now)) = (probe, reader.now()) {
        reader.counts.queue.record(now.duration_since(probe.since), 1);
    }
}

impl Leased {
    fn tell(self, reader: &Node) {
        let Some(now) = reader.now() else { return };
        let before = now.duration_since(self.taken).mul_f64(self.at as f64 / self.of as f64);
        reader.counts.queue.record(self.taken.duration_since(self.since) + before, 1);
    }
}

fn next<T, L>(first: Option<(T, L)>, ended: bool) -> Poll<Next<T, L>> {
    match first {
        Some((item, lineage)) => Poll::Ready(Next::Item(item, lineage)),
        None if ended => Poll::Ready(Next::End),
        None => Poll::Pending,
    }
}

fn stop(node: Option<Arc<Node>>, reason: Stop) {
    if let Some(node) = node {
        node.stop(reason);
    }
}

impl<T, L> Drop for Rx<T, L> {
    fn drop(&mut self) {
        // A panic that unwinds through here becomes a failure of the run.
        self.close(if std::thread::panicking() { Stop::Cut } else { Stop::Over });
    }
}
