//! What the tasks of one run share: its nodes, its failures, and how many tasks are alive.

use std::any::Any;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::node::{Node, Stop};
use super::stall::Stirring;
use super::survey::survey;
use super::trace;
use crate::error::{Failure, Overdue, Panicked};
use crate::ledger::{Kind, Report, Snapshot};
use crate::runtime::{Instant, Rt, Task, Waits, named};
use crate::sync::{Mutex, thread_local};

pub(crate) type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Public only because hidden methods of public traits name it.
#[doc(hidden)]
#[derive(Debug)]
pub struct Shared {
    pub(crate) rt: Rt,
    began: Instant,
    pub(super) nodes: Mutex<Vec<Arc<Node>>>,
    pub(super) state: Mutex<State>,
    pub(super) stirring: Stirring,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Tasks and blocking calls that have not ended.
    pub(super) alive: usize,
    /// Who waits for the run, each under its number.
    joiners: BTreeMap<u64, Waker>,
    next_joiner: u64,
    failures: Vec<Failure>,
    pub(super) stopping: Option<Stop>,
    cancelled: bool,
    /// No source makes an item.
    is_paused: bool,
    /// When a drain becomes a cancel.
    pub(super) deadline: Option<Instant>,
    overdue: Option<Overdue>,
    /// Tasks of the run that only watch it. They end when nothing else is alive.
    pub(super) watching: usize,
    pub(super) watchers: Vec<Waker>,
    pub(super) watches: Vec<Task<()>>,
    /// The handle of the run is gone: nobody will ask for its outcome.
    pub(super) dropped: bool,
}

impl State {
    /// Whether only tasks that watch the run are left.
    pub(super) fn is_done(&self) -> bool {
        self.alive == self.watching
    }
}

/// How a run ended, once no task of it is left.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) failures: Vec<Failure>,
    pub(crate) cancelled: bool,
    pub(crate) overdue: Option<Overdue>,
    pub(crate) report: Report,
}

impl Shared {
    pub(crate) fn new(rt: Rt) -> Arc<Shared> {
        let began = rt.now();
        let state = Mutex::new(State::default());
        let shared =
            Arc::new(Shared { rt, began, nodes: Mutex::new(Vec::new()), state, stirring: Stirring::default() });
        let watched: Arc<dyn Waits> = shared.clone();
        shared.rt.watch(Arc::downgrade(&watched));
        shared
    }

    /// Adds a row. Two rows of one name are told apart by a number.
    pub(crate) fn node(&self, name: &str, kind: Kind) -> Arc<Node> {
        let mut nodes = self.nodes.lock();
        let same = |node: &&Arc<Node>| {
            node.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
        };
        let name = match nodes.iter().filter(same).count() {
            0 => name.to_owned(),
            n => format!("{name}#{}", n + 1),
        };
        let node = Arc::new(Node::of_run(name, kind, &self.rt));
        nodes.push(node.clone());
        drop(nodes);
        let (stopping, deadline) = {
            let state = self.state.lock();
            // Under the lock, so that a resume meanwhile is not undone. Nobody waits at a new node.
            drop(node.set_paused(state.is_paused));
            (state.stopping, state.deadline)
        };
        if let Some(reason) = stopping {
            node.stop(reason);
        }
        if deadline.is_some() {
            node.drain();
        }
        node
    }

    /// Runs `job` as a task of `node`.
    pub(crate) fn spawn(self: &Arc<Self>, node: &Arc<Node>, job: Job) {
        let alive = Alive::new(self);
        node.task_begins();
        let ambient = Some(self.clone());
        let task = Supervised { job: Some(job), node: node.clone(), ambient, has_begun: false, alive };
        node.own(|| named(&node.name, || self.rt.spawn(task)));
    }

    /// Tells every source to make no item, or to go on. Who waits for that is to be woken, outside of the caller's locks.
    #[must_use = "what was paused waits for it"]
    pub(super) fn set_paused(&self, is_paused: bool) -> Vec<Waker> {
        // Under the lock, so that of two callers one has the last word at every node.
        let mut state = self.state.lock();
        state.is_paused = is_paused;
        self.nodes.lock().iter().flat_map(|node| node.set_paused(is_paused)).collect()
    }

    /// Records a failure and stops what feeds the run. The first one is the run's outcome.
    pub(crate) fn fail(&self, failure: Failure) {
        trace::fails(&failure);
        {
            let mut state = self.state.lock();
            state.failures.push(failure);
            state.stopping = state.stopping.max(Some(Stop::Over));
        }
        self.stop_nodes(Stop::Over, |node| node.kind == Kind::Source);
    }

    /// Tells every node to stop. The first call counts.
    pub(crate) fn cancel(&self) {
        self.cut(None);
    }

    /// The same, unless no task is left.
    pub(super) fn cancel_unless_over(&self) {
        if !self.is_over() {
            self.cancel();
        }
    }

    /// Cancels, perhaps since a drain has passed its deadline.
    pub(super) fn cut(&self, overdue: Option<Overdue>) {
        {
            let mut state = self.state.lock();
            if state.stopping == Some(Stop::Cut) || overdue.is_some() && state.is_done() {
                return;
            }
            state.overdue = overdue;
            state.cancelled = state.failures.is_empty();
            state.stopping = Some(Stop::Cut);
        }
        self.stop_nodes(Stop::Cut, |_| true);
    }

    /// Aborts every task. None is polled again after the poll that it is in.
    pub(crate) fn abort(&self) {
        let watches = {
            let mut state = self.state.lock();
            state.dropped = true;
            std::mem::take(&mut state.watches)
        };
        drop(watches);
        let nodes = self.nodes.lock().clone();
        nodes.iter().for_each(|node| node.abort());
    }

    fn stop_nodes(&self, reason: Stop, which: impl Fn(&Node) -> bool) {
        let nodes = self.nodes.lock().clone();
        nodes.iter().filter(|node| which(node)).for_each(|node| node.stop(reason));
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state.lock().alive == 0
    }

    /// Who waits is given a number, under which it is known until it [leaves](Self::leave).
    pub(crate) fn poll_over(&self, joiner: &mut Option<u64>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.alive == 0 {
            return Poll::Ready(());
        }
        let number = *joiner.get_or_insert(state.next_joiner);
        state.next_joiner = state.next_joiner.max(number + 1);
        let former = match state.joiners.get(&number) {
            Some(same) if same.will_wake(cx.waker()) => None,
            _ => state.joiners.insert(number, cx.waker().clone()),
        };
        drop(state);
        drop(former);
        Poll::Pending
    }

    /// Waits no more.
    pub(crate) fn leave(&self, joiner: Option<u64>) {
        let waker = joiner.and_then(|number| self.state.lock().joiners.remove(&number));
        drop(waker);
    }

    /// The outcome. Meant to be asked once, when no task is alive.
    pub(crate) fn ending(&self) -> Ending {
        let mut state = self.state.lock();
        let (failures, cancelled) = (std::mem::take(&mut state.failures), state.cancelled);
        let overdue = state.overdue.take();
        drop(state);
        Ending { failures, cancelled, overdue, report: self.report() }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.state.lock().stopping == Some(Stop::Cut)
    }

    pub(crate) fn has_failed(&self) -> bool {
        !self.state.lock().failures.is_empty()
    }

    /// How far all items of the run have come. It only rises.
    pub(super) fn moved(&self) -> u64 {
        self.nodes.lock().iter().map(|node| node.counts.moved()).sum()
    }

    /// The ledger as it stands now.
    pub(crate) fn report(&self) -> Report {
        Report::of(self.snapshot())
    }

    /// What goes on now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let nodes = self.nodes.lock();
        let now = self.rt.now();
        // A plan is built from its sinks to its sources; a reader expects the opposite.
        Snapshot::read(now.duration_since(self.began), now, nodes.iter().rev().map(|node| node.as_ref()))
    }
}

impl Waits for Shared {
    fn waits(&self) -> Vec<String> {
        if self.is_over() {
            return Vec::new();
        }
        survey(&self.nodes.lock().clone()).iter().map(ToString::to_string).collect()
    }

    fn report(&self) -> Report {
        Shared::report(self)
    }
}

/// Counts as a task of the run until it is dropped.
#[derive(Debug)]
pub(crate) struct Alive(pub(super) Arc<Shared>);

impl Alive {
    pub(crate) fn new(run: &Arc<Shared>) -> Alive {
        run.state.lock().alive += 1;
        Alive(run.clone())
    }
}

impl Alive {
    /// Whether the run was dropped: nothing may begin any more.
    pub(crate) fn is_dropped(&self) -> bool {
        self.0.state.lock().dropped
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        let (joiners, watchers) = {
            let mut state = self.0.state.lock();
            state.alive -= 1;
            let joiners = if state.alive == 0 { std::mem::take(&mut state.joiners) } else { BTreeMap::new() };
            (joiners, if state.is_done() { std::mem::take(&mut state.watchers) } else { Vec::new() })
        };
        joiners.into_values().chain(watchers).for_each(Waker::wake);
    }
}

/// A task of the run: what ends it other than a return becomes a failure of its node.
struct Supervised {
    job: Option<Job>,
    node: Arc<Node>,
    /// The run, to be lent to the thread for each poll.
    ambient: Option<Arc<Shared>>,
    has_begun: bool,
    /// Last, so that the run is over only when all that the job held has been dropped.
    alive: Alive,
}

impl Supervised {
    /// The job is over, perhaps by a panic, and is dropped; a panic in a destructor is a failure of the node, too.
    fn release(&mut self, panic: Option<Box<dyn Any + Send>>) {
        let job = self.job.take();
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(job)));
        // Only now every fused step has said whether the panic was its own.
        let blamed = panic.is_some().then(blamed).flatten();
        let whose = [blamed.as_deref().unwrap_or(&self.node.name), &self.node.name];
        for (panic, name) in [panic, dropped.err()].into_iter().zip(whose) {
            if let Some(panic) = panic {
                self.alive.0.fail(Failure::panicked(name, Panicked::new(panic)));
            }
        }
        self.node.task_ends();
    }
}

impl Future for Supervised {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if !std::mem::replace(&mut this.has_begun, true) && this.alive.is_dropped() {
            this.release(None);
        }
        let Some(job) = this.job.as_mut() else {
            return Poll::Ready(());
        };
        BLAMED.with(Cell::take);
        let outer = CURRENT.with(|current| current.replace(this.ambient.take()));
        let polled = catch_unwind(AssertUnwindSafe(|| this.node.trace.within(|| job.as_mut().poll(cx))));
        this.ambient = CURRENT.with(|current| current.replace(outer));
        this.alive.0.stirring.ring();
        match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(())) => this.release(None),
            Err(panic) => this.release(Some(panic)),
        }
        Poll::Ready(())
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        if self.job.is_none() {
            return;
        }
        self.release(None);
        let run = &self.alive.0;
        if !run.state.lock().dropped {
            run.fail(Failure::lost(&self.node.name));
        }
    }
}

thread_local! {
    static CURRENT: Cell<Option<Arc<Shared>>> = Cell::default();
    static BLAMED: Cell<Option<String>> = Cell::default();
}

/// The run whose task is polled on this thread, if one is.
pub(crate) fn current_run() -> Option<Arc<Shared>> {
    CURRENT.with(|current| {
        let run = current.take();
        current.set(run.clone());
        run
    })
}

/// The fused step that is to blame for a panic on this thread that was just caught, if one is.
pub(crate) fn blamed() -> Option<String> {
    BLAMED.with(Cell::take)
}

/// Whether a panic on this thread was caught that is a fused step's.
pub(crate) fn is_blamed() -> bool {
    BLAMED.with(|blamed| {
        let name = blamed.take();
        let is_blamed = name.is_some();
        blamed.set(name);
        is_blamed
    })
}

/// Names the fused step that a panic has come from, while it unwinds or once it is caught.
pub(crate) fn blame(step: &str) {
    BLAMED.with(|blamed| blamed.set(Some(step.to_owned())));
}
