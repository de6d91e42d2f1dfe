//! A source that is fed by hand.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use taktline_core::error::BoxError;
use taktline_core::private::{Generate, Generator};
use taktline_core::stage::Out;

/// A flow of what is pushed into the probe.
pub type ProbeSource<T> = Generator<Source<T>>;

/// A source that is fed by hand, and the hand. Its name is `source_probe` unless it is given another one.
///
/// The flow can run once; the probe is a handle that can be cloned.
///
/// ```
/// use taktline::prelude::*;
/// use taktline::sim::{Sim, probe};
///
/// let sim = Sim::new(1);
/// let (lines, flow) = probe::source();
/// let running = flow.name("lines").map(str::len).buffer(1).collect::<Vec<_>>().start_on(&sim.rt());
/// lines.push("one").push("three");
/// sim.settle();
/// assert_eq!(lines.accepted(), 2);
/// lines.fail("the line is cut");
/// let error = sim.block_on(running.join()).unwrap_err();
/// assert_eq!((error.stage(), lines.is_stopped()), (Some("lines"), true));
/// ```
pub fn source<T: Send + 'static>() -> (SourceProbe<T>, ProbeSource<T>) {
    let shared = Arc::new(Mutex::new(State::default()));
    let probe = SourceProbe { hand: Arc::new(Hand(shared.clone())) };
    (probe, Generator::new("source_probe", Source { shared }))
}

/// The hand that feeds a [`source`]. Once all clones are dropped, it is [closed](Self::close).
pub struct SourceProbe<T> {
    hand: Arc<Hand<T>>,
}

struct Hand<T>(Shared<T>);

type Shared<T> = Arc<Mutex<State<T>>>;

struct State<T> {
    queue: VecDeque<T>,
    end: Option<Result<(), BoxError>>,
    is_closed: bool,
    accepted: u64,
    runs: usize,
    has_run: bool,
    waker: Option<Waker>,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        State { queue: VecDeque::new(), end: None, is_closed: false, accepted: 0, runs: 0, has_run: false, waker: None }
    }
}

impl<T> SourceProbe<T> {
    /// Gives the source one more item, to be sent as soon as there is room.
    ///
    /// # Panics
    /// If it was closed.
    #[track_caller]
    pub fn push(&self, item: T) -> &Self {
        let mut state = self.hand.lock();
        assert!(!state.is_closed, "an item is pushed into a source that was closed");
        state.queue.push_back(item);
        wake(state);
        self
    }

    /// The source ends when it has sent what was pushed.
    pub fn close(&self) {
        self.hand.close(Ok(()));
    }

    /// The source fails when it has sent what was pushed.
    pub fn fail(&self, error: impl Into<BoxError>) {
        self.hand.close(Err(error.into()));
    }

    /// Items that what follows has accepted.
    pub fn accepted(&self) -> u64 {
        self.hand.lock().accepted
    }

    /// Items that were pushed and not accepted: no room for them yet, or the source was stopped.
    pub fn waiting(&self) -> usize {
        self.hand.lock().queue.len()
    }

    /// Whether the source has run and does so no more: it has ended, or the pipeline has stopped it.
    pub fn is_stopped(&self) -> bool {
        let state = self.hand.lock();
        state.has_run && state.runs == 0
    }
}

impl<T> Clone for SourceProbe<T> {
    fn clone(&self) -> Self {
        SourceProbe { hand: self.hand.clone() }
    }
}

impl<T> fmt::Debug for SourceProbe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (accepted, waiting) = (self.accepted(), self.waiting());
        f.debug_struct("SourceProbe").field("accepted", &accepted).field("waiting", &waiting).finish_non_exhaustive()
    }
}

impl<T> Hand<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.0)
    }

    fn close(&self, end: Result<(), BoxError>) {
        let mut state = self.lock();
        if !std::mem::replace(&mut state.is_closed, true) {
            state.end = Some(end);
        }
        wake(state);
    }
}

impl<T> Drop for Hand<T> {
    fn drop(&mut self) {
        self.close(Ok(()));
    }
}

fn lock<T>(shared: &Shared<T>) -> MutexGuard<'_, State<T>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wakes the source, outside of the lock.
fn wake<T>(mut state: MutexGuard<'_, State<T>>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The body of a [`ProbeSource`].
#[doc(hidden)]
pub struct Source<T> {
    shared: Shared<T>,
}

impl<T> Clone for Source<T> {
    fn clone(&self) -> Self {
        Source { shared: self.shared.clone() }
    }
}

impl<T> fmt::Debug for Source<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

/// A body of the source that runs, until it is dropped.
struct Running<'a, T>(&'a Shared<T>);

impl<'a, T> Running<'a, T> {
    fn new(shared: &'a Shared<T>) -> Self {
        let mut state = lock(shared);
        state.has_run = true;
        state.runs += 1;
        Running(shared)
    }

    /// Whether there is something to send; an error if it is to fail.
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<bool, BoxError>> {
        let mut state = lock(self.0);
        if !state.queue.is_empty() {
            return Poll::Ready(Ok(true));
        }
        match state.end.take() {
            Some(end) => Poll::Ready(end.map(|()| false)),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Running<'_, T> {
    fn drop(&mut self) {
        let waker = {
            let mut state = lock(self.0);
            state.runs -= 1;
            state.waker.take()
        };
        drop(waker);
    }
}

impl<T: Send + 'static> Generate for Source<T> {
    type Ret = Result<(), BoxError>;
    type Out = T;

    fn run(&mut self, mut out: Out<'_, T>) -> impl Future<Output = Self::Ret> + Send {
        let shared = &self.shared;
        async move {
            let running = Running::new(shared);
            while poll_fn(|cx| running.poll_ready(cx)).await? {
                // An item leaves the probe only when a place is sure for it.
                let permit = out.reserve().await;
                let item = lock(shared).queue.pop_front();
                if let Some(item) = item {
                    permit.send(item);
                    lock(shared).accepted += 1;
                }
            }
            Ok(())
        }
    }

    fn outcome(ret: Self::Ret) -> Result<(), BoxError> {
        ret
    }
}
