//! One seed of an exploration, as the program sees it.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::executor::current;
use crate::fault::{Fault, Faults};
use crate::tape::{DRAWS, Tape};
use crate::trace::Note;
use crate::{FailPoint, Sim};

/// One seed of an [exploration](crate::explore): where the program takes its sizes, capacities and shapes from, and asks for
/// faults. A handle that can be cloned.
///
/// Everything that is drawn comes from the seed, and is made smaller when the seed fails: a draw towards the start of its
/// range, a choice towards the first. So put what is simplest first.
#[derive(Clone)]
pub struct Case(Arc<Inner>);

struct Inner {
    seed: u64,
    faults: Faults,
    polls_max: u64,
    tape: Mutex<Tape>,
    moments: Mutex<Moments>,
    checks: Mutex<Checks>,
}

#[derive(Default)]
struct Moments {
    reached: BTreeSet<Fault>,
    waiting: Vec<Waiting>,
    next_id: u64,
}

struct Waiting {
    id: u64,
    fault: Fault,
    waker: Waker,
}

type Check = Box<dyn FnMut() + Send>;
type AtEnd = Box<dyn FnOnce(&Sim) + Send>;

#[derive(Default)]
struct Checks {
    always: Vec<Check>,
    idle: Vec<Check>,
    finally: Vec<AtEnd>,
}

impl Case {
    /// A case without faults. Its draws are those of the seed, on whatever runtime they are used.
    pub fn new(seed: u64) -> Case {
        Case::with_faults(seed, Faults::none())
    }

    /// A case with these faults. On a runtime other than sim only those happen that the program asks for.
    pub fn with_faults(seed: u64, faults: Faults) -> Case {
        Case::of(seed, faults, Tape::new(seed), u64::MAX)
    }

    pub(crate) fn of(seed: u64, faults: Faults, tape: Tape, polls_max: u64) -> Case {
        let (moments, checks) = (Mutex::default(), Mutex::default());
        Case(Arc::new(Inner { seed, faults, polls_max, tape: Mutex::new(tape), moments, checks }))
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.0.seed
    }

    /// The faults that the seed has switched on.
    pub fn faults(&self) -> Faults {
        self.0.faults
    }

    /// Whether the seed has switched `fault` on.
    pub fn has(&self, fault: Fault) -> bool {
        self.0.faults.contains(fault)
    }

    /// A number from `range`.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn draw(&self, range: RangeInclusive<u64>) -> u64 {
        self.draw_for(DRAWS, range)
    }

    /// A number from `range` that depends on nothing but the seed, the name, and what was drawn for that name before.
    ///
    /// For what one fault needs: the same seed without the fault then draws the same for everything else.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn draw_for(&self, name: &str, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = range.into_inner();
        assert!(low <= high, "nothing can be drawn from an empty range");
        let mut tape = self.tape();
        let stream = tape.stream(name);
        match (high - low).checked_add(1) {
            Some(bound) => low + tape.below(stream, bound),
            None => tape.below(stream, u64::MAX),
        }
    }

    /// One of `choices`.
    ///
    /// # Panics
    /// If there is none.
    pub fn one_of<T: Clone>(&self, choices: &[T]) -> T {
        let last = choices.len().checked_sub(1).expect("nothing can be chosen from nothing");
        choices[self.draw(0..=last as u64) as usize].clone()
    }

    /// A capacity, or a number of workers: often 1, and never 0.
    pub fn size(&self) -> usize {
        self.one_of(&[1, 1, 2, 3, 4, 16])
    }

    /// Where a body of a stage may fail, panic or be slow: [`Error`](Fault::Error), [`Panic`](Fault::Panic),
    /// [`DestructorPanic`](Fault::DestructorPanic), [`SlowWorker`](Fault::SlowWorker).
    pub fn fail_point(&self, name: &str) -> FailPoint {
        FailPoint::new(self, name, &[Fault::SlowWorker])
    }

    /// Where a source may fail, panic, pause or hurry: the same with [`SourceStall`](Fault::SourceStall) and
    /// [`SourceBurst`](Fault::SourceBurst) instead of the slow worker.
    pub fn source_point(&self, name: &str) -> FailPoint {
        FailPoint::new(self, name, &[Fault::SourceStall, Fault::SourceBurst])
    }

    /// Where a sink may fail, panic or stall: the same with [`ConsumerStall`](Fault::ConsumerStall).
    pub fn sink_point(&self, name: &str) -> FailPoint {
        FailPoint::new(self, name, &[Fault::ConsumerStall])
    }

    /// Ready at the step at which `fault` happens; never, if it does not. Who waits for it is polled at once, so between
    /// any two polls of others.
    ///
    /// For [`Cancel`](Fault::Cancel), [`Drain`](Fault::Drain) and [`DropRun`](Fault::DropRun) of what [`run`](Self::run) is not made for, such as the
    /// program's own loop.
    pub fn moment(&self, fault: Fault) -> Moment {
        Moment { case: self.clone(), fault, id: None }
    }

    /// Tells something in the story of a seed that fails.
    pub fn note(&self, text: impl fmt::Display) {
        if let Some(core) = current() {
            core.try_note(Note::Said(text.to_string()));
        }
    }

    /// Calls `check` after each poll of any task.
    pub fn always(&self, check: impl FnMut() + Send + 'static) {
        self.checks().always.push(Box::new(check));
    }

    /// Calls `check` whenever nothing is ready, before the clock goes on. What can go on without the clock has done so by
    /// then.
    pub fn when_idle(&self, check: impl FnMut() + Send + 'static) {
        self.checks().idle.push(Box::new(check));
    }

    /// Calls `check` at the end, when the program's future is gone, whatever has ended it, and all that was ready has run.
    pub fn finally(&self, check: impl FnOnce(&Sim) + Send + 'static) {
        self.checks().finally.push(Box::new(check));
    }

    /// After so many polls a program that has not ended never will.
    pub(crate) fn polls_max(&self) -> u64 {
        self.0.polls_max
    }

    pub(crate) fn tape(&self) -> MutexGuard<'_, Tape> {
        self.0.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn checks(&self) -> MutexGuard<'_, Checks> {
        self.0.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moments(&self) -> MutexGuard<'_, Moments> {
        self.0.moments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn after_step(&self) {
        self.call(|checks| &mut checks.always);
    }

    pub(crate) fn before_clock(&self) {
        self.call(|checks| &mut checks.idle);
    }

    /// Calls each, outside of the lock: a check may ask for another one.
    fn call(&self, of: impl Fn(&mut Checks) -> &mut Vec<Check>) {
        let mut list = std::mem::take(of(&mut self.checks()));
        if list.is_empty() {
            return;
        }
        list.iter_mut().for_each(|check| check());
        let mut checks = self.checks();
        list.append(of(&mut checks));
        *of(&mut checks) = list;
    }

    pub(crate) fn forget_checks(&self) {
        let checks = std::mem::take(&mut *self.checks());
        drop(checks);
    }

    /// The checks of the end. No other check is made any more.
    pub(crate) fn take_finally(&self) -> Vec<AtEnd> {
        std::mem::take(&mut *self.checks()).finally
    }

    /// The step of `fault` has come. Gives who waits for it.
    pub(crate) fn reach(&self, fault: Fault) -> Vec<Waker> {
        let mut moments = self.moments();
        moments.reached.insert(fault);
        moments.waiting.iter().filter(|one| one.fault == fault).map(|one| one.waker.clone()).collect()
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("seed", &self.0.seed).field("faults", &self.0.faults).finish_non_exhaustive()
    }
}

/// The future of [`Case::moment`].
///
/// # Cancel safety
/// Nothing is lost if it is dropped.
#[derive(Debug)]
#[must_use = "nothing waits until it is awaited"]
pub struct Moment {
    case: Case,
    fault: Fault,
    /// Under which it waits.
    id: Option<u64>,
}

impl Moment {
    /// Gives the former waker, to be dropped outside of the lock.
    fn leave(&mut self) -> Option<Waiting> {
        let id = self.id.take()?;
        let mut moments = self.case.moments();
        let at = moments.waiting.iter().position(|one| one.id == id)?;
        Some(moments.waiting.swap_remove(at))
    }
}

impl Future for Moment {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let former = this.leave();
        drop(former);
        let mut moments = this.case.moments();
        if moments.reached.contains(&this.fault) {
            return Poll::Ready(());
        }
        if this.case.has(this.fault) {
            moments.next_id += 1;
            this.id = Some(moments.next_id);
            let waiting = Waiting { id: moments.next_id, fault: this.fault, waker: cx.waker().clone() };
            moments.waiting.push(waiting);
        }
        Poll::Pending
    }
}

impl Drop for Moment {
    fn drop(&mut self) {
        let former = self.leave();
        drop(former);
    }
}
