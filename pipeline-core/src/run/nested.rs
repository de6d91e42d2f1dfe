//! Runs within a run: an inner flow that a stage of an outer run has started.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::shared::{Alive, Job, Shared, current_run};
use super::started::Started;
use crate::error::Error;
use crate::flow::Flow;
use crate::runtime::{Instant, Rt, Runtime, Timer};

/// Starts a flow within the run whose task is polled. That run is not over before all tasks of the inner one are gone.
pub(crate) fn start_within<G: Flow>(flow: G) -> Started<G::Item> {
    match current_run() {
        Some(run) => flow.start_on(&Rt::new(Nested { run })),
        None => flow.start_with(Err(Error::no_runtime("an inner flow is started by a stage of a run"))),
    }
}

/// The runtime of the outer run; what is spawned on it counts as a task of that run until it is dropped.
#[derive(Debug)]
struct Nested {
    run: Arc<Shared>,
}

struct Counted {
    job: Job,
    /// Last, so that it goes when all that the job held has been dropped.
    _alive: Alive,
}

impl Future for Counted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.job.as_mut().poll(cx)
    }
}

impl Nested {
    fn outer(&self) -> &dyn Runtime {
        self.run.rt.runtime()
    }
}

impl Runtime for Nested {
    fn name(&self) -> &'static str {
        self.outer().name()
    }

    fn spawn(&self, job: Job) {
        self.outer().spawn(Box::pin(Counted { job, _alive: Alive::new(&self.run) }));
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        let alive = Alive::new(&self.run);
        self.outer().spawn_blocking(Box::new(move || {
            job();
            drop(alive);
        }));
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        self.outer().timer(deadline)
    }

    fn wake_elsewhere(&self, waker: Waker) {
        self.outer().wake_elsewhere(waker);
    }

    fn now(&self) -> Instant {
        self.outer().now()
    }

    fn random(&self) -> u64 {
        self.outer().random()
    }
}
