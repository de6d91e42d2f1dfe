//! A plan before it runs: its outline, and the tasks it becomes.

use std::sync::Arc;

use crate::error::Error;
use crate::ledger::Kind;
use crate::run::{Job, Node, Shared};
use crate::stage::Site;

/// What a plan says of itself before it runs: its bound on items in flight, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Outline {
    bound: usize,
    problems: Vec<String>,
    /// A source that was read already.
    spent: Option<&'static str>,
}

impl Outline {
    /// Adds an edge of `buffer` places before `name`.
    pub(crate) fn edge(&mut self, name: &str, buffer: usize) {
        if buffer == 0 {
            self.problem(format!("`{name}` has a buffer of 0; give it 1 or more"));
        }
        self.bound = self.bound.saturating_add(buffer);
    }

    /// Adds items that something holds apart from its edge.
    pub(crate) fn hold(&mut self, items: usize) {
        self.bound = self.bound.saturating_add(items);
    }

    pub(crate) fn problem(&mut self, problem: String) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Told before anything is built, so that a refused run reads none of its other sources.
    pub(crate) fn spent(&mut self, source: &'static str) {
        self.spent = Some(source);
    }

    pub(crate) fn bound(&self) -> usize {
        self.bound
    }

    pub(crate) fn check(self) -> Result<(), Error> {
        match self.spent {
            _ if !self.problems.is_empty() => Err(Error::invalid(self.problems)),
            Some(source) => Err(Error::spent(source)),
            None => Ok(()),
        }
    }
}

/// Collects what a plan becomes. Nothing is spawned until the whole plan is built and nothing was refused.
#[derive(Debug)]
pub struct Build {
    pub(crate) run: Arc<Shared>,
    jobs: Vec<Start>,
    refused: Option<Error>,
}

/// Tasks that are not spawned yet.
pub(crate) struct Later {
    run: Arc<Shared>,
    jobs: Vec<Start>,
}

impl Later {
    pub(crate) fn begin(self) {
        for start in self.jobs {
            match start {
                Start::Job(node, job) => self.run.spawn(&node, job),
                Start::Call(start) => start(),
            }
        }
    }
}

enum Start {
    Job(Arc<Node>, Job),
    Call(Box<dyn FnOnce() + Send>),
}

impl std::fmt::Debug for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Start")
    }
}

impl Build {
    pub(crate) fn new(run: Arc<Shared>) -> Build {
        Build { run, jobs: Vec::new(), refused: None }
    }

    pub(crate) fn site(&self, name: &str, kind: Kind) -> Site {
        Site { run: self.run.clone(), node: self.run.node(name, kind) }
    }

    pub(crate) fn task(&mut self, site: &Site, job: impl Future<Output = ()> + Send + 'static) {
        self.jobs.push(Start::Job(site.node.clone(), Box::pin(job)));
    }

    /// Something that makes its tasks by itself.
    pub(crate) fn on_start(&mut self, start: impl FnOnce() + Send + 'static) {
        self.jobs.push(Start::Call(Box::new(start)));
    }

    /// A source cannot be read a second time.
    pub(crate) fn refuse(&mut self, error: Error) {
        self.refused.get_or_insert(error);
    }

    /// Builds a part of the plan that is started while the rest runs.
    pub(crate) fn later(&mut self, make: impl FnOnce(&mut Build)) -> Later {
        let mut part = Build::new(self.run.clone());
        make(&mut part);
        let Build { run, jobs, refused } = part;
        if let Some(error) = refused {
            self.refuse(error);
        }
        Later { run, jobs }
    }

    pub(crate) fn start(self) -> Result<(), Error> {
        let Build { run, jobs, refused } = self;
        match refused {
            Some(error) => Err(error),
            None => {
                Later { run, jobs }.begin();
                Ok(())
            }
        }
    }
}
