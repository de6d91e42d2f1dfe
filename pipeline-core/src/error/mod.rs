//! The one error of a run, and what failed in it.

mod attempts;
mod failure;
mod operators;
mod panicked;
mod stage_error;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use attempts::TimedOut;
pub(crate) use attempts::{Attempted, Fate};
pub use failure::Failure;
pub use operators::{Idle, OutOfSequence, Overflow};
pub use panicked::Panicked;
pub use stage_error::StageError;

use self::failure::causes;
use crate::ledger::Report;

/// The error of a stage, as the engine carries it. `String`, `&str` and every [`Error`](StdError) that is `Send + Sync`
/// become one by `into`.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// An error that the run shares with those who wait for what has failed.
pub(crate) type SharedError = Arc<dyn StdError + Send + Sync + 'static>;

/// The result of running a pipeline, with [`Error`] unless another one is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a run gave no value.
///
/// | predicate | when | [`report`](Error::report) |
/// | --- | --- | --- |
/// | [`is_failed`](Error::is_failed) | a stage returned an `Err`, panicked, or lost its task | yes |
/// | [`is_cancelled`](Error::is_cancelled) | the run was told to stop | yes |
/// | [`is_invalid`](Error::is_invalid) | the plan has a setting that cannot work | none was started |
/// | [`is_spent`](Error::is_spent) | a source can be read only once, and was | none was started |
/// | [`is_no_runtime`](Error::is_no_runtime) | there is no runtime to run on | none was started |
///
/// `Display` is one line. `Debug` adds the causes, the other failures and the ledger, since `main` prints errors with
/// `Debug`. The line contains what the stage returned; [`source`](StdError::source) is the cause of that, if it has one.
///
/// ```
/// use taktline::prelude::*;
///
/// #[stage]
/// async fn parse(text: &'static str) -> Result<u64, std::num::ParseIntError> {
///     text.parse()
/// }
///
/// # taktline::sim::run(1, async {
/// let error = iter(["1", "x"]).then(parse()).count().run().await.unwrap_err();
/// assert_eq!(error.to_string(), "stage `parse` failed on item 1: invalid digit found in string");
/// assert_eq!((error.is_failed(), error.is_panic(), error.stage()), (true, false, Some("parse")));
/// assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
/// let parse = error.report().and_then(|report| report.stage("parse")).expect("it was started");
/// assert_eq!((parse.items_in, parse.done, parse.failed), (2, 1, 1));
/// # });
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    report: Option<Report>,
    overdue: Option<Overdue>,
}

/// A drain that has passed its deadline.
#[derive(Debug)]
pub(crate) struct Overdue {
    pub(crate) within: Duration,
    /// The stages that were at work then.
    pub(crate) stuck: Vec<String>,
}

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its drain was not over after {:?}", self.within)?;
        match self.stuck.as_slice() {
            [] => Ok(()),
            stuck => write!(f, ", with `{}` still at work", stuck.join("`, `")),
        }
    }
}

enum Kind {
    Failed {
        first: Failure,
        others: Vec<Failure>,
    },
    /// With what failed in the last poll of what was in work.
    Cancelled {
        failures: Vec<Failure>,
    },
    Invalid(Vec<String>),
    Spent(String),
    NoRuntime(String),
}

impl Error {
    pub(crate) fn failed(mut failures: Vec<Failure>, overdue: Option<Overdue>, report: Report) -> Error {
        let first = failures.remove(0);
        let kind = Kind::Failed { first, others: failures };
        Error(Box::new(Inner { kind, report: Some(report), overdue }))
    }

    pub(crate) fn cancelled(failures: Vec<Failure>, overdue: Option<Overdue>, report: Report) -> Error {
        Error(Box::new(Inner { kind: Kind::Cancelled { failures }, report: Some(report), overdue }))
    }

    /// Of a run that was not started.
    fn refused(kind: Kind) -> Error {
        Error(Box::new(Inner { kind, report: None, overdue: None }))
    }

    pub(crate) fn invalid(problems: Vec<String>) -> Error {
        Error::refused(Kind::Invalid(problems))
    }

    pub(crate) fn spent(source: &str) -> Error {
        Error::refused(Kind::Spent(source.to_owned()))
    }

    /// No runtime was found to run on; `cure` says what to do.
    ///
    /// ```
    /// use taktline::Error;
    ///
    /// let error = Error::no_runtime("enable the feature `tokio` or `smol`");
    /// assert!(error.is_no_runtime() && error.failures().is_empty());
    /// assert_eq!(error.to_string(), "no runtime to run on: enable the feature `tokio` or `smol`");
    /// ```
    pub fn no_runtime(cure: &str) -> Error {
        Error::refused(Kind::NoRuntime(cure.to_owned()))
    }

    /// Whether a stage failed, by an error or by a panic.
    pub fn is_failed(&self) -> bool {
        matches!(self.0.kind, Kind::Failed { .. })
    }

    /// Whether the run was cancelled before it had ended by itself.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0.kind, Kind::Cancelled { .. })
    }

    /// Whether a drain has passed its deadline, and the rest was cut. True also if a failure came before that.
    pub fn is_overdue(&self) -> bool {
        self.0.overdue.is_some()
    }

    /// The stages that were at work when a drain passed its deadline, in the order in which items pass them. Empty if none
    /// did.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let stuck = stage(|x: u64| async move { std::future::pending::<()>().await; x }).name("stuck");
    /// let running = iter(0u64..).then(stuck).count().start();
    /// sleep(Duration::from_secs(1)).await;
    /// let error = running.drain(Duration::from_secs(25)).await.unwrap_err();
    /// assert!(error.is_cancelled() && error.is_overdue());
    /// assert_eq!(error.stuck(), ["stuck"]);
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the run was cancelled: its drain was not over after 25s, with `stuck` still at work"
    /// );
    /// # });
    /// ```
    pub fn stuck(&self) -> &[String] {
        self.0.overdue.as_ref().map_or(&[], |overdue| &overdue.stuck)
    }

    /// Whether the first failure was a panic.
    pub fn is_panic(&self) -> bool {
        self.first().is_some_and(Failure::is_panic)
    }

    /// Whether the last attempt of the first failure was out of time.
    pub fn is_timeout(&self) -> bool {
        self.first().is_some_and(Failure::is_timeout)
    }

    /// Whether the plan cannot be run as it is. Nothing was spawned.
    pub fn is_invalid(&self) -> bool {
        matches!(self.0.kind, Kind::Invalid(_))
    }

    /// Whether a source that can be read only once was run a second time. Nothing was spawned.
    pub fn is_spent(&self) -> bool {
        matches!(self.0.kind, Kind::Spent(_))
    }

    /// Whether there was no runtime to run on.
    pub fn is_no_runtime(&self) -> bool {
        matches!(self.0.kind, Kind::NoRuntime(_))
    }

    /// The failure that ended the run, if a failure did.
    pub fn first(&self) -> Option<&Failure> {
        match &self.0.kind {
            Kind::Failed { first, .. } => Some(first),
            _ => None,
        }
    }

    /// All failures of the run, the one that ended it first. Of a cancelled run: what failed as it was stopped. Empty if
    /// nothing failed.
    pub fn failures(&self) -> Vec<&Failure> {
        match &self.0.kind {
            Kind::Cancelled { failures } => failures.iter().collect(),
            Kind::Failed { first, others } => std::iter::once(first).chain(others).collect(),
            _ => Vec::new(),
        }
    }

    /// The name of the stage that failed first, if one did.
    pub fn stage(&self) -> Option<&str> {
        self.first().map(Failure::stage)
    }

    /// The error that the stage that failed first returned, if it is an `E`.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.first().and_then(|failure| failure.error().downcast_ref())
    }

    /// The ledger at the end of the run. `None` if nothing was started.
    pub fn report(&self) -> Option<&Report> {
        self.0.report.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Failed { first, others } => {
                write!(f, "{first}")?;
                match others.len() {
                    0 => Ok(()),
                    1 => write!(f, " (and 1 more failure)"),
                    n => write!(f, " (and {n} more failures)"),
                }
            }
            Kind::Cancelled { .. } => {
                f.write_str("the run was cancelled")?;
                match &self.0.overdue {
                    None => Ok(()),
                    Some(overdue) => write!(f, ": {overdue}"),
                }
            }
            Kind::Invalid(problems) => write!(f, "the plan cannot run: {}", problems.join("; ")),
            Kind::Spent(source) => {
                write!(
                    f,
                    "source `{source}` can be read only once and was read by an earlier run; make a new one for each run"
                )
            }
            Kind::NoRuntime(cure) => write!(f, "no runtime to run on: {cure}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Failed { first, others } => {
                write!(f, "{first}")?;
                causes(f, first.error().source())?;
                for other in others {
                    write!(f, "\nalso: {other}")?;
                    causes(f, other.error().source())?;
                }
                if let Some(overdue) = &self.0.overdue {
                    write!(f, "\nthe rest was cut: {overdue}")?;
                }
            }
            Kind::Cancelled { failures } => {
                write!(f, "{self}")?;
                for failure in failures {
                    write!(f, "\nalso: {failure:?}")?;
                }
            }
            Kind::Invalid(problems) if problems.len() > 1 => {
                write!(f, "the plan cannot run:\n  {}", problems.join("\n  "))?;
            }
            _ => write!(f, "{self}")?,
        }
        match &self.0.report {
            None => Ok(()),
            Some(report) => write!(f, "\n\n{report}"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.first().and_then(|failure| failure.error().source())
    }
}
