//! The faults that a runtime makes happen by itself, when, and how often.

use std::time::Duration;

use crate::case::Case;
use crate::fault::Fault;
use crate::tape::StreamId;

/// How rare a fault is, one time in so many: a seed takes one of these.
const RARITIES: [u64; 3] = [32, 8, 2];

/// By how much a clock may jump.
const JUMPS: [Duration; 5] = [
    Duration::from_millis(1),
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_secs(3600),
];

/// Most rounds by which a wake is delayed.
const DELAY_MAX: u64 = 20;

/// Steps before a fault that happens once are below two to the power of this.
const STEPS_LOG_MAX: u64 = 11;

pub(crate) struct Injector {
    case: Case,
    spurious: Option<Rate>,
    delayed: Option<Rate>,
    duplicate: Option<Rate>,
    clock: Option<Rate>,
    /// What happens once, with its step: the next one is the last of the list.
    moments: Vec<(u64, Fault)>,
}

#[derive(Clone, Copy)]
struct Rate {
    stream: StreamId,
    rarity: u64,
}

impl Injector {
    pub(crate) fn new(case: Case) -> Injector {
        let rate = |fault: Fault| {
            case.has(fault).then(|| {
                let mut tape = case.tape();
                let stream = tape.stream(fault.name());
                let rarity = RARITIES[tape.below(stream, RARITIES.len() as u64) as usize];
                Rate { stream, rarity }
            })
        };
        let moment = |fault: Fault| {
            case.has(fault).then(|| {
                let mut tape = case.tape();
                let stream = tape.stream(fault.name());
                let log = tape.below(stream, STEPS_LOG_MAX);
                (1 + tape.below(stream, 1 << log), fault)
            })
        };
        let once = [Fault::Shutdown, Fault::DropRoot, Fault::DropRun, Fault::Cancel, Fault::Drain, Fault::Pause];
        let mut moments: Vec<_> = once.into_iter().filter_map(moment).collect();
        moments.sort_by(|a, b| b.cmp(a));
        let [spurious, delayed, duplicate, clock] =
            [Fault::SpuriousWake, Fault::DelayedWake, Fault::DuplicateWake, Fault::ClockJump].map(rate);
        Injector { case, spurious, delayed, duplicate, clock, moments }
    }

    /// No fault from now on.
    pub(crate) fn stop(&mut self) {
        (self.spurious, self.delayed, self.duplicate, self.clock) = (None, None, None, None);
        self.moments.clear();
    }

    /// What happens after so many steps.
    pub(crate) fn moment(&mut self, steps: u64) -> Option<Fault> {
        let (at, fault) = *self.moments.last()?;
        (at <= steps).then(|| {
            self.moments.pop();
            fault
        })
    }

    /// Which of so many tasks is polled without a reason, if one is.
    pub(crate) fn spurious(&self, tasks: usize) -> Option<usize> {
        let rate = self.spurious.filter(|_| tasks > 0)?;
        let mut tape = self.case.tape();
        tape.once_in(rate.stream, rate.rarity).then(|| tape.below(rate.stream, tasks as u64) as usize)
    }

    /// By how many rounds a wake is delayed, if it is.
    pub(crate) fn delay(&self) -> Option<u64> {
        let rate = self.delayed?;
        let mut tape = self.case.tape();
        tape.once_in(rate.stream, rate.rarity).then(|| 1 + tape.below(rate.stream, DELAY_MAX))
    }

    /// Whether a task is polled once more than it was woken.
    pub(crate) fn is_duplicate(&self) -> bool {
        self.duplicate.is_some_and(|rate| self.case.tape().once_in(rate.stream, rate.rarity))
    }

    /// By how much the clock goes too far, if it does.
    pub(crate) fn jump(&self) -> Option<Duration> {
        let rate = self.clock?;
        let mut tape = self.case.tape();
        tape.once_in(rate.stream, rate.rarity).then(|| JUMPS[tape.below(rate.stream, JUMPS.len() as u64) as usize])
    }
}
