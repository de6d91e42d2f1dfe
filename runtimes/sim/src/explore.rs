//! Runs of one seed, and of many.

use std::fmt::Debug;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::Sim;

/// How many seeds [`test`] tries.
const TEST_SEEDS: u64 = 20;

/// Runs `future` on a new simulated runtime, to its end. Tasks that are left are dropped.
///
/// The same seed and program give the same schedule. A pipeline in it needs no runtime to be named.
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// let slow = |x: u64| async move { sleep(Duration::from_secs(3600)).await; x };
/// let done = taktline::sim::run(7, iter(0..100u64).then(slow).count().run())?;
/// assert_eq!(done.report.elapsed(), Duration::from_secs(100 * 3600));
/// # Ok::<(), taktline::Error>(())
/// ```
///
/// # Panics
/// If nothing is ready and no timer is left: a deadlock. The message says who waits for whom.
pub fn run<F: Future>(seed: u64, future: F) -> F::Output {
    Sim::new(seed).block_on(future)
}

/// Runs `make()` once for each seed, one after the other.
///
/// ```
/// use taktline::prelude::*;
///
/// taktline::sim::explore(0..100, || async {
///     let flow = merge([iter([1, 2]), iter([10, 20])]);
///     let mut items = flow.collect::<Vec<_>>().run().await.expect("nothing fails").value;
///     // Which input comes first depends on the seed; the order of each input does not.
///     items.sort_by_key(|x| *x >= 10);
///     assert_eq!(items, [1, 2, 10, 20]);
/// });
/// ```
///
/// # Panics
/// If a run panics: prints its seed, for [`run`], and panics on.
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

/// Runs a test with a few seeds: 0 to 19. What `#[taktline::test]` calls.
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
