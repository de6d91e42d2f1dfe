//! The bounded queue at a boundary: one writer, one reader, a mutex around a deque.
//!
//! | invariant | meaning |
//! | --- | --- |
//! | *places* | `queue + held + the writer's batch <= capacity`, always |
//! | *held* | an item that the reader took and has not started keeps its place |
//! | *published* | nothing stays in the writer's batch while its task waits or the reader is idle |
//! | *outside* | wakers and items are woken and dropped outside of the lock |
//!
//! Items change hands several at a time: the writer fills a batch against the room that it saw last and publishes it in
//! one lock, the reader takes several in one lock and gives their places back in the next.

mod rx;
mod tx;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Poll, Waker};

pub(crate) use rx::{Next, One, Rx};
pub(crate) use tx::{Offer, Tx};

use crate::push::Ending;
use crate::run::{Node, Stop};
use crate::runtime::Instant;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// The buffer of an edge for which nothing else was asked.
pub const DEFAULT_BUFFER: usize = 16;

/// Makes an edge of `capacity` places before `reader`.
pub(crate) fn edge<T: Send + 'static, L: Send + 'static>(capacity: usize, reader: &Arc<Node>) -> (Tx<T, L>, Rx<T, L>) {
    reader.counts.places.add(capacity as u64);
    let edge = Arc::new(Edge {
        reader: reader.clone(),
        capacity,
        reader_idle: AtomicBool::new(false),
        state: Mutex::new(State::default()),
    });
    let filled: Arc<dyn Filled> = edge.clone();
    reader.reads(Arc::downgrade(&filled));
    (Tx::new(edge.clone()), Rx::new(edge))
}

/// An edge, to be looked at from outside.
pub(crate) trait Filled: Send + Sync {
    /// None if no item follows and none is left.
    fn fill(&self) -> Option<Fill>;
}

/// How full an edge is.
pub(crate) struct Fill {
    pub(crate) waiting: usize,
    pub(crate) places: usize,
}

struct Edge<T, L> {
    /// The node that reads, in whose books the items stand.
    reader: Arc<Node>,
    capacity: usize,
    /// Whether the reader's waker is armed: a hint to the writer that it should publish at once.
    reader_idle: AtomicBool,
    state: Mutex<State<T, L>>,
}

struct State<T, L> {
    queue: VecDeque<(T, L)>,
    /// Taken by the reader and not started.
    held: usize,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Who is told when nobody reads on.
    writing_node: Option<Arc<Node>>,
    writer_gone: bool,
    /// An end that the reader is told, once it has nothing left to read.
    offered: Option<Arc<dyn Ending>>,
    /// Set when nobody reads on, with the reason.
    reader_gone: Option<Stop>,
    /// An item in the queue whose wait is measured.
    probe: Option<Probe>,
}

/// An item whose wait is measured.
struct Probe {
    /// How many are before it in the queue.
    ahead: usize,
    since: Instant,
    /// Whether the reader was idle, and was woken by it.
    has_woken: bool,
}

impl<T, L> Default for State<T, L> {
    fn default() -> Self {
        State {
            queue: VecDeque::new(),
            held: 0,
            reader: None,
            writer: None,
            writing_node: None,
            writer_gone: false,
            offered: None,
            reader_gone: None,
            probe: None,
        }
    }
}

impl<T, L> Edge<T, L> {
    fn room(&self, state: &State<T, L>) -> usize {
        self.capacity - state.queue.len() - state.held
    }

    /// The writer's waker, if it waits and there is room now.
    fn waiting_writer(&self, state: &mut State<T, L>) -> Option<Waker> {
        if state.writer.is_some() && self.room(state) > 0 { state.writer.take() } else { None }
    }

    /// Whether the reader, which has nothing left to read, is told that no item follows.
    fn is_ended(&self, state: &mut State<T, L>) -> bool {
        match state.offered.take().map(|end| end.poll_close()) {
            None | Some(Poll::Pending) => {}
            Some(Poll::Ready(writer)) => {
                state.writer_gone = true;
                state.writer = writer;
            }
        }
        state.writer_gone
    }

    /// Gives the former waker, to be dropped outside of the lock.
    #[must_use = "it is dropped outside of the lock"]
    fn arm_reader(&self, state: &mut State<T, L>, waker: &Waker) -> Option<Waker> {
        self.reader_idle.store(true, Ordering::Relaxed);
        arm(&mut state.reader, waker)
    }

    fn take_reader(&self, state: &mut State<T, L>) -> Option<Waker> {
        self.reader_idle.store(false, Ordering::Relaxed);
        state.reader.take()
    }
}

impl<T: Send, L: Send> Filled for Edge<T, L> {
    fn fill(&self) -> Option<Fill> {
        let state = self.state.lock();
        let waiting = state.queue.len() + state.held;
        let is_over = state.reader_gone.is_some() || state.writer_gone && waiting == 0;
        (!is_over).then_some(Fill { waiting, places: self.capacity })
    }
}

/// Arms `armed`. Gives the former waker, if it was another one, to be dropped outside of the lock.
#[must_use = "it is dropped outside of the lock"]
pub(crate) fn arm(armed: &mut Option<Waker>, waker: &Waker) -> Option<Waker> {
    match armed {
        Some(same) if same.will_wake(waker) => None,
        former => former.replace(waker.clone()),
    }
}

pub(crate) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
