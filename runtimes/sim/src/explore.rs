//! Runs of one seed, and of many.

use std::fmt::Debug;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::attempt::{Attempt, Plan, attempt};
use crate::coverage::{Coverage, Passed};
use crate::failed::Failed;
use crate::fault::Faults;
use crate::shrink::shrink;
use crate::{Case, Sim};

/// How many seeds [`test`] tries.
const TEST_SEEDS: u64 = 20;

/// Runs `future` on a new simulated runtime, to its end. Tasks that are left are dropped.
///
/// # Panics
/// If nothing is ready and no timer is left: a deadlock. The message says who waits for whom.
pub fn run<F: Future>(seed: u64, future: F) -> F::Output {
    Sim::new(seed).block_on(future)
}

/// Runs `program` once for each seed, with a random subset of the [default faults](Faults::default).
///
/// A seed fails if the program panics, returns an error, waits or goes on for ever, or leaves a task or a timer behind. It is then made
/// smaller: fewer faults, smaller draws, a plainer schedule.
///
/// ```
/// use taktline::prelude::*;
/// use taktline::sim;
///
/// let coverage = sim::explore(0..100, |case| async move {
///     let workers = case.size();
///     let slow = stage(|x: u64| async move { x + 1 }).concurrency(workers);
///     let done = iter(0..5u64).then(slow).collect::<Vec<_>>().run().await?;
///     assert_eq!(done.value, [1, 2, 3, 4, 5]);
///     Ok::<(), taktline::Error>(())
/// });
/// assert!(coverage.traces() > 50);
/// ```
///
/// # Panics
/// At the first seed that fails, with the seed, what is left of it, and its story.
pub fn explore<F>(seeds: impl IntoIterator<Item = u64>, program: impl Fn(Case) -> F) -> Coverage
where
    F: Future<Output: Outcome>,
{
    Explore::new().run(seeds, program)
}

/// How to explore.
///
/// ```
/// use taktline::sim::{Explore, Fault, Faults};
///
/// let explore = Explore::new().faults(Faults::all()).compare();
/// let failed = explore.seed(7, |case| async move { assert!(case.draw(0..=1000) < 1) }).unwrap_err();
/// assert_eq!(failed.seed(), 7);
/// assert!(failed.to_string().contains("draws: 1\n"), "{failed}");
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is explored until `run` or `seed`"]
pub struct Explore {
    menu: Faults,
    compares: bool,
    tells: bool,
    polls_max: u64,
    attempts_max: u64,
}

impl Default for Explore {
    fn default() -> Explore {
        Explore { menu: Faults::default(), compares: false, tells: false, polls_max: 200_000, attempts_max: 2000 }
    }
}

impl Explore {
    /// With the [default faults](Faults::default).
    pub fn new() -> Explore {
        Explore::default()
    }

    /// The faults of which each seed switches some on.
    pub fn faults(self, menu: Faults) -> Explore {
        Explore { menu, ..self }
    }

    /// Runs each seed again without each of its faults, to know which of them were in effect.
    pub fn compare(self) -> Explore {
        Explore { compares: true, ..self }
    }

    /// Tells the story of each seed that passes, too: [`Passed::story`].
    pub fn tell(self) -> Explore {
        Explore { tells: true, ..self }
    }

    /// After how many polls a seed fails that has not ended. Default 200,000.
    pub fn polls(self, polls_max: u64) -> Explore {
        Explore { polls_max, ..self }
    }

    /// How often a seed that fails is run to make it smaller. Default 2,000.
    pub fn shrink(self, attempts_max: u64) -> Explore {
        Explore { attempts_max, ..self }
    }

    /// Runs `program` once for each seed. See [`explore`].
    ///
    /// # Panics
    /// At the first seed that fails.
    pub fn run<F>(&self, seeds: impl IntoIterator<Item = u64>, program: impl Fn(Case) -> F) -> Coverage
    where
        F: Future<Output: Outcome>,
    {
        let mut coverage = Coverage::new();
        for seed in seeds {
            match self.seed(seed, &program) {
                Ok(passed) => coverage.add(&passed),
                Err(failed) => panic!("{failed}"),
            }
        }
        coverage
    }

    /// Runs `program` with one seed.
    ///
    /// # Errors
    /// [`Failed`], if it fails; it was made smaller.
    pub fn seed<F>(&self, seed: u64, program: impl Fn(Case) -> F) -> Result<Passed, Failed>
    where
        F: Future<Output: Outcome>,
    {
        self.plan(Plan::of(seed, self.menu, self.polls_max), program)
    }

    /// Runs `program` with what a fuzzer gives. The first bytes switch faults of the menu on and seed the schedule; each of
    /// the others is something that the program draws, so that a small change of the bytes is a small change of the case.
    ///
    /// ```
    /// use taktline::sim::Explore;
    ///
    /// let program = |case: taktline::sim::Case| async move { assert_ne!(case.draw(0..=200), 77) };
    /// let explore = Explore::new();
    /// assert!(explore.bytes(&[0, 0, 0, 0, 1, 0, 0, 0, 76], program).is_ok());
    /// assert!(explore.bytes(&[0, 0, 0, 0, 1, 0, 0, 0, 77], program).is_err());
    /// assert!(explore.bytes(&[], program).is_ok(), "what is missing is zero");
    /// ```
    ///
    /// # Errors
    /// [`Failed`], if it fails; it was made smaller.
    pub fn bytes<F>(&self, bytes: &[u8], program: impl Fn(Case) -> F) -> Result<Passed, Failed>
    where
        F: Future<Output: Outcome>,
    {
        self.plan(Plan::of_bytes(bytes, self.menu, self.polls_max), program)
    }

    fn plan<F>(&self, plan: Plan, program: impl Fn(Case) -> F) -> Result<Passed, Failed>
    where
        F: Future<Output: Outcome>,
    {
        let seed = plan.seed;
        let first = attempt(&Plan { is_told: self.tells, ..plan.clone() }, &program);
        if first.broken.is_some() {
            return Err(shrink(plan, self.attempts_max, |plan| attempt(plan, &program)));
        }
        let mut in_effect = Faults::none();
        if self.compares {
            let is_other = |fault| attempt(&plan.without(fault), &program).trace != first.trace;
            in_effect = plan.faults.iter().filter(|fault| is_other(*fault)).collect();
        }
        let Attempt { trace, steps, story, .. } = first;
        Ok(Passed { seed, drawn: plan.faults, in_effect, trace, steps, story })
    }
}

/// What a test may return: nothing, or a `Result`.
pub trait Outcome {
    /// What went wrong, if something did.
    fn into_error(self) -> Option<String>;
}

impl Outcome for () {
    fn into_error(self) -> Option<String> {
        None
    }
}

impl<T, E: Debug> Outcome for Result<T, E> {
    fn into_error(self) -> Option<String> {
        self.err().map(|error| format!("{error:?}"))
    }
}

/// Runs a test with a few seeds, without faults. What `#[taktline::test]` calls.
///
/// # Panics
/// If a run panics or returns an error.
pub fn test<F: Future>(make: impl Fn() -> F)
where
    F::Output: Outcome,
{
    for seed in 0..TEST_SEEDS {
        let body = || {
            if let Some(error) = run(seed, make()).into_error() {
                panic!("{error}");
            }
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(body)) {
            eprintln!("sim: failed with seed {seed}; replay it with `sim::run({seed}, ..)`");
            resume_unwind(panic);
        }
    }
}
