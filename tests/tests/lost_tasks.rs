//! A runtime that drops one task of a run, before or between polls, ends the run and hangs nothing.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

use taktline::prelude::*;
use taktline::runtime::{Instant, Rt, Runtime, Timer};
use tests::{Witness, on_sim};

/// Drops the task that it was given as number `task`, instead of its poll number `poll`; a blocking call at once.
struct Loses {
    rt: Rt,
    given: Arc<AtomicUsize>,
    task: usize,
    poll: usize,
    lost: Arc<AtomicUsize>,
}

impl fmt::Debug for Loses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loses({:?})", self.rt)
    }
}

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Lost {
    job: Option<Job>,
    left: usize,
    lost: Arc<AtomicUsize>,
}

impl Future for Lost {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.left == 0 {
            self.job = None;
            self.lost.fetch_add(1, SeqCst);
        }
        self.left = self.left.saturating_sub(1);
        self.job.as_mut().map_or(Poll::Ready(()), |job| job.as_mut().poll(cx))
    }
}

impl Runtime for Loses {
    fn name(&self) -> &'static str {
        self.rt.name()
    }

    fn spawn(&self, job: Job) {
        if self.given.fetch_add(1, SeqCst) == self.task {
            self.rt.spawn(Lost { job: Some(job), left: self.poll, lost: self.lost.clone() }).detach();
        } else {
            self.rt.spawn(job).detach();
        }
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        if self.given.fetch_add(1, SeqCst) == self.task {
            drop(job);
            self.lost.fetch_add(1, SeqCst);
        } else {
            self.rt.spawn_blocking(job).detach();
        }
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(Passes(self.rt.sleep_until(deadline)))
    }

    fn now(&self) -> Instant {
        self.rt.now()
    }

    fn random(&self) -> u64 {
        self.rt.random()
    }
}

struct Passes(taktline::runtime::Sleep);

impl Future for Passes {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl Timer for Passes {
    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.0.reset(deadline);
    }
}

fn check(what: &str, plan: impl Fn(&Witness) -> Pipeline<u64>) {
    let mut times_lost = 0;
    for task in 0..6 {
        for poll in 0..6 {
            for seed in 0..10 {
                let (witness, lost) = (Witness::new(), Arc::new(AtomicUsize::new(0)));
                let pipeline = plan(&witness);
                on_sim(seed, |rt| {
                    let loses = Loses { rt, given: Arc::default(), task, poll, lost: lost.clone() };
                    let run = pipeline.clone().run_on(&Rt::new(loses));
                    let lost = lost.clone();
                    async move {
                        let outcome = run.await;
                        let is_lost = lost.load(SeqCst) > 0;
                        assert_eq!(outcome.is_err(), is_lost, "{what}: task {task}, poll {poll}, seed {seed}");
                        let first = outcome.as_ref().err().and_then(|error| error.first());
                        assert!(first.is_none_or(|failure| failure.is_lost()), "{what}: {first:?}");
                        let report = outcome.map_or_else(|error| error.report().cloned(), |done| Some(done.report));
                        let report = report.expect("it was started");
                        assert!(report.balances(), "{what}: task {task}, poll {poll}, seed {seed}\n{report}");
                    }
                });
                assert_eq!(witness.left(), 0, "{what}: task {task}, poll {poll}, seed {seed}: items are left");
                times_lost += lost.load(SeqCst);
            }
        }
    }
    assert!(times_lost > 100, "{what}: {times_lost} tasks were lost");
}

#[stage(blocking)]
fn read(item: tests::Item) -> tests::Item {
    item
}

#[test]
fn a_run_that_loses_a_task_ends_with_books_that_balance() {
    let items = |witness: &Witness| {
        let witness = witness.clone();
        iter(0..12u64).map(move |id| witness.item(id)).buffer(2)
    };
    let slow = |item: tests::Item| async move {
        sleep(Duration::from_secs(item.id % 3)).await;
        item
    };
    check("a stage", |witness| items(witness).then(stage(slow).buffer(2)).then(stage(slow).buffer(1)).count());
    check("a pool", |witness| items(witness).then(stage(slow).concurrency(3).buffer(2)).count());
    check("a pool without order", |witness| {
        items(witness).then(stage(slow).concurrency(3).unordered().buffer(2)).count()
    });
    check("a pool of one", |witness| items(witness).then(stage(slow).window(2).buffer(2)).count());
    check("a blocking stage", |witness| items(witness).then(read().concurrency(2).buffer(2)).count());
    check("a merge", |witness| merge((items(witness), items(witness))).then(stage(slow).buffer(2)).count());
}
