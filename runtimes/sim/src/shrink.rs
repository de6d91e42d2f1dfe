//! Makes a failing seed smaller: fewer faults, then smaller choices, as long as it breaks at the same place.

use crate::attempt::{Attempt, Plan};
use crate::failed::{Failed, Told};
use crate::tape::{Choices, DRAWS};

/// A stream longer than that has its choices made smaller in blocks only.
const SINGLES_MAX: usize = 64;

/// How many other schedules are tried with a smaller draw.
const SALTS: u64 = 4;

/// Most polls of all attempts together.
const POLLS_MAX: u64 = 1_000_000;

pub(crate) fn shrink(plan: Plan, attempts_max: u64, try_plan: impl FnMut(&Plan) -> Attempt) -> Failed {
    let drawn = plan.faults;
    let mut shrinker = Shrinker::new(plan, attempts_max, try_plan);
    let before = shrinker.best.steps;
    while shrinker.drop_faults() | shrinker.lower_choices() {}
    let Shrinker { plan, best, attempts, mut try_plan, .. } = shrinker;
    let told = try_plan(&Plan { is_told: true, ..plan.clone() });
    let message = best.broken.map(|broken| broken.message).unwrap_or_default();
    Failed::new(Told {
        plan,
        message,
        story: told.story,
        steps: (before, best.steps),
        attempts,
        drawn,
        trace: best.trace,
        is_unsteady: told.trace != best.trace,
    })
}

struct Shrinker<T> {
    plan: Plan,
    best: Attempt,
    place: String,
    attempts: u64,
    polls: u64,
    attempts_max: u64,
    try_plan: T,
}

impl<T: FnMut(&Plan) -> Attempt> Shrinker<T> {
    fn new(plan: Plan, attempts_max: u64, mut try_plan: T) -> Self {
        let plan = Plan { is_recorded: true, ..plan };
        let best = try_plan(&plan);
        let place = best.broken.as_ref().map(|broken| broken.place.clone()).unwrap_or_default();
        let plan = Plan { choices: Some(best.choices.clone()), ..plan };
        Shrinker { plan, best, place, attempts: 0, polls: 0, attempts_max, try_plan }
    }

    /// Takes `plan` over if it breaks at the same place.
    fn try_on(&mut self, plan: Plan) -> bool {
        if self.attempts >= self.attempts_max || self.polls >= POLLS_MAX {
            return false;
        }
        self.attempts += 1;
        let attempt = (self.try_plan)(&plan);
        self.polls += attempt.steps;
        let breaks = attempt.broken.as_ref().is_some_and(|broken| broken.place == self.place);
        if breaks {
            self.plan = Plan { choices: Some(attempt.choices.clone()), salt: None, ..plan };
            self.best = attempt;
        }
        breaks
    }

    fn drop_faults(&mut self) -> bool {
        let mut has_shrunk = false;
        for fault in self.plan.faults.iter() {
            has_shrunk |= self.try_on(self.plan.without(fault));
        }
        has_shrunk
    }

    fn choices(&self) -> &Choices {
        self.plan.choices.as_ref().expect("a plan that is made smaller plays its choices back")
    }

    fn choice(&self, name: &str, at: usize) -> u64 {
        self.choices().get(name).and_then(|made| made.get(at)).copied().unwrap_or(0)
    }

    fn length(&self, name: &str) -> usize {
        self.choices().get(name).map_or(0, Vec::len)
    }

    fn lower_choices(&mut self) -> bool {
        let names: Vec<_> = self.choices().keys().cloned().collect();
        let mut has_shrunk = false;
        // What the program has drawn says the most.
        let (draws, others): (Vec<_>, Vec<_>) = names.iter().partition(|name| *name == DRAWS);
        for name in draws.into_iter().chain(others) {
            has_shrunk |= self.lower_blocks(name);
            if self.length(name) <= SINGLES_MAX {
                for at in 0..self.length(name) {
                    has_shrunk |= self.lower_one(name, at);
                }
            }
        }
        has_shrunk
    }

    /// Makes all choices of a block the simplest ones: first of the whole stream, then of halves, and so on.
    fn lower_blocks(&mut self, name: &str) -> bool {
        let mut has_shrunk = false;
        let mut size = self.length(name);
        let smallest = if size > SINGLES_MAX { size / SINGLES_MAX } else { 2 };
        while size >= smallest {
            let mut from = 0;
            while from < self.length(name) {
                let to = (from + size).min(self.length(name));
                has_shrunk |= self.try_choices(name, |made| {
                    let is_simple = made[from..to].iter().all(|choice| *choice == 0);
                    made[from..to].fill(0);
                    !is_simple
                });
                from += size;
            }
            size /= 2;
        }
        has_shrunk
    }

    /// The least choice that breaks, as far as halving finds it.
    fn lower_one(&mut self, name: &str, at: usize) -> bool {
        let (mut low, mut has_shrunk) = (0, false);
        while low < self.choice(name, at) {
            let middle = low + (self.choice(name, at) - low) / 2;
            let lower = |made: &mut [u64]| std::mem::replace(&mut made[at], middle) != middle;
            if self.try_choices(name, lower) || (name == DRAWS && self.try_anew(lower)) {
                has_shrunk = true;
            } else {
                low = middle + 1;
            }
        }
        has_shrunk
    }

    /// Tries smaller draws with other schedules and faults: with fewer items, those that are played back miss their aims.
    fn try_anew(&mut self, change: impl Fn(&mut [u64]) -> bool) -> bool {
        let mut draws = self.choices().clone();
        draws.retain(|name, _| name == DRAWS);
        draws.values_mut().for_each(|made| _ = change(made));
        (1..=SALTS).any(|salt| {
            let choices = Some(draws.clone());
            self.try_on(Plan { choices, salt: Some(salt), ..self.plan.clone() })
        })
    }

    /// Tries the choices of a stream as `change` leaves them, if it says that it has changed something.
    fn try_choices(&mut self, name: &str, change: impl FnOnce(&mut [u64]) -> bool) -> bool {
        let mut choices = self.choices().clone();
        let has_changed = choices.get_mut(name).is_some_and(|made| change(made));
        has_changed && self.try_on(Plan { choices: Some(choices), ..self.plan.clone() })
    }
}
