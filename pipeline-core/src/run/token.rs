//! A handle that stops runs from anywhere.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::Shared;
use crate::sync::Mutex;

/// Stops any number of runs, from anywhere: another task, a signal, a stage of one of them. A handle that can be cloned.
///
/// [`Pipeline::stop_on`](super::Pipeline::stop_on) and [`Started::stop_on`](super::Started::stop_on) give runs to it. A run
/// that is given to it later is stopped as it begins.
///
/// Each call is idempotent, and none waits: who runs the pipeline learns how it ended. Of several drains the earliest
/// deadline counts; a cancel overrules a drain, and nothing overrules a cancel. A [pause](Self::pause) is no stop: both
/// overrule it.
///
/// A stage that stops its own run:
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// #[sink]
/// async fn until_zero(x: i64, stop: &StopToken) {
///     if x == 0 {
///         stop.drain(Duration::from_secs(25));
///     }
/// }
///
/// # taktline::sim::run(1, async {
/// let stop = StopToken::new();
/// let report = iter((0..=5).rev().cycle()).sink(until_zero(&stop)).stop_on(&stop).run().await?.report;
/// assert!(report.balances());
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct StopToken(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    asked: Option<Asked>,
    is_paused: bool,
    runs: Vec<Weak<Shared>>,
    /// Who waits to be told, each under its number.
    waiting: BTreeMap<u64, Waker>,
    next_waiting: u64,
}

/// What was asked for. Ordered: a later one overrules an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Drain(Duration),
    Cancel,
}

impl Asked {
    fn of(self, run: &Arc<Shared>) {
        match self {
            Asked::Drain(within) => run.drain(within),
            Asked::Cancel => run.cancel_unless_over(),
        }
    }
}

impl StopToken {
    /// A token that stops nothing yet.
    pub fn new() -> StopToken {
        StopToken::default()
    }

    /// Drains every run that was given to the token, as [`Running::drain`](super::Running::drain) does. What is not over
    /// `within` that time, counted from now, or from the start of a run that begins later, is cancelled.
    pub fn drain(&self, within: Duration) {
        self.ask(Asked::Drain(within));
    }

    /// Cancels every run that was given to the token, as [`Running::cancel`](super::Running::cancel) does.
    pub fn cancel(&self) {
        self.ask(Asked::Cancel);
    }

    /// Pauses every run that was given to the token, as [`Running::pause`](super::Running::pause) does. A run that is given to it later
    /// begins paused.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let stop = StopToken::new();
    /// let other = stop.clone();
    /// let _nightly = taktline::spawn(async move {
    ///     sleep(Duration::from_secs(10)).await;
    ///     other.pause();
    ///     sleep(Duration::from_secs(3600)).await;
    ///     other.resume();
    /// });
    /// let ticks = taktline::interval(Duration::from_secs(4)).take(4).count().stop_on(&stop);
    /// // Ticks at 4 and 8, and then at once, and at the next full period.
    /// assert_eq!(ticks.run().await?.report.elapsed(), Duration::from_secs(3612));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn pause(&self) {
        self.set_paused(true);
    }

    /// Lets every run that was given to the token go on.
    pub fn resume(&self) {
        self.set_paused(false);
    }

    fn set_paused(&self, is_paused: bool) {
        // Under the lock, so that of two callers one has the last word at every run. What is woken may use the token.
        let (runs, wakers) = {
            let mut state = self.0.lock();
            state.is_paused = is_paused;
            let runs: Vec<_> = state.runs.iter().filter_map(Weak::upgrade).collect();
            let wakers: Vec<_> = runs.iter().flat_map(|run| run.set_paused(is_paused)).collect();
            (runs, wakers)
        };
        // They may be the last that know of their runs.
        drop(runs);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether a drain or a cancel was asked for.
    pub fn is_stopped(&self) -> bool {
        self.0.lock().asked.is_some()
    }

    /// Ready when a drain or a cancel was asked for: for what is no pipeline and has to stop, too.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let stop = StopToken::new();
    /// let other = stop.clone();
    /// let server = taktline::spawn(async move { other.stopped().await });
    /// stop.cancel();
    /// assert!(server.await.is_ok() && stop.is_stopped());
    /// # });
    /// ```
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped.
    pub async fn stopped(&self) {
        let mut wait = Wait { token: self, number: None };
        poll_fn(|cx| wait.poll(cx)).await;
    }

    pub(super) fn attach(&self, run: &Arc<Shared>) {
        let asked = {
            let mut state = self.0.lock();
            state.runs.retain(|one| one.strong_count() > 0);
            state.runs.push(Arc::downgrade(run));
            if state.is_paused {
                // Nobody waits at a run that begins.
                drop(run.set_paused(true));
            }
            state.asked
        };
        if let Some(asked) = asked {
            asked.of(run);
        }
    }

    fn ask(&self, asked: Asked) {
        let (runs, waiting) = {
            let mut state = self.0.lock();
            state.asked = match (state.asked, asked) {
                (Some(Asked::Cancel), _) | (_, Asked::Cancel) => Some(Asked::Cancel),
                (Some(Asked::Drain(earlier)), Asked::Drain(within)) => Some(Asked::Drain(earlier.min(within))),
                (None, asked) => Some(asked),
            };
            (state.runs.clone(), std::mem::take(&mut state.waiting))
        };
        waiting.into_values().for_each(Waker::wake);
        runs.iter().filter_map(Weak::upgrade).for_each(|run| asked.of(&run));
    }
}

/// Waits for a token until it is dropped.
struct Wait<'a> {
    token: &'a StopToken,
    number: Option<u64>,
}

impl Wait<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.token.0.lock();
        if state.asked.is_some() {
            return Poll::Ready(());
        }
        let number = *self.number.get_or_insert(state.next_waiting);
        state.next_waiting = state.next_waiting.max(number + 1);
        let former = state.waiting.insert(number, cx.waker().clone());
        drop(state);
        drop(former);
        Poll::Pending
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let waker = self.number.and_then(|number| self.token.0.lock().waiting.remove(&number));
        drop(waker);
    }
}

impl fmt::Debug for StopToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StopToken").field(&self.0.lock().asked).finish()
    }
}
