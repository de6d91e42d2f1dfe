//! A runtime of one thread a task, and what polls a future on a thread. Both are under the schedule of the model.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

#[cfg(taktline_loom)]
use loom::{sync as kit, thread};
#[cfg(taktline_shuttle)]
use shuttle::{sync as kit, thread};
#[cfg(not(any(taktline_loom, taktline_shuttle)))]
use std::{sync as kit, thread};

use crate::runtime::{Instant, Rt, Runtime, Timer};

/// Polls `future` on this thread until it is ready, whenever it is woken. `before` is called before each poll.
pub(super) fn poll_to_end<F: Future>(future: F, mut before: impl FnMut()) -> F::Output {
    let mut future = pin!(future);
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(bell.clone());
    loop {
        before();
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        bell.wait();
    }
}

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    poll_to_end(future, || {})
}

/// Wakes a thread. What rings while nobody waits is kept.
#[derive(Default)]
struct Bell {
    has_rung: kit::Mutex<bool>,
    rings: kit::Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.has_rung.lock().expect("nothing panics under it") = true;
        self.rings.notify_one();
    }

    fn wait(&self) {
        let mut has_rung = self.has_rung.lock().expect("nothing panics under it");
        while !std::mem::take(&mut *has_rung) {
            has_rung = wait(&self.rings, has_rung);
        }
    }
}

#[cfg(any(taktline_loom, taktline_shuttle))]
fn wait<'a>(rings: &kit::Condvar, guard: kit::MutexGuard<'a, bool>) -> kit::MutexGuard<'a, bool> {
    rings.wait(guard).expect("nothing panics under it")
}

/// On real threads nothing else sees a deadlock.
#[cfg(not(any(taktline_loom, taktline_shuttle)))]
fn wait<'a>(rings: &kit::Condvar, guard: kit::MutexGuard<'a, bool>) -> kit::MutexGuard<'a, bool> {
    let limit = std::time::Duration::from_secs(20);
    let (guard, waited) = rings.wait_timeout(guard, limit).expect("nothing panics under it");
    assert!(!waited.timed_out(), "deadlock: nobody wakes a thread that waits");
    guard
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

/// A runtime of one thread a task. Its clock stands still.
#[derive(Clone, Default)]
pub(super) struct Threads {
    handles: Arc<Mutex<Vec<thread::JoinHandle<()>>>>,
}

impl Threads {
    pub(super) fn rt(&self) -> Rt {
        Rt::new(self.clone())
    }

    /// Runs `f` on a thread of its own.
    pub(super) fn go(&self, f: impl FnOnce() + Send + 'static) {
        let handle = thread::spawn(f);
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
    }

    /// Waits for every thread, those that others make meanwhile included.
    pub(super) fn join(&self) {
        loop {
            let next = self.handles.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(handle) = next else { return };
            handle.join().expect("a violation ends the process");
        }
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Threads")
    }
}

impl Runtime for Threads {
    fn name(&self) -> &'static str {
        "threads"
    }

    fn spawn(&self, job: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.go(move || block_on(job));
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        self.go(job);
    }

    fn timer(&self, _: Instant) -> Pin<Box<dyn Timer>> {
        unreachable!("no model waits for time")
    }

    fn now(&self) -> Instant {
        Instant::default()
    }

    fn random(&self) -> u64 {
        0
    }
}
