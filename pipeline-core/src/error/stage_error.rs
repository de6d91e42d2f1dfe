//! An error of a stage, for those who wait for what has failed in it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::SharedError;

/// The error of a stage, as the callers get it whose requests have failed there.
///
/// The run may have it, too, if its policy is to fail. Two are equal if they tell of the same failure.
///
/// ```
/// use taktline::inlet::CallError;
/// use taktline::prelude::*;
///
/// #[stage(on_error = skip)]
/// async fn parse(text: &'static str) -> Result<u64, std::num::ParseIntError> {
///     text.parse()
/// }
///
/// # taktline::sim::run(1, async {
/// let (numbers, pipeline) = calls(16, |texts| texts.then(parse()));
/// let running = pipeline.start();
/// assert_eq!(numbers.call("12").await, Ok(12));
/// let Err(CallError::Failed(error)) = numbers.call("x").await else { panic!("x is no number") };
/// assert_eq!(error.to_string(), "stage `parse` failed: invalid digit found in string");
/// assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
/// # running.cancel().await.ok();
/// # });
/// ```
#[derive(Clone)]
pub struct StageError {
    stage: Arc<str>,
    error: SharedError,
}

impl StageError {
    pub(crate) fn new(stage: &str, error: SharedError) -> StageError {
        StageError { stage: stage.into(), error }
    }

    /// The name of the stage.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// What the stage returned, a [`Panicked`](crate::error::Panicked), or a [`TimedOut`](crate::error::TimedOut).
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self.error.as_ref()
    }

    /// What the stage returned, if it is an `E`.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.error.downcast_ref()
    }
}

impl PartialEq for StageError {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.error, &other.error)
    }
}

impl Eq for StageError {}

impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stage `{}` failed: {}", self.stage, self.error)
    }
}

impl fmt::Debug for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Error for StageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}
