//! What the cases are made of.

use std::fmt::Debug;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use taktline_core::runtime::{Rt, Task, TaskError};

use crate::Verdict;

/// The cases of a topic: async functions of an [`Rt`].
macro_rules! cases {
    ($topic:literal: $($name:ident),+ $(,)?) => {
        pub(crate) fn cases() -> Vec<crate::Case> {
            vec![$(crate::Case::inside($topic, stringify!($name), |rt| Box::pin($name(rt)))),+]
        }
    };
}
pub(crate) use cases;

/// Longer than any case waits.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) const fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

/// A number that tasks count up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(SeqCst)
    }

    /// Counts when it is dropped.
    pub(crate) fn guard(&self) -> OnDrop<impl FnMut() + Send + use<>> {
        let count = self.clone();
        OnDrop(move || count.add())
    }
}

/// Calls a function when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A place where one task puts something for another.
pub(crate) struct Slot<T>(Arc<Mutex<Option<T>>>);

impl<T> Slot<T> {
    pub(crate) fn new() -> Slot<T> {
        Slot(Arc::default())
    }

    pub(crate) fn put(&self, value: T) {
        // Dropped without the lock: it may be a task.
        let former = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(value);
        drop(former);
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Slot(self.0.clone())
    }
}

/// Fails unless `holds`.
pub(crate) fn ensure(holds: bool, wrong: &str) -> Verdict {
    if holds { Ok(()) } else { Err(wrong.to_owned()) }
}

/// Fails unless both are equal.
pub(crate) fn same<T: PartialEq + Debug>(what: &str, actual: T, expected: T) -> Verdict {
    if actual == expected { Ok(()) } else { Err(format!("{what}: {actual:?} instead of {expected:?}")) }
}

/// Fails unless `outcome` is of the kind: `value`, `panicked`, `aborted` or `lost`.
pub(crate) fn ends<T>(outcome: Result<T, TaskError>, expected: &str) -> Verdict {
    let kind = match &outcome {
        Ok(_) => "value",
        Err(error) if error.is_panic() => "panicked",
        Err(error) if error.is_aborted() => "aborted",
        Err(error) if error.is_lost() => "lost",
        Err(_) => "unknown",
    };
    same("the end of the task", kind, expected)
}

/// The value of a task that must have one.
pub(crate) fn value<T>(outcome: Result<T, TaskError>) -> Result<T, String> {
    outcome.map_err(|error| format!("no value: {error}"))
}

/// Waits until `holds`, for some seconds at most.
pub(crate) async fn until(rt: &Rt, what: &str, holds: impl Fn() -> bool) -> Verdict {
    for _ in 0..3000 {
        if holds() {
            return Ok(());
        }
        rt.sleep(ms(1)).await;
    }
    Err(format!("it never came: {what}"))
}

/// Counts in `begun`, then stays until it is dropped, which counts in `dropped`.
pub(crate) fn parked(begun: &Count, dropped: &Count) -> impl Future<Output = ()> + Send + use<> {
    let (begun, guard) = (begun.clone(), dropped.guard());
    async move {
        let _guard = guard;
        begun.add();
        pending().await
    }
}

/// Starts a [`parked`] task and waits until it is there.
pub(crate) async fn park(rt: &Rt, dropped: &Count) -> Result<Task<()>, String> {
    let begun = Count::default();
    let task = rt.spawn(parked(&begun, dropped));
    until(rt, "the task begins", || begun.get() == 1).await?;
    Ok(task)
}

/// Polls once, with the waker of the caller.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|cx| {
        Poll::Ready(match pin!(&mut *future).poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// Polls once, without any runtime.
pub(crate) fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// The waker of the task that awaits it.
pub(crate) async fn own_waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}
