//! One run of a seed with some faults and, perhaps, choices that are played back.

use std::future::Future;

use crate::explore::Outcome;
use crate::fault::{Fault, Faults};
use crate::panics::caught;
use crate::tape::{Choices, DRAWS, Tape};
use crate::{Case, Sim};

/// One time in so many, a seed switches a fault on.
const SWITCHED_ON: u64 = 4;

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) faults: Faults,
    /// Played back instead of those of the seed.
    pub(crate) choices: Option<Choices>,
    /// Streams without choices are drawn anew, differently for each number.
    pub(crate) salt: Option<u64>,
    /// Whether what the program draws was given as bytes.
    pub(crate) is_given: bool,
    /// Whether its choices are recorded.
    pub(crate) is_recorded: bool,
    /// Whether its story is told.
    pub(crate) is_told: bool,
    pub(crate) polls_max: u64,
}

impl Plan {
    /// What `seed` takes from the menu.
    pub(crate) fn of(seed: u64, menu: Faults, polls_max: u64) -> Plan {
        let mut tape = Tape::new(seed);
        let mut switches_on = |fault: Fault| {
            let stream = tape.stream(&format!("switch of {fault}"));
            tape.once_in(stream, SWITCHED_ON)
        };
        let faults = menu.iter().filter(|fault| switches_on(*fault)).collect();
        Plan { seed, faults, choices: None, salt: None, is_given: false, is_recorded: false, is_told: false, polls_max }
    }

    /// What `bytes` take from the menu: four bytes switch faults on, four are the seed, and each of the others is a draw.
    pub(crate) fn of_bytes(bytes: &[u8], menu: Faults, polls_max: u64) -> Plan {
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
        let number = |at| u32::from_le_bytes([byte(at), byte(at + 1), byte(at + 2), byte(at + 3)]);
        let (switches, seed) = (number(0), u64::from(number(4)));
        let faults = menu.iter().filter(|fault| switches & 1 << *fault as u32 != 0).collect();
        let draws = bytes.iter().skip(8).map(|byte| u64::from(*byte)).collect();
        let choices = Some(Choices::from([(DRAWS.to_owned(), draws)]));
        // All but the draws comes from the seed.
        Plan { choices, salt: Some(0), is_given: true, faults, ..Plan::of(seed, Faults::none(), polls_max) }
    }

    pub(crate) fn without(&self, fault: Fault) -> Plan {
        Plan { faults: self.faults.without(fault), ..self.clone() }
    }

    /// What the program itself has drawn.
    pub(crate) fn draws(&self) -> &[u64] {
        self.choices.as_ref().and_then(|choices| choices.get(DRAWS)).map_or(&[], Vec::as_slice)
    }

    fn tape(&self) -> Tape {
        match &self.choices {
            Some(choices) => Tape::playing(self.seed, choices.clone(), self.salt),
            None if self.is_recorded => Tape::recording(self.seed),
            None => Tape::new(self.seed),
        }
    }
}

pub(crate) struct Attempt {
    pub(crate) trace: u64,
    pub(crate) steps: u64,
    pub(crate) broken: Option<Broken>,
    /// If they were recorded.
    pub(crate) choices: Choices,
    pub(crate) story: String,
}

/// What went wrong.
pub(crate) struct Broken {
    pub(crate) message: String,
    /// Where: two attempts that break at one place break in the same way.
    pub(crate) place: String,
}

pub(crate) fn attempt<F>(plan: &Plan, program: impl Fn(Case) -> F) -> Attempt
where
    F: Future<Output: Outcome>,
{
    let case = Case::of(plan.seed, plan.faults, plan.tape(), plan.polls_max);
    let sim = Sim::of(case.clone());
    if plan.is_told {
        sim.record_trace();
    }
    let broken = caught(|| go(&sim, &case, program)).unwrap_or_else(|panic| {
        let message = format!("{}\nat {}", panic.message, panic.place);
        Some(Broken { message, place: panic.place })
    });
    // What the checks hold may hold the case.
    case.forget_checks();
    let (trace, steps, story) = (sim.trace_hash(), sim.step_count(), sim.story());
    // A panic in a destructor of what is left is no news of a seed that is broken already.
    let dropped = caught(|| drop(sim));
    let broken = broken.or(dropped.err().map(|panic| Broken { message: panic.message, place: panic.place }));
    let choices = case.tape().choices();
    Attempt { trace, steps, broken, choices, story }
}

fn go<F>(sim: &Sim, case: &Case, program: impl Fn(Case) -> F) -> Option<Broken>
where
    F: Future<Output: Outcome>,
{
    let output = sim.run_root(program(case.clone()));
    if let Some(error) = output.and_then(Outcome::into_error) {
        return Some(Broken { message: error, place: "what the program returns".to_owned() });
    }
    sim.calm();
    sim.settle();
    let (tasks, timers) = (sim.task_names(), sim.timer_count());
    if !tasks.is_empty() || timers > 0 {
        let message = format!("the program has ended, and left tasks [{}] and {timers} timers", tasks.join(", "));
        return Some(Broken { message, place: "what the program leaves".to_owned() });
    }
    case.take_finally().into_iter().for_each(|check| check(sim));
    None
}
