//! One failure of a run.

use std::error::Error as StdError;
use std::fmt;

use super::{Attempted, BoxError, Panicked, SharedError, TimedOut};
use crate::runtime::TaskError;

/// One failure of a run: which stage, on which item, and why.
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// #[stage(concurrency = 2)]
/// async fn fails(x: u64) -> Result<u64, String> {
///     sleep(Duration::from_secs(1)).await;
///     Err(format!("no {x}"))
/// }
///
/// # taktline::sim::run(1, async {
/// let error = iter(0..2u64).then(fails()).count().run().await.unwrap_err();
/// // Both fail at one instant, and both are told.
/// let told: Vec<_> = error.failures().iter().map(|failure| (failure.stage(), failure.item())).collect();
/// assert_eq!(told, [("fails", Some(0)), ("fails", Some(1))]);
/// # });
/// ```
pub struct Failure {
    stage: String,
    item: Option<u64>,
    attempts: u32,
    lacks_budget: bool,
    /// The hook in which it was, if it was none of the items.
    hook: Option<&'static str>,
    error: SharedError,
}

impl Failure {
    pub(crate) fn new(stage: &str, item: Option<u64>, error: BoxError) -> Failure {
        let Attempted { error, attempts, lacks_budget, .. } = Attempted::of(error);
        let error = error.downcast::<SharedError>().map_or_else(Into::into, |shared| *shared);
        Failure { stage: stage.to_owned(), item, attempts, lacks_budget, hook: None, error }
    }

    pub(crate) fn in_hook(stage: &str, hook: &'static str, error: BoxError) -> Failure {
        Failure { hook: Some(hook), ..Failure::new(stage, None, error) }
    }

    pub(crate) fn panicked(stage: &str, panic: Panicked) -> Failure {
        Failure::new(stage, None, Box::new(panic))
    }

    pub(crate) fn lost(stage: &str) -> Failure {
        Failure::new(stage, None, Box::new(Lost))
    }

    /// The name of the stage.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// Which item of the stage it was, counted from 0 in the order in which the stage took them. `None` for a source, and
    /// where a whole task failed.
    pub fn item(&self) -> Option<u64> {
        self.item
    }

    /// How often the item was tried. 1, unless the stage [retries](crate::stage::Staged::retry).
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// What the last attempt returned, a [`Panicked`], or a [`TimedOut`].
    pub fn error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self.error.as_ref()
    }

    /// Whether the stage panicked.
    pub fn is_panic(&self) -> bool {
        self.error.is::<Panicked>()
    }

    /// Whether the last attempt was out of time.
    pub fn is_timeout(&self) -> bool {
        self.error.is::<TimedOut>()
    }

    /// Whether the runtime dropped a task of the stage, or a blocking call, as it does when it shuts down.
    pub fn is_lost(&self) -> bool {
        self.error.is::<Lost>() || self.error.downcast_ref().is_some_and(TaskError::is_lost)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stage `{}` failed", self.stage)?;
        if let Some(item) = self.item {
            write!(f, " on item {item}")?;
        }
        if let Some(hook) = self.hook {
            write!(f, " in `{hook}`")?;
        }
        if self.attempts > 1 {
            write!(f, " after {} attempts", self.attempts)?;
        }
        write!(f, ": {}", self.error)?;
        if self.lacks_budget {
            write!(f, "; no more, since the stage has spent its retry budget")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        causes(f, self.error.source())
    }
}

pub(super) fn causes(f: &mut fmt::Formatter<'_>, mut source: Option<&(dyn StdError + 'static)>) -> fmt::Result {
    while let Some(error) = source {
        write!(f, "\n  caused by: {error}")?;
        source = error.source();
    }
    Ok(())
}

/// The runtime dropped a task before it had ended.
#[derive(Debug)]
pub(crate) struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the runtime dropped its task; keep the runtime alive until the run has returned")
    }
}

impl StdError for Lost {}
