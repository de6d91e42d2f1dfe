//! The executor: tasks, the schedule and the clock.
//!
//! A *step* is one poll. A *round* polls what was ready at its start, in a random order. Faults happen between two steps.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Wake, Waker};

use taktline_core::runtime::{Instant, task_name};

use crate::case::Case;
use crate::fault::Fault;
use crate::inject::Injector;
use crate::spin::{Look, Spin};
use crate::tape::StreamId;
use crate::trace::{Event, MAIN, Note, Trace};

pub(crate) type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) struct Core {
    state: Mutex<State>,
    pub(crate) case: Case,
    /// The stream of the schedule, and of what programs ask the runtime for.
    schedule: StreamId,
    numbers: StreamId,
    wakers: Arc<AtomicUsize>,
    this: Weak<Core>,
}

pub(crate) struct State {
    pub(crate) now: Instant,
    pub(crate) trace: Trace,
    pub(crate) injector: Injector,
    pub(crate) tasks: BTreeMap<u64, Task>,
    pub(crate) timers: BTreeMap<(Instant, u64), Waker>,
    pub(crate) steps: u64,
    pub(crate) spin: Spin,
    /// Nothing runs any more.
    pub(crate) is_shut_down: bool,
    ready: Vec<Arc<TaskWaker>>,
    /// Woken, and not to be polled before some round.
    delayed: BTreeMap<(u64, u64), Arc<TaskWaker>>,
    /// Wait until nothing else is ready.
    settled: Vec<Waker>,
    main: Weak<TaskWaker>,
    /// How often the program itself was polled in this window.
    main_polls: u64,
    running: Option<u64>,
    /// No wake is delayed now.
    is_urgent: bool,
    rounds: u64,
    next_task: u64,
    next_timer: u64,
    next_delayed: u64,
}

pub(crate) struct Task {
    /// Absent while it is polled.
    job: Option<Job>,
    waker: Weak<TaskWaker>,
    pub(crate) name: Option<String>,
    /// How often it was polled in this window.
    polls: u64,
}

pub(crate) struct TaskWaker {
    id: u64,
    core: Weak<Core>,
    is_queued: AtomicBool,
    wakers: Arc<AtomicUsize>,
}

/// The future that a simulation was given.
pub(crate) trait Root {
    fn poll(&mut self, cx: &mut Context<'_>);
    /// Drops it: it has no output.
    fn drop_it(&mut self);
    fn is_over(&self) -> bool;
}

thread_local! {
    /// The simulation that polls on this thread.
    static CURRENT: RefCell<Option<Weak<Core>>> = const { RefCell::new(None) };
}

/// The simulation that polls the caller.
pub(crate) fn current() -> Option<Arc<Core>> {
    CURRENT.with_borrow(|core| core.as_ref().and_then(Weak::upgrade))
}

/// Makes a simulation the current one of this thread until it is dropped.
pub(crate) struct Current(Option<Weak<Core>>);

impl Current {
    pub(crate) fn new(core: &Arc<Core>) -> Current {
        Current(CURRENT.replace(Some(Arc::downgrade(core))))
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

impl Task {
    fn told(&self, id: u64) -> String {
        self.name.as_ref().map_or_else(|| format!("task {id}"), |name| format!("`{name}`"))
    }
}

impl State {
    pub(crate) fn new_timer(&mut self) -> u64 {
        self.next_timer += 1;
        self.next_timer
    }

    fn event(&mut self, event: Event, id: u64) {
        match event {
            Event::Spawn | Event::End => self.spin.task_changes(),
            Event::Timer => self.spin.timer_fires(),
            Event::Poll | Event::Wake => {}
        }
        self.trace.add(event, id, self.running, self.now.since_epoch());
    }

    pub(crate) fn note(&mut self, note: impl FnOnce() -> Note) {
        if self.trace.is_recorded() {
            self.trace.note(note(), self.running, self.now.since_epoch());
        }
    }

    /// A window of polls has ended. If nothing came of it, gives who was polled, most often first.
    pub(crate) fn look_for_spin(&mut self, moved: u64, is_waited: bool) -> Option<Vec<(u64, String)>> {
        let oldest_timer = self.timers.keys().map(|(_, id)| *id).min();
        let look = Look { step: self.steps, moved, is_waited, oldest_timer, last_timer: self.next_timer };
        let main = (std::mem::take(&mut self.main_polls), "the program".to_owned());
        let named = |(id, task): (&u64, &mut Task)| (std::mem::take(&mut task.polls), task.told(*id));
        let mut polled: Vec<_> = self.tasks.iter_mut().map(named).chain([main]).collect();
        polled.retain(|(polls, _)| *polls > 0);
        polled.sort_by(|a, b| b.cmp(a));
        self.spin.next(&look).then_some(polled)
    }

    fn jump(&mut self) {
        if let Some(jump) = self.injector.jump() {
            self.now += jump;
            self.note(|| Note::Fault { task: None, what: format!("the clock jumps by {jump:?}") });
        }
    }

    /// What would keep a waker, to be dropped outside of the lock.
    pub(crate) fn clear(&mut self) -> impl Sized + use<> {
        let queued = (std::mem::take(&mut self.ready), std::mem::take(&mut self.delayed));
        (std::mem::take(&mut self.timers), std::mem::take(&mut self.settled), queued)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.ready.is_empty() && self.delayed.is_empty()
    }

    /// The wakes whose delay is over; all of them if nothing else is ready.
    fn release_delayed(&mut self) {
        while let Some(entry) = self.delayed.first_entry() {
            if entry.key().0 > self.rounds && !self.ready.is_empty() {
                break;
            }
            let waker = entry.remove();
            self.ready.push(waker);
        }
    }

    /// A task to be polled without a reason, if the seed asks for one.
    fn spurious(&mut self) -> Option<Arc<TaskWaker>> {
        let at = self.injector.spurious(self.tasks.len() + 1)?;
        let waker = match at.checked_sub(1) {
            None => self.main.upgrade(),
            Some(at) => self.tasks.values().nth(at).and_then(|task| task.waker.upgrade()),
        };
        waker.filter(|waker| !waker.is_queued.swap(true, Ordering::AcqRel))
    }
}

impl Core {
    pub(crate) fn new(case: Case) -> Arc<Core> {
        let (schedule, numbers) = {
            let mut tape = case.tape();
            (tape.stream("schedule"), tape.stream("numbers"))
        };
        Arc::new_cyclic(|this| Core {
            state: Mutex::new(State {
                now: Instant::default(),
                trace: Trace::new(),
                injector: Injector::new(case.clone()),
                tasks: BTreeMap::new(),
                timers: BTreeMap::new(),
                steps: 0,
                spin: Spin::new(case.polls_max()),
                main_polls: 0,
                is_shut_down: false,
                ready: Vec::new(),
                delayed: BTreeMap::new(),
                settled: Vec::new(),
                main: Weak::new(),
                running: None,
                is_urgent: false,
                rounds: 0,
                next_task: MAIN + 1,
                next_timer: 0,
                next_delayed: 0,
            }),
            case,
            schedule,
            numbers,
            wakers: Arc::default(),
            this: this.clone(),
        })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells something in the story, from wherever: nothing if the state is in use.
    pub(crate) fn try_note(&self, note: Note) {
        if let Ok(mut state) = self.state.try_lock() {
            state.note(|| note);
        }
    }

    /// Wakers that are held somewhere.
    pub(crate) fn waker_count(&self) -> usize {
        self.wakers.load(Ordering::SeqCst)
    }

    pub(crate) fn number(&self) -> u64 {
        self.case.tape().below(self.numbers, u64::MAX)
    }

    pub(crate) fn main_waker(&self) -> Arc<TaskWaker> {
        let waker = self.waker(MAIN);
        self.lock().main = Arc::downgrade(&waker);
        waker
    }

    fn waker(&self, id: u64) -> Arc<TaskWaker> {
        self.wakers.fetch_add(1, Ordering::SeqCst);
        let (core, wakers) = (self.this.clone(), self.wakers.clone());
        Arc::new(TaskWaker { id, core, is_queued: AtomicBool::new(false), wakers })
    }

    pub(crate) fn add(&self, job: Job, name: Option<String>) {
        let mut state = self.lock();
        if state.is_shut_down {
            drop(state);
            // Its task reports that it is lost.
            return drop(job);
        }
        let id = state.next_task;
        state.next_task += 1;
        let waker = self.waker(id);
        let name = name.or_else(task_name);
        state.event(Event::Spawn, id);
        state.note(|| Note::Named(name.clone().unwrap_or_default()));
        state.tasks.insert(id, Task { job: Some(job), waker: Arc::downgrade(&waker), name, polls: 0 });
        drop(state);
        waker.wake();
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.lock().is_idle()
    }

    /// Wakes `waker` when nothing is ready, before the clock goes on.
    pub(crate) fn when_settled(&self, waker: Waker) {
        self.lock().settled.push(waker);
    }

    /// Runs what is ready now, in a random order.
    pub(crate) fn round(&self, root: &mut dyn Root) {
        let mut batch = {
            let mut state = self.lock();
            state.rounds += 1;
            state.release_delayed();
            let mut batch = std::mem::take(&mut state.ready);
            self.shuffle(&mut batch);
            if let Some(waker) = state.spurious() {
                let id = waker.id;
                state.note(|| Note::Fault { task: Some(id), what: "is woken by nobody".to_owned() });
                batch.push(waker);
            }
            batch
        };
        for waker in batch.drain(..) {
            self.step(waker, root);
            while let Some(fault) = self.moment() {
                self.strike(fault, root);
            }
        }
    }

    fn moment(&self) -> Option<Fault> {
        let mut state = self.lock();
        let steps = state.steps;
        state.injector.moment(steps)
    }

    /// One poll, and what is looked at after each.
    fn step(&self, waker: Arc<TaskWaker>, root: &mut dyn Root) {
        {
            let mut state = self.lock();
            waker.is_queued.store(false, Ordering::Release);
            state.steps += 1;
            state.running = Some(waker.id);
        }
        if waker.id == MAIN {
            self.poll_root(&waker, root);
        } else {
            self.poll_task(&waker);
        }
        let is_duplicate = {
            let mut state = self.lock();
            state.running = None;
            state.injector.is_duplicate()
        };
        if is_duplicate && !waker.is_queued.swap(true, Ordering::AcqRel) {
            let mut state = self.lock();
            state.note(|| Note::Fault { task: Some(waker.id), what: "is woken once more".to_owned() });
            state.ready.push(waker);
        }
        self.case.after_step();
    }

    fn poll_root(&self, waker: &Arc<TaskWaker>, root: &mut dyn Root) {
        let is_current = std::ptr::eq(self.lock().main.as_ptr(), Arc::as_ptr(waker));
        if is_current && !root.is_over() {
            let mut state = self.lock();
            state.main_polls += 1;
            state.event(Event::Poll, MAIN);
            drop(state);
            root.poll(&mut Context::from_waker(&Waker::from(waker.clone())));
        }
    }

    fn poll_task(&self, waker: &Arc<TaskWaker>) {
        let job = {
            let mut state = self.lock();
            let job = state.tasks.get_mut(&waker.id).and_then(|task| {
                task.polls += 1;
                task.job.take()
            });
            state.event(Event::Poll, waker.id);
            job
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

    /// What happens once happens now, between two polls.
    fn strike(&self, fault: Fault, root: &mut dyn Root) {
        if root.is_over() {
            return;
        }
        self.lock().note(|| Note::Fault { task: None, what: fault.name().to_owned() });
        match fault {
            Fault::Shutdown => self.shut_down(),
            Fault::DropRoot => root.drop_it(),
            _ => {
                for waker in self.case.reach(fault) {
                    if let Some(woken) = self.wake_now(waker) {
                        self.step(woken, root);
                    }
                }
            }
        }
    }

    /// Wakes a task that is then polled out of turn. None if it had been woken already.
    fn wake_now(&self, waker: Waker) -> Option<Arc<TaskWaker>> {
        let before = {
            let mut state = self.lock();
            state.is_urgent = true;
            state.ready.len()
        };
        waker.wake();
        let mut state = self.lock();
        state.is_urgent = false;
        if state.ready.len() > before { state.ready.pop() } else { None }
    }

    /// Drops every task. None runs any more, and none that is spawned later.
    pub(crate) fn shut_down(&self) {
        // A destructor may spawn: look again until nothing is left.
        loop {
            let tasks = {
                let mut state = self.lock();
                state.is_shut_down = state.tasks.is_empty();
                std::mem::take(&mut state.tasks)
            };
            if tasks.is_empty() {
                return;
            }
            drop(tasks);
        }
    }

    /// Wakes who waits for nothing to be ready, or else jumps to the next timer and fires all that are due then. False if
    /// there is neither.
    pub(crate) fn advance(&self, until: Option<Instant>) -> bool {
        let settled = std::mem::take(&mut self.lock().settled);
        if !settled.is_empty() {
            settled.into_iter().for_each(Waker::wake);
            return true;
        }
        self.case.before_clock();
        let mut fired = Vec::new();
        {
            let mut state = self.lock();
            let Some((&(next, _), _)) = state.timers.first_key_value() else {
                return false;
            };
            if until.is_some_and(|until| next > until) {
                return false;
            }
            state.now = state.now.max(next);
            state.jump();
            let now = state.now;
            while let Some(entry) = state.timers.first_entry() {
                if entry.key().0 > now {
                    break;
                }
                fired.push((entry.key().1, entry.remove()));
            }
            self.shuffle(&mut fired);
            for (id, _) in &fired {
                state.event(Event::Timer, *id);
            }
        }
        fired.into_iter().for_each(|(_, waker)| waker.wake());
        true
    }

    /// Fisher and Yates. The simplest choices change nothing.
    fn shuffle<T>(&self, items: &mut [T]) {
        let mut tape = self.case.tape();
        for at in (1..items.len()).rev() {
            let back = tape.below(self.schedule, at as u64 + 1);
            items.swap(at, at - usize::try_from(back).expect("an index fits into usize"));
        }
    }

    /// The tasks that have not ended, by their names.
    pub(crate) fn task_names(&self) -> Vec<String> {
        let state = self.lock();
        state.tasks.iter().map(|(id, task)| task.name.clone().unwrap_or_else(|| format!("task {id}"))).collect()
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        if self.is_queued.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(core) = self.core.upgrade() {
            let mut state = core.lock();
            let id = self.id;
            state.event(Event::Wake, id);
            let delay = if state.is_urgent { None } else { state.injector.delay() };
            match delay {
                None => state.ready.push(self.clone()),
                Some(rounds) => {
                    state.note(|| Note::Fault { task: Some(id), what: format!("waits for {rounds} rounds more") });
                    state.next_delayed += 1;
                    let key = (state.rounds + rounds, state.next_delayed);
                    state.delayed.insert(key, self.clone());
                }
            }
        }
    }
}

impl Drop for TaskWaker {
    fn drop(&mut self) {
        self.wakers.fetch_sub(1, Ordering::SeqCst);
    }
}
