//! A sink that is asked by hand.

use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use taktline_core::error::BoxError;
use taktline_core::private::{StreamSink, Transform};
use taktline_core::stage::{In, Out};

use super::settled;

/// The end of a flow whose items the probe asks for.
pub type ProbeSink<T> = StreamSink<Sink<T>>;

/// A sink that takes an item only when it is asked, and the hand that asks. Its name is `sink_probe` unless it is given another
/// one.
///
/// ```
/// use taktline::prelude::*;
/// use taktline::sim::{Sim, probe};
///
/// let sim = Sim::new(1);
/// let (seen, sink) = probe::sink();
/// let running = iter(1..=9u64).sink(sink.buffer(4)).start_on(&sim.rt());
/// sim.settle();
/// assert_eq!(running.report().unwrap().stage("sink_probe").unwrap().waiting, 4, "it was not asked");
/// sim.block_on(async {
///     seen.request(2);
///     seen.expect(1).await;
///     seen.expect(2).await;
///     seen.expect_nothing().await;
///     seen.fail("the disk is full");
///     assert!(running.join().await.unwrap_err().is_failed());
/// });
/// ```
pub fn sink<T: Send + 'static>() -> (SinkProbe<T>, ProbeSink<T>) {
    let shared = Arc::new(Mutex::new(State::default()));
    (SinkProbe { shared: shared.clone() }, StreamSink::new("sink_probe", Sink { shared }))
}

/// The hand that asks for the items of a [`sink`]. A handle that can be cloned. Once all are dropped, the sink takes no more.
pub struct SinkProbe<T> {
    shared: Shared<T>,
}

type Shared<T> = Arc<Mutex<State<T>>>;

struct State<T> {
    /// Items that were asked for and have not arrived.
    asked: u64,
    arrived: VecDeque<T>,
    taken: u64,
    failure: Option<BoxError>,
    has_ended: bool,
    /// The sink's body.
    body: Option<Waker>,
    /// Who waits for an item.
    reader: Option<Waker>,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        State {
            asked: 0,
            arrived: VecDeque::new(),
            taken: 0,
            failure: None,
            has_ended: false,
            body: None,
            reader: None,
        }
    }
}

impl<T> SinkProbe<T> {
    /// Asks for so many more items.
    pub fn request(&self, items: u64) {
        let mut state = lock(&self.shared);
        state.asked += items;
        let body = state.body.take();
        drop(state);
        wake(body);
    }

    /// Makes the sink fail.
    pub fn fail(&self, error: impl Into<BoxError>) {
        let mut state = lock(&self.shared);
        state.failure = Some(error.into());
        let body = state.body.take();
        drop(state);
        wake(body);
    }

    /// Items that have arrived.
    pub fn arrived(&self) -> u64 {
        let state = lock(&self.shared);
        state.taken + state.arrived.len() as u64
    }

    /// The next item, asked for unless one was already; `None` at the end, also if the run has failed.
    ///
    /// # Cancel safety
    /// Nothing is lost if it is dropped.
    pub async fn next(&self) -> Option<T> {
        if self.is_owed_nothing() {
            self.request(1);
        }
        poll_fn(|cx| self.poll_arrived(cx)).await
    }

    /// Whether nothing has arrived, and nothing was asked for.
    fn is_owed_nothing(&self) -> bool {
        let state = lock(&self.shared);
        state.asked == 0 && state.arrived.is_empty() && !state.has_ended
    }

    fn poll_arrived(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = lock(&self.shared);
        if let Some(item) = state.arrived.pop_front() {
            state.taken += 1;
            return Poll::Ready(Some(item));
        }
        if state.has_ended {
            return Poll::Ready(None);
        }
        let former = state.reader.replace(cx.waker().clone());
        drop(state);
        drop(former);
        Poll::Pending
    }
}

impl<T: Debug> SinkProbe<T> {
    /// Waits for the [next](Self::next) item and asserts that it equals `expected`.
    ///
    /// # Panics
    /// If it does not, or if the end comes instead.
    pub async fn expect<U: Debug>(&self, expected: U)
    where
        T: PartialEq<U>,
    {
        match self.next().await {
            Some(item) => assert!(item == expected, "expected {expected:?}, got {item:?}"),
            None => panic!("expected {expected:?}, got the end"),
        }
    }

    /// Asserts that no item arrives before the clock goes on.
    ///
    /// # Panics
    /// If one does, and where no simulation polls the caller.
    pub async fn expect_nothing(&self) {
        settled().await;
        let item = lock(&self.shared).arrived.pop_front();
        assert!(item.is_none(), "expected nothing, got {item:?}");
    }

    /// Waits for the end, also that of a run that has failed.
    ///
    /// # Panics
    /// If an item comes instead.
    pub async fn expect_end(&self) {
        let item = self.next().await;
        assert!(item.is_none(), "expected the end, got {item:?}");
    }
}

impl<T> Clone for SinkProbe<T> {
    fn clone(&self) -> Self {
        SinkProbe { shared: self.shared.clone() }
    }
}

impl<T> fmt::Debug for SinkProbe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkProbe").field("arrived", &self.arrived()).finish_non_exhaustive()
    }
}

fn lock<T>(shared: &Shared<T>) -> MutexGuard<'_, State<T>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The body of a [`ProbeSink`].
#[doc(hidden)]
pub struct Sink<T> {
    shared: Shared<T>,
}

impl<T> Clone for Sink<T> {
    fn clone(&self) -> Self {
        Sink { shared: self.shared.clone() }
    }
}

impl<T> fmt::Debug for Sink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}

/// A body of the sink that runs. When it is dropped, whatever the reason, nothing more arrives.
struct Running<'a, T>(&'a Shared<T>);

impl<T> Running<'_, T> {
    /// Ready when an item is asked for; an error if the sink is to fail.
    fn poll_asked(&self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let mut state = lock(self.0);
        if let Some(error) = state.failure.take() {
            return Poll::Ready(Err(error));
        }
        if state.asked > 0 {
            return Poll::Ready(Ok(()));
        }
        let former = state.body.replace(cx.waker().clone());
        drop(state);
        drop(former);
        Poll::Pending
    }

    fn arrive(&self, item: T) {
        let mut state = lock(self.0);
        state.asked -= 1;
        state.arrived.push_back(item);
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }
}

impl<T> Drop for Running<'_, T> {
    fn drop(&mut self) {
        let (reader, body) = {
            let mut state = lock(self.0);
            state.has_ended = true;
            (state.reader.take(), state.body.take())
        };
        wake(reader);
        drop(body);
    }
}

impl<T: Send + 'static> Transform for Sink<T> {
    type Item = T;
    type Ret = Result<(), BoxError>;
    type Out = ();

    fn run(&mut self, mut input: In<'_, T>, _: Out<'_, ()>) -> impl Future<Output = Self::Ret> + Send {
        let running = Running(&self.shared);
        async move {
            loop {
                poll_fn(|cx| running.poll_asked(cx)).await?;
                match input.next().await {
                    Some(item) => running.arrive(item),
                    None => return Ok(()),
                }
            }
        }
    }

    fn outcome(ret: Self::Ret) -> Result<(), BoxError> {
        ret
    }
}
