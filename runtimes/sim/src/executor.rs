//! The executor: tasks, the schedule and the clock.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use taktline_core::runtime::{Instant, Rt, Runtime, Timer};

use crate::timer::SimTimer;
use crate::trace::{Event, Random, Trace};

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The future that [`Sim::block_on`] runs.
const MAIN: u64 = 0;

/// A simulated runtime that is at hand: to look at it, or to run several futures on it one after the other. For one future,
/// [`run`](crate::run) is shorter.
///
/// ```
/// use std::time::Duration;
///
/// use taktline_sim::Sim;
///
/// let sim = Sim::new(1);
/// let rt = sim.rt();
/// sim.block_on(async move { rt.sleep(Duration::from_secs(5)).await });
/// assert_eq!(sim.now().since_epoch(), Duration::from_secs(5));
/// assert_eq!((sim.task_count(), sim.timer_count()), (0, 0));
/// ```
///
/// A drop of it drops every task that is left.
pub struct Sim {
    core: Arc<Core>,
    rt: Rt,
    seed: u64,
}

pub(crate) struct Core {
    state: Mutex<State>,
    hook: Mutex<Option<Box<dyn FnMut() + Send>>>,
    this: Weak<Core>,
}

pub(crate) struct State {
    pub(crate) now: Instant,
    random: Random,
    trace: Trace,
    tasks: BTreeMap<u64, Task>,
    next_task: u64,
    ready: Vec<Arc<TaskWaker>>,
    pub(crate) timers: BTreeMap<(Instant, u64), Waker>,
    next_timer: u64,
    /// The simulation was dropped: nothing runs any more.
    is_shut_down: bool,
}

/// Its job is absent while it is polled.
struct Task {
    job: Option<Job>,
}

struct TaskWaker {
    id: u64,
    core: Weak<Core>,
    is_queued: AtomicBool,
}

impl State {
    pub(crate) fn new_timer(&mut self) -> u64 {
        self.next_timer += 1;
        self.next_timer
    }

    fn event(&mut self, event: Event, id: u64) {
        let now = self.now.since_epoch();
        self.trace.add(event, id, now);
    }
}

impl Core {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waker(&self, id: u64) -> Arc<TaskWaker> {
        Arc::new(TaskWaker { id, core: self.this.clone(), is_queued: AtomicBool::new(false) })
    }

    fn add(&self, job: Job) {
        let mut state = self.lock();
        if state.is_shut_down {
            drop(state);
            // Its task reports that it is lost.
            return drop(job);
        }
        let id = state.next_task;
        state.next_task += 1;
        let waker = self.waker(id);
        state.tasks.insert(id, Task { job: Some(job) });
        state.event(Event::Spawn, id);
        drop(state);
        waker.wake();
    }

    fn poll_task(&self, waker: &Arc<TaskWaker>) {
        let job = {
            let mut state = self.lock();
            state.event(Event::Poll, waker.id);
            state.tasks.get_mut(&waker.id).and_then(|task| task.job.take())
        };
        let Some(mut job) = job else { return };
        let task_waker = Waker::from(waker.clone());
        let polled = job.as_mut().poll(&mut Context::from_waker(&task_waker));
        let mut state = self.lock();
        if polled.is_ready() {
            state.event(Event::End, waker.id);
            let task = state.tasks.remove(&waker.id);
            drop(state);
            drop((task, job));
        } else if let Some(task) = state.tasks.get_mut(&waker.id) {
            task.job = Some(job);
        }
    }

    /// Jumps to the next timer and fires all of that instant. False if there is none.
    fn advance(&self) -> bool {
        let mut fired = Vec::new();
        {
            let mut state = self.lock();
            let Some((&(next, _), _)) = state.timers.first_key_value() else {
                return false;
            };
            state.now = state.now.max(next);
            while let Some(entry) = state.timers.first_entry() {
                if entry.key().0 > next {
                    break;
                }
                fired.push((entry.key().1, entry.remove()));
            }
            state.random.shuffle(&mut fired);
            for (id, _) in &fired {
                state.event(Event::Timer, *id);
            }
        }
        fired.into_iter().for_each(|(_, waker)| waker.wake());
        true
    }

    fn after_poll(&self) {
        let mut hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hook) = hook.as_mut() {
            hook();
        }
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        if self.is_queued.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(core) = self.core.upgrade() {
            let mut state = core.lock();
            state.event(Event::Wake, self.id);
            state.ready.push(self.clone());
        }
    }
}

impl Sim {
    /// A runtime whose schedule comes from `seed`, any number. Its clock starts at zero.
    pub fn new(seed: u64) -> Sim {
        let core = Arc::new_cyclic(|this| Core {
            state: Mutex::new(State {
                now: Instant::default(),
                random: Random::new(seed),
                trace: Trace::new(),
                tasks: BTreeMap::new(),
                next_task: MAIN + 1,
                ready: Vec::new(),
                timers: BTreeMap::new(),
                next_timer: 0,
                is_shut_down: false,
            }),
            hook: Mutex::new(None),
            this: this.clone(),
        });
        let rt = Rt::new(SimRuntime(core.clone()));
        Sim { core, rt, seed }
    }

    /// The runtime as a value. Once the simulation is dropped, what is spawned on it is lost.
    pub fn rt(&self) -> Rt {
        self.rt.clone()
    }

    /// The virtual time: exact, and standing still while anything is ready.
    pub fn now(&self) -> Instant {
        self.core.lock().now
    }

    /// Tasks that have not ended, without the future of [`block_on`](Self::block_on).
    pub fn task_count(&self) -> usize {
        self.core.lock().tasks.len()
    }

    /// Timers that are waited for.
    pub fn timer_count(&self) -> usize {
        self.core.lock().timers.len()
    }

    /// A number over every poll, wake and timer so far, with task and time. The same seed and program give the same number,
    /// on every machine.
    ///
    /// ```
    /// use taktline::prelude::*;
    /// use taktline::sim::Sim;
    ///
    /// fn hash(seed: u64) -> u64 {
    ///     let sim = Sim::new(seed);
    ///     let flow = merge([iter(0..9u64), iter(0..9u64)]).then(|x| async move { x });
    ///     sim.block_on(flow.count().run_on(&sim.rt())).expect("nothing fails");
    ///     sim.trace_hash()
    /// }
    ///
    /// assert_eq!(hash(1), hash(1));
    /// assert_ne!(hash(1), hash(2));
    /// ```
    pub fn trace_hash(&self) -> u64 {
        self.core.lock().trace.hash()
    }

    /// Records a line for each event from now on, for [`trace`](Self::trace). Off by default.
    pub fn record_trace(&self) {
        self.core.lock().trace.record();
    }

    /// The recorded events, a line each: time, what happened, and the number of the task or timer. Empty unless
    /// [`record_trace`](Self::record_trace) was called before.
    ///
    /// ```
    /// use taktline::sim::Sim;
    ///
    /// let sim = Sim::new(1);
    /// sim.record_trace();
    /// sim.block_on(async {});
    /// assert_eq!(sim.trace(), ["0ns Wake 0", "0ns Poll 0"]);
    /// ```
    pub fn trace(&self) -> Vec<String> {
        self.core.lock().trace.lines()
    }

    /// Calls `f` after each poll of any task, to look at what must always hold. It replaces the one before.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    /// use taktline::prelude::*;
    /// use taktline::sim::Sim;
    ///
    /// let sim = Sim::new(1);
    /// let (made, seen) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    /// let (made_by, seen_by) = (made.clone(), seen.clone());
    /// let source = iter(0..99u64).inspect(move |_| drop(made_by.fetch_add(1, Relaxed)));
    /// let plan = source.buffer(2).sink(move |_| {
    ///     seen_by.fetch_add(1, Relaxed);
    ///     sleep(std::time::Duration::from_secs(1))
    /// });
    /// // Two wait, whatever happens.
    /// sim.after_each_poll(move || assert!(made.load(Relaxed) - seen.load(Relaxed) <= 2));
    /// sim.block_on(plan.run_on(&sim.rt()))?;
    /// # Ok::<(), taktline::Error>(())
    /// ```
    pub fn after_each_poll(&self, f: impl FnMut() + Send + 'static) {
        *self.core.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(f));
    }

    /// Polls every task that is ready, and what that makes ready, without moving the clock. Never ends if some task is always
    /// ready.
    ///
    /// ```
    /// use taktline::sim::Sim;
    ///
    /// let sim = Sim::new(1);
    /// let task = sim.rt().spawn(async {});
    /// assert!(!task.is_finished());
    /// sim.settle();
    /// assert!(task.is_finished());
    /// ```
    pub fn settle(&self) {
        let waker = self.core.waker(MAIN);
        while !self.core.lock().ready.is_empty() {
            self.round(&waker, &mut || {});
        }
    }

    /// Runs `future` to its end, with this as the current runtime. Other tasks run as long as it does; what is left of them
    /// stays.
    ///
    /// # Panics
    /// If nothing is ready and no timer is left: a deadlock. The message says who waits for whom.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(self.rt.enter(future));
        let waker = self.core.waker(MAIN);
        let task_waker = Waker::from(waker.clone());
        let mut output = None;
        waker.clone().wake();
        loop {
            self.round(&waker, &mut || {
                let mut cx = Context::from_waker(&task_waker);
                if output.is_none() {
                    if let Poll::Ready(ready) = future.as_mut().poll(&mut cx) {
                        output = Some(ready);
                    }
                }
            });
            if let Some(output) = output.take() {
                return output;
            }
            if self.core.lock().ready.is_empty() && !self.core.advance() {
                self.report_deadlock();
            }
        }
    }

    /// Runs what is ready now, in a random order. `main` is called where its turn is.
    fn round(&self, main: &Arc<TaskWaker>, poll_main: &mut dyn FnMut()) {
        let mut batch = {
            let mut state = self.core.lock();
            let mut batch = std::mem::take(&mut state.ready);
            state.random.shuffle(&mut batch);
            batch
        };
        for waker in batch.drain(..) {
            waker.is_queued.store(false, Ordering::Release);
            if waker.id == MAIN {
                if Arc::ptr_eq(&waker, main) {
                    self.core.lock().event(Event::Poll, MAIN);
                    poll_main();
                }
            } else {
                self.core.poll_task(&waker);
            }
            self.core.after_poll();
        }
    }

    fn report_deadlock(&self) -> ! {
        let waits = self.rt.waits();
        let (now, tasks) = (self.now().since_epoch(), self.task_count());
        let waits = if waits.is_empty() { "no pipeline is running".to_owned() } else { waits.join("\n  ") };
        panic!(
            "deadlock at {now:?}, seed {}: nothing is ready, no timer is left, {tasks} tasks wait\n  {waits}",
            self.seed
        );
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        // A destructor may spawn or wake: look again until nothing is left.
        loop {
            let tasks = std::mem::take(&mut self.core.lock().tasks);
            if tasks.is_empty() {
                self.core.lock().is_shut_down = true;
                break;
            }
            self.rt.scope(|| drop(tasks));
        }
        let (timers, ready) = {
            let mut state = self.core.lock();
            (std::mem::take(&mut state.timers), std::mem::take(&mut state.ready))
        };
        drop((timers, ready));
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("seed", &self.seed).field("now", &self.now()).finish_non_exhaustive()
    }
}

struct SimRuntime(Arc<Core>);

impl fmt::Debug for SimRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sim")
    }
}

impl Runtime for SimRuntime {
    fn name(&self) -> &'static str {
        "sim"
    }

    fn spawn(&self, job: Job) {
        self.0.add(job);
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        self.0.add(Box::pin(async move { job() }));
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(SimTimer::new(self.0.clone(), deadline))
    }

    fn now(&self) -> Instant {
        self.0.lock().now
    }

    fn random(&self) -> u64 {
        self.0.lock().random.next()
    }
}
