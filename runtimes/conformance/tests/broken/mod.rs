//! A simulated runtime that misbehaves on purpose.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::mem::forget;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use conformance::{Host, Verdict, VerdictFuture};
use taktline_core::runtime::{Instant, Rt, Runtime, Sleep, Timer, current};
use taktline_sim::Sim;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;
type Call = Box<dyn FnOnce() + Send>;

const HOUR: Duration = Duration::from_secs(3600);

macro_rules! faults {
    ($($fault:ident),+ $(,)?) => {
        /// What the runtime does wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Fault { $($fault),+ }

        impl Fault {
            pub(crate) const ALL: &[Fault] = &[$(Fault::$fault),+];
        }
    };
}

faults!(
    // Harmless: nothing may fail.
    Nothing,
    PollsTwice,
    PollsAfterTheEnd,
    // Tasks.
    JobKept,
    JobDropped,
    JobDroppedHalfway,
    JobAfterTwentyDropped,
    JobOfForeignThreadDropped,
    JobLate,
    JobsOneByOne,
    JobHogsTheThread,
    WakesIgnored,
    // Timers.
    TimerEarly,
    TimerLate,
    TimerNever,
    TimerShortIsLong,
    TimerPastNever,
    TimerFarFires,
    ResetIgnored,
    ResetNever,
    ResetUnheard,
    FirstWakerOnly,
    // Clock and values.
    ClockStill,
    ClockBack,
    ClockOfThreadBack,
    RandomConstant,
    NameUpperCase,
    // Blocking calls.
    CallKept,
    CallDropped,
    CallAfterTenDropped,
    CallOfForeignThreadDropped,
    CallLate,
    // The host.
    CurrentForgotten,
    TasksLeakedAtShutdown,
    JobKeptAfterShutdown,
    CallRunAfterShutdown,
);

impl Fault {
    pub(crate) fn is_harmless(self) -> bool {
        matches!(self, Fault::Nothing | Fault::PollsTwice | Fault::PollsAfterTheEnd)
    }
}

/// A simulated runtime with a fault.
pub(crate) struct BrokenHost {
    sim: Sim,
    rt: Rt,
    fault: Fault,
    is_closed: Arc<AtomicBool>,
}

impl BrokenHost {
    pub(crate) fn host(fault: Fault) -> Box<dyn Host> {
        let (sim, is_closed) = (Sim::new(1), Arc::new(AtomicBool::new(false)));
        let rt = Rt::new(Broken {
            rt: sim.rt(),
            fault,
            is_closed: is_closed.clone(),
            given: AtomicUsize::new(0),
            ticks: AtomicU64::new(0),
            kept: Mutex::default(),
            queue: Arc::default(),
        });
        Box::new(BrokenHost { sim, rt, fault, is_closed })
    }
}

impl Host for BrokenHost {
    fn rt(&self) -> Rt {
        self.rt.clone()
    }

    fn block_on(&self, future: VerdictFuture) -> Verdict {
        if self.fault == Fault::CurrentForgotten {
            // Only the simulated runtime behind it is current.
            return self.sim.block_on(future);
        }
        self.sim.block_on(self.rt.enter(future))
    }

    fn shutdown(self: Box<Self>) {
        self.is_closed.store(true, SeqCst);
        if self.fault == Fault::TasksLeakedAtShutdown {
            forget(self.sim);
        }
    }
}

/// Jobs that wait for their turn, and whether one runs.
type Queue = Arc<Mutex<(VecDeque<Job>, bool)>>;

struct Broken {
    rt: Rt,
    fault: Fault,
    is_closed: Arc<AtomicBool>,
    given: AtomicUsize,
    ticks: AtomicU64,
    kept: Mutex<(Vec<Job>, Vec<Call>)>,
    queue: Queue,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Broken({:?})", self.fault)
    }
}

impl Broken {
    fn go(&self, job: impl Future<Output = ()> + Send + 'static) {
        self.rt.spawn(job).detach();
    }

    fn queue_up(&self, job: Job) {
        let queue = self.queue.clone();
        let was_running = {
            let mut state = lock(&queue);
            state.0.push_back(job);
            std::mem::replace(&mut state.1, true)
        };
        if !was_running {
            self.go(async move {
                loop {
                    let next = lock(&queue).0.pop_front();
                    let Some(job) = next else { break };
                    job.await;
                }
                lock(&queue).1 = false;
            });
        }
    }
}

impl Runtime for Broken {
    fn name(&self) -> &'static str {
        if self.fault == Fault::NameUpperCase { "Broken" } else { "broken" }
    }

    fn spawn(&self, mut job: Job) {
        let given = self.given.fetch_add(1, SeqCst);
        if self.is_closed.load(SeqCst) {
            match self.fault {
                Fault::JobKeptAfterShutdown => lock(&self.kept).0.push(job),
                _ => drop(job),
            }
            return;
        }
        match self.fault {
            Fault::JobKept => lock(&self.kept).0.push(job),
            Fault::JobDropped => drop(job),
            Fault::JobAfterTwentyDropped if given >= 20 => drop(job),
            Fault::JobOfForeignThreadDropped if current().is_none() => drop(job),
            Fault::JobDroppedHalfway => self.go(poll_fn(move |cx| {
                let _ = job.as_mut().poll(cx);
                Poll::Ready(())
            })),
            Fault::JobLate => {
                let sleep = self.rt.sleep(HOUR);
                self.go(async move {
                    sleep.await;
                    job.await;
                });
            }
            Fault::JobsOneByOne => self.queue_up(job),
            Fault::JobHogsTheThread => self.go(poll_fn(move |cx| {
                let _is_done = (0..1000).any(|_| job.as_mut().poll(cx).is_ready());
                Poll::Ready(())
            })),
            Fault::WakesIgnored => {
                self.go(poll_fn(move |_| job.as_mut().poll(&mut Context::from_waker(Waker::noop()))));
            }
            Fault::PollsTwice => self.go(poll_fn(move |cx| match job.as_mut().poll(cx) {
                Poll::Pending => job.as_mut().poll(cx),
                Poll::Ready(()) => Poll::Ready(()),
            })),
            Fault::PollsAfterTheEnd => self.go(poll_fn(move |cx| match job.as_mut().poll(cx) {
                Poll::Ready(()) => job.as_mut().poll(cx),
                Poll::Pending => Poll::Pending,
            })),
            _ => self.go(job),
        }
    }

    fn spawn_blocking(&self, job: Call) {
        let given = self.given.fetch_add(1, SeqCst);
        if self.is_closed.load(SeqCst) {
            match self.fault {
                Fault::CallRunAfterShutdown => job(),
                _ => drop(job),
            }
            return;
        }
        match self.fault {
            Fault::CallKept => lock(&self.kept).1.push(job),
            Fault::CallDropped => drop(job),
            Fault::CallAfterTenDropped if given >= 10 => drop(job),
            Fault::CallOfForeignThreadDropped if current().is_none() => drop(job),
            Fault::CallLate => {
                let sleep = self.rt.sleep(HOUR);
                self.go(async move {
                    sleep.await;
                    job();
                });
            }
            _ => self.rt.spawn_blocking(job).detach(),
        }
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        let (rt, fault) = (self.rt.clone(), self.fault);
        let sleep = rt.sleep_until(fault.deadline(deadline, rt.now()));
        Box::pin(BrokenTimer { rt, fault, sleep, waker: None })
    }

    fn now(&self) -> Instant {
        let (now, tick) = (self.rt.now(), self.ticks.fetch_add(1, SeqCst));
        match self.fault {
            Fault::ClockStill => Instant::default(),
            Fault::ClockBack => now + HOUR - Duration::from_nanos(tick),
            Fault::ClockOfThreadBack if current().is_none() => Instant::default(),
            _ => now,
        }
    }

    fn random(&self) -> u64 {
        if self.fault == Fault::RandomConstant { 4 } else { self.rt.random() }
    }
}

impl Fault {
    /// The deadline that a timer really gets.
    fn deadline(self, deadline: Instant, now: Instant) -> Instant {
        let far = now + HOUR * 24 * 365;
        match self {
            Fault::TimerEarly => now,
            Fault::TimerLate => deadline + HOUR,
            Fault::TimerNever => Instant::from_epoch(Duration::MAX),
            Fault::TimerShortIsLong if deadline - now < Duration::from_millis(5) => deadline + HOUR,
            Fault::TimerPastNever if deadline <= now => Instant::from_epoch(Duration::MAX),
            Fault::TimerFarFires if deadline > far => now,
            _ => deadline,
        }
    }
}

struct BrokenTimer {
    rt: Rt,
    fault: Fault,
    sleep: Sleep,
    waker: Option<Waker>,
}

impl Future for BrokenTimer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let waker = match (&this.waker, this.fault) {
            (Some(first), Fault::FirstWakerOnly) => first.clone(),
            _ => cx.waker().clone(),
        };
        this.waker = Some(waker.clone());
        Pin::new(&mut this.sleep).poll(&mut Context::from_waker(&waker))
    }
}

impl Timer for BrokenTimer {
    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        let (now, fault) = (self.rt.now(), self.fault);
        match fault {
            Fault::ResetIgnored => {}
            Fault::ResetNever => self.sleep.reset(Instant::from_epoch(Duration::MAX)),
            // Whoever has polled before is forgotten.
            Fault::ResetUnheard => self.sleep = self.rt.sleep_until(deadline),
            _ => self.sleep.reset(fault.deadline(deadline, now)),
        }
    }
}
