//! One row of a running plan: a name, its counters, its tasks and whether it was told to stop.

use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::trace::Trace;
use crate::edge::Filled;
use crate::ledger::{Counts, Kind};
use crate::runtime::{Instant, Rt, Task};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// Why a node has to end before its input does.
///
/// Ordered: a later reason overrules an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// Nobody asked it to.
    No = 0,
    /// Nobody reads on. What is in work is cut at once.
    Over = 1,
    /// A failure or a cancel. What is in work is polled once more before it is cut.
    Cut = 2,
}

/// What a stage was doing when it was last polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doing {
    /// It works, or its body waits for something outside of the pipeline.
    Work = 0,
    /// It waits for input.
    WaitForInput = 1,
    /// It waits for room in what reads its outputs.
    WaitForRoom = 2,
    /// It has not begun, or has ended.
    Nothing = 3,
    /// It is a source, and the run is paused.
    Paused = 4,
}

/// The run drains: a source ends at its next await.
const DRAINS: u8 = 1;
/// The run is paused: a source makes no item. A drain overrules it.
const PAUSED: u8 = 2;

/// Public only because hidden methods of public traits name it.
#[doc(hidden)]
#[derive(Debug)]
pub struct Node {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) counts: Counts,
    /// The edges before it, in the order in which they were made.
    inputs: Mutex<Vec<Input>>,
    pub(crate) trace: Trace,
    /// The clock of its run. One that only stands for another has none.
    rt: Option<Rt>,
    stop: AtomicU8,
    /// Set in one of the several outlets of a split, which stands for the split's node.
    split: Option<Arc<Outlets>>,
    /// What the sources of the run were told: [`DRAINS`], [`PAUSED`].
    told: AtomicU8,
    doing: AtomicU8,
    /// How long a worker may take to close, if that was set.
    close_limit: OnceLock<Duration>,
    /// Tasks that have not ended.
    alive: AtomicUsize,
    tasks: Mutex<Tasks>,
}

/// An edge before a node.
#[derive(Debug)]
struct Input {
    edge: Weak<dyn Filled>,
    /// Who writes into it, once that is known. Alive for as long as the run has books.
    writer: Weak<Node>,
}

/// An edge that is looked at from outside, and who writes into it.
pub(crate) type EdgeAndWriter = (Arc<dyn Filled>, Option<Arc<Node>>);

/// The outlets of a split: its node is told to stop when nobody reads on behind any of them.
#[derive(Debug)]
struct Outlets {
    node: Arc<Node>,
    /// How many are read, and the strongest reason for which one is not.
    read: Mutex<(usize, Stop)>,
}

impl Outlets {
    fn leave(&self, is_first_reason: bool, reason: Stop) {
        let all = {
            let mut read = self.read.lock();
            read.0 -= usize::from(is_first_reason);
            read.1 = read.1.max(reason);
            (read.0 == 0).then_some(read.1)
        };
        if let Some(reason) = all {
            self.node.stop(reason);
        }
    }
}

#[derive(Debug, Default)]
struct Tasks {
    list: Vec<Task<()>>,
    /// How often all of them were nudged.
    nudges: u64,
    /// What waits for the end of a pause.
    paused: Vec<Waker>,
    aborted: bool,
}

impl Node {
    pub(crate) fn new(name: String, kind: Kind) -> Node {
        Node {
            name,
            kind,
            counts: Counts::default(),
            inputs: Mutex::new(Vec::new()),
            trace: Trace::none(),
            rt: None,
            stop: AtomicU8::new(Stop::No as u8),
            split: None,
            told: AtomicU8::new(0),
            doing: AtomicU8::new(Doing::Nothing as u8),
            close_limit: OnceLock::new(),
            alive: AtomicUsize::new(0),
            tasks: Mutex::new(Tasks::default()),
        }
    }

    /// A node of a run.
    pub(crate) fn of_run(name: String, kind: Kind, rt: &Rt) -> Node {
        Node { trace: Trace::of(&name, kind), rt: Some(rt.clone()), ..Node::new(name, kind) }
    }

    /// The time now, if it is of a run.
    pub(crate) fn now(&self) -> Option<Instant> {
        self.rt.as_ref().map(Rt::now)
    }

    /// `outlets` nodes that stand for `split`, each as the writer of one edge.
    pub(crate) fn outlets(split: &Arc<Node>, outlets: usize) -> Vec<Arc<Node>> {
        let all = Arc::new(Outlets { node: split.clone(), read: Mutex::new((outlets, Stop::No)) });
        let outlet = || Node { split: Some(all.clone()), ..Node::new(split.name.clone(), split.kind) };
        (0..outlets).map(|_| Arc::new(outlet())).collect()
    }

    /// Meant to be called once, before anything runs.
    pub(crate) fn set_close_limit(&self, limit: Duration) {
        let _ = self.close_limit.set(limit);
    }

    pub(crate) fn close_limit(&self) -> Option<Duration> {
        self.close_limit.get().copied()
    }

    #[inline]
    pub(crate) fn stop_reason(&self) -> Stop {
        match self.stop.load(Ordering::Acquire) {
            0 => Stop::No,
            1 => Stop::Over,
            _ => Stop::Cut,
        }
    }

    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop_reason() != Stop::No
    }

    /// Tells the node to stop, and asks for a poll of each of its tasks.
    pub(crate) fn stop(&self, reason: Stop) {
        let before = self.stop.fetch_max(reason as u8, Ordering::AcqRel);
        if before < reason as u8 {
            self.nudge();
            if let Some(split) = &self.split {
                split.leave(before == Stop::No as u8, reason);
            }
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.told.load(Ordering::Acquire) & DRAINS != 0
    }

    /// Tells the node that its run drains, and asks for a poll of each of its tasks.
    pub(crate) fn drain(&self) {
        if self.told.fetch_or(DRAINS, Ordering::AcqRel) & DRAINS == 0 {
            self.nudge();
        }
    }

    /// Whether it was told something that a source has to heed.
    #[inline]
    pub(crate) fn is_told(&self) -> bool {
        self.told.load(Ordering::Acquire) != 0
    }

    fn is_paused(&self) -> bool {
        self.told.load(Ordering::Acquire) == PAUSED
    }

    /// Ready if the source may make an item.
    pub(crate) fn poll_resumed(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_paused() {
            return Poll::Ready(());
        }
        let mut tasks = self.tasks.lock();
        if !tasks.paused.iter().any(|waker| waker.will_wake(cx.waker())) {
            tasks.paused.push(cx.waker().clone());
        }
        drop(tasks);
        // It may have been resumed before there was somebody to wake.
        if self.is_paused() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Tells a source to make no item, or to go on. Who waits for that is to be woken, outside of the caller's locks.
    #[must_use = "what was paused waits for it"]
    pub(crate) fn set_paused(&self, is_paused: bool) -> Vec<Waker> {
        if self.kind != Kind::Source {
            return Vec::new();
        }
        if is_paused {
            self.told.fetch_or(PAUSED, Ordering::AcqRel);
            return Vec::new();
        }
        self.told.fetch_and(!PAUSED, Ordering::AcqRel);
        std::mem::take(&mut self.tasks.lock().paused)
    }

    /// Whether a task of the node works on something, and does not wait for another node.
    pub(crate) fn is_working(&self) -> bool {
        self.doing() == Doing::Work
    }

    /// Asks for a poll of each task of the node.
    pub(crate) fn nudge(&self) {
        let wakers: Vec<_> = {
            let mut tasks = self.tasks.lock();
            tasks.nudges += 1;
            let paused = std::mem::take(&mut tasks.paused);
            tasks.list.iter().filter_map(Task::job_waker).chain(paused).collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Makes a task of the node. What was missed between its start and its place in the list is made up for: a nudge, or an
    /// abort.
    pub(crate) fn own(&self, spawn: impl FnOnce() -> Task<()>) {
        let before = self.tasks.lock().nudges;
        let task = spawn();
        let mut tasks = self.tasks.lock();
        if tasks.aborted {
            drop(tasks);
            drop(task);
            return;
        }
        let missed = if tasks.nudges == before { None } else { task.job_waker() };
        // Most have one, and a plan may have many of them: no places to spare.
        if tasks.list.is_empty() {
            tasks.list.reserve_exact(1);
        }
        tasks.list.push(task);
        drop(tasks);
        if let Some(waker) = missed {
            waker.wake();
        }
    }

    pub(crate) fn abort(&self) {
        let list = {
            let mut tasks = self.tasks.lock();
            tasks.aborted = true;
            std::mem::take(&mut tasks.list)
        };
        drop(list);
    }

    pub(crate) fn task_begins(&self) {
        if self.alive.fetch_add(1, Ordering::AcqRel) == 0 {
            self.counts.goes_on();
        }
        self.set_doing(Doing::Work);
    }

    pub(crate) fn task_ends(&self) {
        if self.alive.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.set_doing(Doing::Nothing);
            let paused = std::mem::take(&mut self.tasks.lock().paused);
            drop(paused);
            if let Some(now) = self.now() {
                self.counts.is_over(now);
            }
        }
    }

    pub(crate) fn set_doing(&self, doing: Doing) {
        self.doing.store(doing as u8, Ordering::Relaxed);
    }

    pub(crate) fn doing(&self) -> Doing {
        match self.doing.load(Ordering::Relaxed) {
            0..=2 if self.is_paused() => Doing::Paused,
            0 => Doing::Work,
            1 => Doing::WaitForInput,
            2 => Doing::WaitForRoom,
            _ => Doing::Nothing,
        }
    }

    /// An edge was made before it.
    pub(crate) fn reads(&self, edge: Weak<dyn Filled>) {
        let mut inputs = self.inputs.lock();
        if inputs.is_empty() {
            // Most have one, and a plan may have many of them: no places to spare.
            inputs.reserve_exact(1);
        } else {
            // A merge that grows has new ones for as long as it runs.
            inputs.retain(|input| input.edge.strong_count() > 0);
        }
        inputs.push(Input { edge, writer: Weak::new() });
    }

    /// Says who writes into one of the edges before it.
    pub(crate) fn set_writer(&self, edge: *const (), writer: &Arc<Node>) {
        let writer = writer.split.as_ref().map_or(writer, |split| &split.node);
        let mut inputs = self.inputs.lock();
        if let Some(input) = inputs.iter_mut().find(|input| input.edge.as_ptr().cast() == edge) {
            input.writer = Arc::downgrade(writer);
        }
    }

    /// The names of those that write into its edges, or have.
    pub(crate) fn writers(&self) -> Vec<String> {
        let inputs = self.inputs.lock();
        inputs.iter().filter_map(|input| input.writer.upgrade()).map(|writer| writer.name.clone()).collect()
    }

    /// The edges before it that somebody may still write into, and who does, if that is a node of the run.
    pub(crate) fn inputs(&self) -> Vec<EdgeAndWriter> {
        let inputs = self.inputs.lock();
        inputs.iter().filter_map(|input| Some((input.edge.upgrade()?, input.writer.upgrade()))).collect()
    }
}
