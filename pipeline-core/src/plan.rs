//! A plan before it runs: its outline, and the tasks it becomes.

use std::any::Any;
use std::sync::Arc;

use crate::describe::{At, Description, Graph, Reader};
use crate::error::Error;
use crate::ledger::Kind;
use crate::op::Key;
use crate::run::{Job, Node, Shared};
use crate::stage::Site;

/// What a plan says of itself before it runs: its bound on items in flight, its stages and edges, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Outline {
    bound: usize,
    problems: Vec<String>,
    /// A source that was read already.
    spent: Option<&'static str>,
    /// The branches of the splits that are looked at.
    branches: Vec<Branch>,
    /// The loops that are looked at, into which a handle leads.
    loops: Vec<Loop>,
    graph: Graph,
}

/// A loop whose body is looked at.
#[derive(Debug)]
struct Loop {
    key: Key,
    head: At,
    /// How the way back is told.
    way: String,
}

/// A branch that is looked at.
#[derive(Debug)]
struct Branch {
    key: Key,
    /// How often its flow was met.
    met: usize,
    /// What takes the items of its flow.
    readers: Vec<Reader>,
}

impl Outline {
    /// A pipeline ends here: what is told next gives its items to nothing that was told before.
    pub(crate) fn end_here(&mut self) {
        self.graph.readers.clear();
    }

    /// Adds what will have a row in the report. It gives its items to what was told before.
    pub(crate) fn node(&mut self, name: &str, kind: Kind) -> At {
        let readers = std::mem::take(&mut self.graph.readers);
        let at = self.graph.reserve();
        self.graph.meet(at, name, kind, readers);
        at
    }

    /// Adds a step that is fused into what is told next.
    pub(crate) fn fused(&mut self, name: &str) {
        self.fused_as(name, Kind::Fused);
    }

    pub(crate) fn fused_as(&mut self, name: &str, kind: Kind) {
        let at = self.node(name, kind);
        self.graph.read_by(at, None);
    }

    /// Tells more of what was added last.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.graph.note(note.into());
    }

    /// Adds an edge of `buffer` places before `name`, which is `at`; what is told next writes to it.
    pub(crate) fn edge(&mut self, at: At, name: &str, buffer: usize) {
        self.places(name, buffer);
        self.graph.read_by(at, Some(buffer));
    }

    /// Adds the places of an edge before `name`.
    pub(crate) fn places(&mut self, name: &str, buffer: usize) {
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

    /// A node with branches, which are told before it.
    pub(crate) fn reserve(&mut self) -> At {
        self.graph.reserve()
    }

    /// Looks at the branches of `at` with `look`: each has to read the flow that it was given.
    pub(crate) fn branches(
        &mut self,
        at: At,
        (split, kind): (&str, Kind),
        keys: &[Key],
        look: impl FnOnce(&mut Outline),
    ) {
        if keys.is_empty() {
            self.problem(format!("`{split}` has no branch; give it 1 or more"));
        }
        let outer = self.branches.len();
        self.branches.extend(keys.iter().map(|key| Branch { key: key.clone(), met: 0, readers: Vec::new() }));
        let readers = self.graph.readers.clone();
        look(self);
        self.graph.readers = readers;
        let mut first = Vec::new();
        for (number, Branch { met, readers, .. }) in self.branches.split_off(outer).into_iter().enumerate() {
            match met {
                0 => self.problem(format!("branch {number} of `{split}` does not read the flow that it was given")),
                1 => {}
                _ => {
                    self.problem(format!("branch {number} of `{split}` reads its flow twice; put a `broadcast` before"))
                }
            }
            let is_one_of_several = keys.len() > 1;
            first.extend(readers.into_iter().map(|it| if is_one_of_several { it.of_branch(number) } else { it }));
        }
        self.graph.meet(at, split, kind, first);
    }

    /// What is told next writes to `at`, too.
    pub(crate) fn also(&mut self, at: At, buffer: Option<usize>, which: impl Into<String>) {
        self.graph.read_also_by(at, buffer, which.into());
    }

    /// The flow of a branch was met.
    pub(crate) fn branch(&mut self, key: &Key) {
        let readers = std::mem::take(&mut self.graph.readers);
        match self.branches.iter_mut().rev().find(|branch| branch.key == *key) {
            Some(branch) => {
                branch.met += 1;
                branch.readers.extend(readers);
            }
            None => self.problem("a flow that was given to a branch of a split was taken out of it".to_owned()),
        }
    }

    /// Looks at the body of the loop of that key with `look`.
    pub(crate) fn in_loop(&mut self, key: &Key, head: At, way: String, look: impl FnOnce(&mut Outline)) {
        self.loops.push(Loop { key: key.clone(), head, way });
        look(self);
        self.loops.pop();
    }

    /// What is told next gives its items to the head of a loop.
    pub(crate) fn goes_back(&mut self, key: &Key) {
        match self.loops.iter().rev().find(|one| one.key == *key) {
            Some(Loop { head, way, .. }) => self.graph.read_also_by(*head, None, way.clone()),
            None => self.problem("a `back` was taken out of the loop that it was given in".to_owned()),
        }
    }

    pub(crate) fn bound(&self) -> usize {
        self.bound
    }

    pub(crate) fn describe(self) -> Description {
        Description::new(self.graph, self.bound)
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
    plugged: Vec<Plug>,
    handles: Vec<Handle>,
}

/// What the started flow hands out.
struct Handle(Box<dyn Any + Send>);

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handle")
    }
}

/// What takes the items of a branch, until its split is built, or those that go back into a loop, until its body is.
struct Plug {
    key: Key,
    /// An `Outlet` of the branch's items, or a `Circle`.
    outlet: Box<dyn Any + Send>,
}

impl std::fmt::Debug for Plug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Plug")
    }
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
        Build { run, jobs: Vec::new(), refused: None, plugged: Vec::new(), handles: Vec::new() }
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

    /// Keeps a handle for whoever starts the flow.
    pub(crate) fn hand_out(&mut self, handle: impl Any + Send) {
        self.handles.push(Handle(Box::new(handle)));
    }

    /// The handle of that type which is nearest to the end of the flow.
    pub(crate) fn handle<H: Any + Clone>(&self) -> Option<H> {
        self.handles.iter().find_map(|handle| handle.0.downcast_ref().cloned())
    }

    /// Keeps what takes the items of a branch for its split, which is built after it.
    pub(crate) fn plug(&mut self, key: Key, outlet: Box<dyn Any + Send>) {
        self.plugged.push(Plug { key, outlet });
    }

    /// A clone of what was plugged under that key.
    pub(crate) fn plugged<P: Any + Clone>(&self, key: &Key) -> Option<P> {
        self.plugged.iter().find(|plug| plug.key == *key)?.outlet.downcast_ref().cloned()
    }

    pub(crate) fn unplug(&mut self, key: &Key) -> Option<Box<dyn Any + Send>> {
        let at = self.plugged.iter().position(|plug| plug.key == *key)?;
        Some(self.plugged.swap_remove(at).outlet)
    }

    /// Builds a part of the plan that is started while the rest runs.
    pub(crate) fn later(&mut self, make: impl FnOnce(&mut Build)) -> Later {
        let plugged = std::mem::take(&mut self.plugged);
        let mut part = Build { plugged, ..Build::new(self.run.clone()) };
        make(&mut part);
        let Build { run, jobs, refused, plugged, handles } = part;
        self.plugged = plugged;
        self.handles.extend(handles);
        if let Some(error) = refused {
            self.refuse(error);
        }
        Later { run, jobs }
    }

    pub(crate) fn start(self) -> Result<(), Error> {
        let Build { run, jobs, refused, .. } = self;
        match refused {
            Some(error) => Err(error),
            None => {
                Later { run, jobs }.begin();
                Ok(())
            }
        }
    }
}
