//! Tasks: their end against a join, an abort, a drop and a nudge; and the tasks of a node and of a run.

use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

use super::explore::Model;
use super::threads::{Threads, block_on, poll_to_end};
use super::witness::{Item, Items};
use crate::ledger::Kind;
use crate::lineage::Ticket;
use crate::run::{Node, Shared, Stop};
use crate::runtime::{Instant, Rt, Runtime, Task, Timer};
use crate::sync::Mutex;

pub(super) const MODELS: &[Model] = &[
    Model::new("task_is_joined_with_its_destructors", joined),
    Model::new("task_is_joined_from_another_task", join_moves),
    Model::new("task_that_was_aborted_is_not_polled_again", aborted),
    Model::new("task_that_waits_is_dropped", dropped),
    Model::new("task_is_lost_by_its_runtime", lost),
    Model::new("task_of_a_blocking_call_is_aborted", blocking),
    Model::new("task_of_a_node_is_told_to_stop_as_it_is_made", stopped_as_it_is_made),
    Model::new("task_of_a_node_is_aborted_as_it_is_made", aborted_as_it_is_made),
    Model::new("task_of_a_run_keeps_it_from_being_over", run_is_over),
    Model::new("task_of_a_run_that_was_dropped_does_not_begin", run_is_dropped),
    Model::new("task_awaits_a_receipt", receipt),
];

/// Notes its drop in a step of the schedule: loom must know that a join and a destructor depend on each other.
struct Held(Arc<Mutex<bool>>);

impl Drop for Held {
    fn drop(&mut self) {
        *self.0.lock() = true;
    }
}

/// Yields and ends. What it holds is dropped with it, after its last poll.
struct Ends {
    yields: usize,
    _held: Held,
}

impl Future for Ends {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
        if self.yields == 0 {
            return Poll::Ready(7);
        }
        self.yields -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

fn joined() {
    let (threads, is_dropped) = (Threads::default(), Arc::default());
    let held = Held(Arc::clone(&is_dropped));
    let task = threads.rt().spawn(Ends { yields: 1, _held: held });
    assert_eq!(block_on(task).expect("it ends well"), 7);
    assert!(*is_dropped.lock(), "a join waits for the destructors");
    threads.join();
}

/// A join is tried by one task that gives it up, and made by another.
fn join_moves() {
    let threads = Threads::default();
    let mut task = threads.rt().spawn(async { 7 });
    let mut value = Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop()));
    if value.is_pending() {
        value = Poll::Ready(block_on(task));
    }
    assert!(matches!(value, Poll::Ready(Ok(7))));
    threads.join();
}

/// A runtime that notes for each poll whether it began after the abort.
#[derive(Clone, Debug, Default)]
struct Watching {
    threads: Threads,
    is_aborted: Arc<Mutex<bool>>,
    began_later: Arc<AtomicBool>,
}

impl Runtime for Watching {
    fn name(&self) -> &'static str {
        "watching"
    }

    fn spawn(&self, job: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let Watching { is_aborted, began_later, .. } = self.clone();
        self.threads.go(move || poll_to_end(job, || began_later.store(*is_aborted.lock(), SeqCst)));
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        self.threads.spawn_blocking(job);
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        self.threads.timer(deadline)
    }

    fn now(&self) -> Instant {
        self.threads.now()
    }

    fn random(&self) -> u64 {
        self.threads.random()
    }
}

fn aborted() {
    let (watching, items) = (Watching::default(), Items::default());
    let (item, began_later) = (items.item(7), watching.began_later.clone());
    let mut left = 2;
    let task = Rt::new(watching.clone()).spawn(poll_fn(move |cx| {
        assert!(!began_later.load(SeqCst), "it is polled in a poll that began after the abort");
        let Item { id, .. } = &item;
        if left == 0 {
            return Poll::Ready(*id);
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    task.abort();
    *watching.is_aborted.lock() = true;
    match block_on(task.cancel()) {
        Ok(value) => assert_eq!(value, 7),
        Err(error) => assert!(error.is_aborted(), "{error}"),
    }
    assert_eq!(items.left(), 0, "a cancel waits for the destructors");
    watching.threads.join();
}

/// The task never ends by itself: without the wake of the abort its thread would wait for ever.
fn dropped() {
    let (threads, items) = (Threads::default(), Items::default());
    let item = items.item(7);
    let task = threads.rt().spawn(async move {
        pending::<()>().await;
        drop(item);
    });
    drop(task);
    threads.join();
    assert_eq!(items.left(), 0, "what the task held is dropped");
}

/// A runtime that drops what it is given, on another thread.
#[derive(Debug)]
struct Losing(Threads);

impl Runtime for Losing {
    fn name(&self) -> &'static str {
        "losing"
    }

    fn spawn(&self, job: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.go(move || drop(job));
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        self.0.go(move || drop(job));
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        self.0.timer(deadline)
    }

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn random(&self) -> u64 {
        self.0.random()
    }
}

fn lost() {
    let threads = Threads::default();
    let rt = Rt::new(Losing(threads.clone()));
    let error = block_on(rt.spawn(async {})).expect_err("it is never polled");
    assert!(error.is_lost(), "{error}");
    let error = block_on(rt.spawn_blocking(|| ())).expect_err("it is never called");
    assert!(error.is_lost(), "{error}");
    threads.join();
}

fn blocking() {
    let threads = Threads::default();
    let calls = Arc::new(AtomicUsize::new(0));
    let called = calls.clone();
    let task = threads.rt().spawn_blocking(move || called.fetch_add(1, SeqCst));
    let outcome = block_on(task.cancel());
    threads.join();
    match outcome {
        Ok(_) => assert_eq!(calls.load(SeqCst), 1, "a call that has begun goes on"),
        Err(error) => assert!(error.is_aborted() && calls.load(SeqCst) == 0, "{error}"),
    }
}

fn node() -> Arc<Node> {
    Arc::new(Node::new("node".to_owned(), Kind::Stage))
}

/// A task that ends when its node is told to stop, and at no other time.
fn until_stopped(rt: &Rt, node: &Arc<Node>) -> Task<()> {
    let node = node.clone();
    rt.spawn(poll_fn(move |_| if node.is_stopped() { Poll::Ready(()) } else { Poll::Pending }))
}

fn stopped_as_it_is_made() {
    let (threads, node) = (Threads::default(), node());
    let told = node.clone();
    threads.go(move || told.stop(Stop::Over));
    let rt = threads.rt();
    node.own(|| until_stopped(&rt, &node));
    threads.join();
}

fn aborted_as_it_is_made() {
    let (threads, node) = (Threads::default(), node());
    let told = node.clone();
    threads.go(move || told.abort());
    let rt = threads.rt();
    node.own(|| rt.spawn(pending()));
    threads.join();
}

fn run_is_over() {
    let (threads, items) = (Threads::default(), Items::default());
    let run = Shared::new(threads.rt());
    for id in 0..2 {
        let item = items.item(id);
        let node = run.node("node", Kind::Stage);
        run.spawn(&node, Box::pin(async move { drop(item) }));
    }
    let mut joiner = None;
    block_on(poll_fn(|cx| run.poll_over(&mut joiner, cx)));
    assert_eq!(items.left(), 0, "a run that is over holds nothing");
    threads.join();
}

fn run_is_dropped() {
    let (threads, items) = (Threads::default(), Items::default());
    let run = Shared::new(threads.rt());
    let node = run.node("node", Kind::Stage);
    let dropped = run.clone();
    threads.go(move || dropped.abort());
    for id in 0..2 {
        let item = items.item(id);
        let job = async move {
            pending::<()>().await;
            drop(item);
        };
        run.spawn(&node, Box::pin(job));
    }
    threads.join();
    assert!(run.is_over(), "every task has ended");
    assert!(!run.has_failed(), "a task that was aborted is no failure");
    assert_eq!(items.left(), 0, "what the tasks held is dropped");
}

fn receipt() {
    let threads = Threads::default();
    let (ticket, receipt) = Ticket::new();
    let copy = ticket.clone();
    threads.go(move || drop(ticket));
    threads.go(move || drop(copy));
    block_on(receipt);
    threads.join();
}
