//! One row of a running plan: a name, its counters, its tasks and whether it was told to stop.

use std::sync::{Arc, OnceLock};
use std::task::Waker;

use super::trace::Trace;
use crate::ledger::{Counts, Kind};
use crate::runtime::{Instant, Rt, Task};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

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

/// What a node was doing when it was last polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Work = 0,
    WaitForInput = 1,
    WaitForRoom = 2,
    /// It has not begun, or has ended.
    Nothing = 3,
}

/// Public only because hidden methods of public traits name it.
#[doc(hidden)]
#[derive(Debug)]
pub struct Node {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) counts: Counts,
    pub(crate) trace: Trace,
    /// The clock of its run. One that only stands for another has none.
    rt: Option<Rt>,
    /// The node that reads what this one makes.
    pub(crate) reader: OnceLock<String>,
    /// The nodes that write into this one's edges.
    pub(crate) writers: Mutex<Vec<String>>,
    stop: AtomicU8,
    /// Set in one of the several outlets of a split, which stands for the split's node.
    split: Option<Arc<Outlets>>,
    /// The run drains: a source ends at its next await.
    drains: AtomicBool,
    doing: AtomicU8,
    /// Tasks that have not ended.
    alive: AtomicUsize,
    tasks: Mutex<Tasks>,
}

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
    aborted: bool,
}

impl Node {
    pub(crate) fn new(name: String, kind: Kind) -> Node {
        Node {
            name,
            kind,
            counts: Counts::default(),
            trace: Trace::none(),
            rt: None,
            reader: OnceLock::new(),
            writers: Mutex::new(Vec::new()),
            stop: AtomicU8::new(Stop::No as u8),
            split: None,
            drains: AtomicBool::new(false),
            doing: AtomicU8::new(Doing::Nothing as u8),
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
        self.drains.load(Ordering::Acquire)
    }

    /// Tells the node that its run drains, and asks for a poll of each of its tasks.
    pub(crate) fn drain(&self) {
        if !self.drains.swap(true, Ordering::AcqRel) {
            self.nudge();
        }
    }

    /// Whether a task of the node works on something, and does not wait for another node.
    pub(crate) fn is_working(&self) -> bool {
        self.doing.load(Ordering::Relaxed) == Doing::Work as u8
    }

    /// Asks for a poll of each task of the node.
    pub(crate) fn nudge(&self) {
        let wakers: Vec<_> = {
            let mut tasks = self.tasks.lock();
            tasks.nudges += 1;
            tasks.list.iter().filter_map(Task::job_waker).collect()
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
            if let Some(now) = self.now() {
                self.counts.is_over(now);
            }
        }
    }

    pub(crate) fn set_doing(&self, doing: Doing) {
        self.doing.store(doing as u8, Ordering::Relaxed);
    }

    /// One line for a deadlock report, or nothing if the node has ended.
    pub(crate) fn waits(&self) -> Option<String> {
        let Node { name, .. } = self;
        let line = match self.doing.load(Ordering::Relaxed) {
            0 => format!("`{name}` is in work and waits for something outside of the pipeline"),
            1 => match self.writers.lock().as_slice() {
                [] => format!("`{name}` waits for input"),
                writers => format!("`{name}` waits for input from `{}`", writers.join("`, `")),
            },
            2 => match self.reader.get() {
                None => format!("`{name}` waits for room"),
                Some(reader) => format!("`{name}` waits for room before `{reader}`"),
            },
            _ => return None,
        };
        Some(line)
    }
}
