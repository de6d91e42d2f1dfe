//! Runs within a run: an inner flow that a stage of an outer run has started.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::pipeline::Watched;
use super::running::{Tasks, launch};
use super::shared::{Alive, Job, Shared, current_run};
use super::started::Started;
use crate::error::{Error, Result};
use crate::flow::Flow;
use crate::plan::Build;
use crate::runtime::{Instant, Rt, Runtime, Timer};
use crate::sync::Mutex;

/// Starts a flow within the run whose task is polled. That run is not over, and `held` is not dropped, before all tasks of
/// the inner one are gone.
pub(crate) fn start_within<G: Flow>(flow: G, held: Box<dyn Any + Send>) -> Started<G::Item> {
    match current_run() {
        Some(run) => flow.start_on(&Rt::new(Nested { run, held: Arc::new(Mutex::new(held)) })),
        None => flow.start_with(Err(Error::no_runtime("an inner flow is started by a stage of a run"))),
    }
}

/// A part of a run that is a run of its own. Dropped, it aborts its tasks.
pub(crate) struct Inner(Tasks);

impl Inner {
    /// Starts what `make` puts together within `run`, which is not over before all tasks of it are gone.
    pub(crate) fn start<R>(run: &Arc<Shared>, make: impl FnOnce(&mut Build) -> R) -> Result<(Inner, R)> {
        let nested = Nested { run: run.clone(), held: Arc::new(Mutex::new(Box::new(()))) };
        launch(Rt::new(nested), Watched::default(), make).map(|(tasks, made)| (Inner(tasks), made))
    }

    /// Ready when no task of it is left.
    pub(crate) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.0.poll_over(cx).map(|()| self.0.outcome().map(|_| ()))
    }
}

/// The runtime of the outer run; what is spawned on it counts as a task of that run until it is dropped.
struct Nested {
    run: Arc<Shared>,
    held: Held,
}

/// Behind a lock only to be shared by tasks on other threads.
type Held = Arc<Mutex<Box<dyn Any + Send>>>;

impl fmt::Debug for Nested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nested").field("run", &self.run).finish_non_exhaustive()
    }
}

struct Counted {
    job: Job,
    _held: Held,
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
        self.outer().spawn(Box::pin(Counted { job, _held: self.held.clone(), _alive: Alive::new(&self.run) }));
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        let (held, alive) = (self.held.clone(), Alive::new(&self.run));
        self.outer().spawn_blocking(Box::new(move || {
            job();
            drop((held, alive));
        }));
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        self.outer().timer(deadline)
    }

    fn share_woken(&self) {
        self.outer().share_woken();
    }

    fn now(&self) -> Instant {
        self.outer().now()
    }

    fn random(&self) -> u64 {
        self.outer().random()
    }
}
