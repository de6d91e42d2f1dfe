//! Runs of one seed, and of many.

use std::fmt::Debug;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::Sim;

/// How many seeds [`test`] tries.
const TEST_SEEDS: u64 = 20;

/// Runs `future` on a new simulated runtime, to its end. Tasks that are left are dropped.
///
/// # Panics
/// If nothing is ready and no timer is left: a deadlock. The message says who waits for whom.
pub fn run<F: Future>(seed: u64, future: F) -> F::Output {
    Sim::new(seed).block_on(future)
}

/// Runs `make()` once for each seed.
///
/// # Panics
/// If a run panics: prints its seed, for [`run`], and panics on.
///
/// ```
/// taktline_sim::explore(0..100, || async {
///     assert_eq!(1 + 1, 2);
/// });
/// ```
pub fn explore<F: Future<Output = ()>>(seeds: impl IntoIterator<Item = u64>, make: impl Fn() -> F) {
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(seed, make()))) {
            eprintln!("sim: failed with seed {seed}; replay it with `sim::run({seed}, ..)`");
            resume_unwind(panic);
        }
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

/// Runs a test with a few seeds. What `#[taktline::test]` calls.
///
/// # Panics
/// If a run panics or returns an error.
pub fn test<F: Future>(make: impl Fn() -> F)
where
    F::Output: Outcome,
{
    explore(0..TEST_SEEDS, || async {
        if let Some(error) = make().await.into_error() {
            panic!("{error}");
        }
    });
}
