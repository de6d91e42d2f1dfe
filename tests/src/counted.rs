//! A runtime that counts what it was given.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use taktline_core::runtime::{Instant, Rt, Runtime, Sleep, Timer};

/// How many tasks a [`counted`] runtime was given, and how many have ended.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    given: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
    /// Blocking calls that have not returned.
    calls: Arc<AtomicUsize>,
}

impl Tasks {
    /// Tasks given so far.
    pub fn given(&self) -> usize {
        self.given.load(SeqCst)
    }

    /// Tasks, and blocking calls, that are left.
    ///
    /// A call tells of its end and then returns, on a thread of its own: its return is waited for, for a second at most.
    pub fn left(&self) -> usize {
        for _ in 0..1000 {
            if self.calls.load(SeqCst) == 0 {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.given() - self.ended.load(SeqCst) + self.calls.load(SeqCst)
    }
}

/// Wraps `rt` and counts its tasks and blocking calls.
pub fn counted(rt: Rt) -> (Rt, Tasks) {
    let tasks = Tasks::default();
    (rt.wrapped(Counted { rt: rt.clone(), tasks: tasks.clone() }), tasks)
}

struct Counted {
    rt: Rt,
    tasks: Tasks,
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counted({:?})", self.rt)
    }
}

/// Counts as a task until it is dropped.
struct Given(Tasks);

impl Given {
    fn new(tasks: &Tasks) -> Given {
        tasks.given.fetch_add(1, SeqCst);
        Given(tasks.clone())
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, SeqCst);
    }
}

/// Counts as a blocking call until it is dropped.
struct Call(Tasks);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, SeqCst);
    }
}

impl Runtime for Counted {
    fn name(&self) -> &'static str {
        self.rt.name()
    }

    fn spawn(&self, job: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let given = Given::new(&self.tasks);
        let job = async move {
            let _given = given;
            job.await;
        };
        self.rt.spawn(job).detach();
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        self.tasks.calls.fetch_add(1, SeqCst);
        let call = Call(self.tasks.clone());
        let job = move || {
            let _call = call;
            job();
        };
        self.rt.spawn_blocking(job).detach();
    }

    fn share_woken(&self) {
        self.rt.share_woken();
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(CountedTimer(self.rt.sleep_until(deadline)))
    }

    fn now(&self) -> Instant {
        self.rt.now()
    }

    fn random(&self) -> u64 {
        self.rt.random()
    }
}

struct CountedTimer(Sleep);

impl Future for CountedTimer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl Timer for CountedTimer {
    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.0.reset(deadline);
    }
}
