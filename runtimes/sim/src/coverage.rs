//! What an exploration has tried.

use std::collections::BTreeSet;
use std::fmt;

use crate::fault::{Fault, Faults};

/// A seed that has passed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Passed {
    /// The seed.
    pub seed: u64,
    /// The faults that it has switched on.
    pub drawn: Faults,
    /// Those of them that were in effect: without the fault, the trace of the same seed is another one. None, unless the
    /// exploration [compares](crate::Explore::compare).
    pub in_effect: Faults,
    /// The number of its trace.
    pub trace: u64,
    /// How many polls it took.
    pub steps: u64,
    /// Who did what, in virtual time. Empty, unless the exploration [tells](crate::Explore::tell).
    pub story: String,
}

/// What an exploration has tried: how many seeds and schedules, and each fault how often.
///
/// `Display` prints a table.
///
/// ```
/// use taktline::prelude::*;
/// use taktline::sim::{Explore, Fault};
///
/// let coverage = Explore::new().compare().run(0..200, |case| async move {
///     let _ = case.run(iter(0..9u64).then(|x| async move { x }).count()).await;
/// });
/// assert_eq!(coverage.seeds(), 200);
/// assert!(coverage.in_effect(Fault::Cancel) > 0);
/// assert_eq!(coverage.in_effect(Fault::SlowWorker), 0, "the program has no fail point");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    seeds: u64,
    steps: u64,
    traces: BTreeSet<u64>,
    drawn: [u64; Fault::ALL.len()],
    in_effect: [u64; Fault::ALL.len()],
}

impl Coverage {
    /// Nothing yet.
    pub fn new() -> Coverage {
        Coverage::default()
    }

    /// Adds a seed that has passed.
    pub fn add(&mut self, passed: &Passed) {
        self.seeds += 1;
        self.steps += passed.steps;
        self.traces.insert(passed.trace);
        passed.drawn.iter().for_each(|fault| self.drawn[fault as usize] += 1);
        passed.in_effect.iter().for_each(|fault| self.in_effect[fault as usize] += 1);
    }

    /// How many seeds have passed.
    pub fn seeds(&self) -> u64 {
        self.seeds
    }

    /// How many polls they took.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// How many different traces there were.
    pub fn traces(&self) -> usize {
        self.traces.len()
    }

    /// How many seeds have switched `fault` on.
    pub fn drawn(&self, fault: Fault) -> u64 {
        self.drawn[fault as usize]
    }

    /// In how many of them it was in effect. Zero, unless the exploration [compares](crate::Explore::compare).
    pub fn in_effect(&self, fault: Fault) -> u64 {
        self.in_effect[fault as usize]
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<23}{:>9}{:>11}{:>9}", "fault", "drawn", "in effect", "percent")?;
        for fault in Fault::ALL.iter().copied().filter(|fault| self.drawn(*fault) > 0) {
            let (drawn, in_effect) = (self.drawn(fault), self.in_effect(fault));
            let percent = in_effect as f64 * 100.0 / drawn as f64;
            writeln!(f, "{fault:<23}{drawn:>9}{in_effect:>11}{percent:>9.1}")?;
        }
        write!(f, "seeds: {}, distinct traces: {}, polls: {}", self.seeds, self.traces.len(), self.steps)
    }
}
