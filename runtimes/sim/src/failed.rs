//! What is told of a seed that fails.

use std::fmt;

use crate::attempt::Plan;
use crate::fault::Faults;

/// A seed that has failed, made smaller. `Display` tells all of it.
#[derive(Clone, Debug)]
pub struct Failed(Box<Told>);

#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) plan: Plan,
    pub(crate) message: String,
    pub(crate) story: String,
    /// Polls of the first attempt and of the last.
    pub(crate) steps: (u64, u64),
    pub(crate) attempts: u64,
    pub(crate) drawn: Faults,
    pub(crate) trace: u64,
    /// Whether a repetition gave another trace.
    pub(crate) is_unsteady: bool,
}

impl Failed {
    pub(crate) fn new(told: Told) -> Failed {
        Failed(Box::new(told))
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.0.plan.seed
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The faults without which it does not fail.
    pub fn faults(&self) -> Faults {
        self.0.plan.faults
    }

    /// How many polls it takes to fail, made smaller.
    pub fn steps(&self) -> u64 {
        self.0.steps.1
    }

    /// How often it was run to make it smaller.
    pub fn attempts(&self) -> u64 {
        self.0.attempts
    }

    /// The number of its trace, made smaller.
    pub fn trace(&self) -> u64 {
        self.0.trace
    }

    /// Who did what, in virtual time.
    pub fn story(&self) -> &str {
        &self.0.story
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told { plan, message, story, steps: (before, after), attempts, drawn, is_unsteady, .. } = &*self.0;
        writeln!(f, "seed {} fails: {message}", plan.seed)?;
        writeln!(f, "faults: {} (of those drawn: {drawn})", plan.faults)?;
        let draws: Vec<_> = plan.draws().iter().map(u64::to_string).collect();
        if !draws.is_empty() {
            writeln!(f, "draws: {}", draws.join(" "))?;
        }
        writeln!(f, "made smaller in {attempts} attempts: {before} polls before, {after} now")?;
        if *is_unsteady {
            writeln!(f, "a repetition took another course: something in the program is not simulated")?;
        }
        write!(f, "story:\n{story}")?;
        if plan.is_given {
            return write!(f, "explore the same bytes to see it again");
        }
        write!(f, "explore seed {} alone to see it again", plan.seed)
    }
}

impl std::error::Error for Failed {}
