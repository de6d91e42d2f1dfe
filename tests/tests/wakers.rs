//! Wakers are woken and dropped outside of locks: whatever they do at once, nothing is locked twice.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures::channel::mpsc::unbounded;
use taktline::prelude::*;
use taktline::runtime::{Instant, Rt, Runtime, Timer};

/// A runtime that polls a task where it is woken.
#[derive(Debug)]
struct AtOnce;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Task {
    job: Mutex<Option<Job>>,
    is_woken: AtomicBool,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, SeqCst);
        while self.is_woken.load(SeqCst) {
            // Gone while it is polled: who polls it looks again.
            let Some(mut job) = self.job.lock().expect("no poll panics").take() else { return };
            self.is_woken.store(false, SeqCst);
            if job.as_mut().poll(&mut Context::from_waker(&Waker::from(self.clone()))).is_pending() {
                *self.job.lock().expect("no poll panics") = Some(job);
            }
        }
    }
}

impl Runtime for AtOnce {
    fn name(&self) -> &'static str {
        "at once"
    }

    fn spawn(&self, job: Job) {
        Arc::new(Task { job: Mutex::new(Some(job)), is_woken: AtomicBool::new(false) }).wake();
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }

    fn timer(&self, _: Instant) -> Pin<Box<dyn Timer>> {
        unreachable!("nothing here waits for time")
    }

    fn now(&self) -> Instant {
        Instant::default()
    }

    fn random(&self) -> u64 {
        0
    }
}

/// Fails if `f` has not returned after a while: a lock that is taken twice by one thread waits for ever.
fn returns<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = channel();
    let thread = thread::spawn(move || done.send(f()));
    match result.recv_timeout(Duration::from_secs(20)) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout) => panic!("a lock is taken twice"),
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(_) => unreachable!("it has sent its value"),
        },
    }
}

#[stage]
async fn pauses(x: u64) -> u64 {
    taktline::yield_now().await;
    x
}

#[stage]
async fn twice(x: u64, mut out: Out<u64>) {
    out.send(x).await;
    out.send(x).await;
}

#[test]
fn a_runtime_that_polls_at_each_wake_runs_any_plan() {
    let numbers = || iter(0..20u64).buffer(2);
    let one = move || numbers().then(pauses()).then(pauses().buffer(2)).collect::<Vec<_>>();
    let ordered = move || numbers().then(pauses().concurrency(3)).then(twice().concurrency(2)).collect::<Vec<_>>();
    let unordered = move || numbers().then(twice().concurrency(3).unordered().buffer(1)).then(pauses()).collect();
    let merged = move || merge((numbers(), numbers().then(pauses()))).collect::<Vec<_>>();
    for (plan, each) in [(one(), 1), (ordered(), 2), (unordered(), 2), (merged(), 2)] {
        let mut seen = returns(move || {
            let run = plan.run_on(&Rt::new(AtOnce));
            futures::executor::block_on(run).expect("it ends well").value
        });
        seen.sort_unstable();
        assert_eq!(seen, (0..20).flat_map(|id| vec![id; each]).collect::<Vec<_>>());
    }
}

/// Does something as it is dropped.
struct AtDrop(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Wake for AtDrop {
    fn wake(self: Arc<Self>) {}
}

impl Drop for AtDrop {
    fn drop(&mut self) {
        if let Some(f) = self.0.get_mut().expect("nothing panics under it").take() {
            f();
        }
    }
}

#[test]
fn a_waker_that_makes_the_writer_write_as_it_is_replaced_is_no_deadlock() {
    let seen = returns(|| {
        let (sender, receiver) = unbounded();
        let mut started = stream(receiver).start_on(&Rt::new(AtOnce));
        let mut seen = VecDeque::new();
        for id in 0..3u64 {
            let sender = sender.clone();
            let send = move || sender.unbounded_send(id).expect("somebody reads");
            let waker = Waker::from(Arc::new(AtDrop(Mutex::new(Some(Box::new(send))))));
            let mut next = Box::pin(started.next());
            assert!(next.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            drop(waker);
            // Now the edge has the last one, and this poll replaces it.
            let polled = next.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            let polled =
                if polled.is_ready() { polled } else { next.as_mut().poll(&mut Context::from_waker(Waker::noop())) };
            let Poll::Ready(item) = polled else { panic!("the writer was not woken") };
            seen.push_back(item.expect("it runs"));
        }
        seen
    });
    assert_eq!(seen, [Some(0), Some(1), Some(2)]);
}
