//! The one error of a run, and what failed in it.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;

use crate::ledger::Report;

/// The error of a stage, as the engine carries it.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// The result of running a pipeline.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a run gave no value.
///
/// `Debug` prints the same report as `Display`, with the ledger below it, since `main` prints errors with `Debug`.
/// [`source`](StdError::source) is the error that the stage returned.
///
/// ```
/// use taktline_core::error::Error;
///
/// let error = Error::no_runtime("enable the feature `tokio` or `smol`");
/// assert!(error.is_no_runtime());
/// assert_eq!(error.failures().len(), 0);
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    report: Option<Report>,
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
    pub(crate) fn failed(mut failures: Vec<Failure>, report: Report) -> Error {
        let first = failures.remove(0);
        Error(Box::new(Inner { kind: Kind::Failed { first, others: failures }, report: Some(report) }))
    }

    pub(crate) fn cancelled(failures: Vec<Failure>, report: Report) -> Error {
        Error(Box::new(Inner { kind: Kind::Cancelled { failures }, report: Some(report) }))
    }

    pub(crate) fn invalid(problems: Vec<String>) -> Error {
        Error(Box::new(Inner { kind: Kind::Invalid(problems), report: None }))
    }

    pub(crate) fn spent(source: &str) -> Error {
        Error(Box::new(Inner { kind: Kind::Spent(source.to_owned()), report: None }))
    }

    /// No runtime was found to run on; `cure` says what to do.
    pub fn no_runtime(cure: &str) -> Error {
        Error(Box::new(Inner { kind: Kind::NoRuntime(cure.to_owned()), report: None }))
    }

    /// Whether a stage failed, by an error or by a panic.
    pub fn is_failed(&self) -> bool {
        matches!(self.0.kind, Kind::Failed { .. })
    }

    /// Whether the run was cancelled before it had ended by itself.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0.kind, Kind::Cancelled { .. })
    }

    /// Whether the first failure was a panic.
    pub fn is_panic(&self) -> bool {
        self.first().is_some_and(Failure::is_panic)
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

    /// All failures of the run, the one that ended it first. Of a cancelled run: what failed as it was stopped.
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

    /// The error that the stage returned, if it is an `E`.
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
            Kind::Cancelled { .. } => f.write_str("the run was cancelled"),
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

fn causes(f: &mut fmt::Formatter<'_>, mut source: Option<&(dyn StdError + 'static)>) -> fmt::Result {
    while let Some(error) = source {
        write!(f, "\n  caused by: {error}")?;
        source = error.source();
    }
    Ok(())
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.first().and_then(|failure| failure.error().source())
    }
}

/// One failure of a run: which stage, on which item, and why.
pub struct Failure {
    stage: String,
    item: Option<u64>,
    error: BoxError,
}

impl Failure {
    pub(crate) fn new(stage: &str, item: Option<u64>, error: BoxError) -> Failure {
        Failure { stage: stage.to_owned(), item, error }
    }

    pub(crate) fn panicked(stage: &str, panic: Box<dyn Any + Send>) -> Failure {
        Failure::new(stage, None, Box::new(Panicked::new(panic)))
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

    /// What the stage returned, or a [`Panicked`].
    pub fn error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self.error.as_ref()
    }

    /// Whether the stage panicked.
    pub fn is_panic(&self) -> bool {
        self.error.is::<Panicked>()
    }

    /// Whether the runtime dropped a task of the stage, as it does when it shuts down.
    pub fn is_lost(&self) -> bool {
        self.error.is::<Lost>()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stage `{}` failed", self.stage)?;
        if let Some(item) = self.item {
            write!(f, " on item {item}")?;
        }
        write!(f, ": {}", self.error)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        causes(f, self.error.source())
    }
}

/// A panic of a stage, as an error.
#[derive(Debug)]
pub struct Panicked {
    message: String,
}

impl Panicked {
    pub(crate) fn new(panic: Box<dyn Any + Send>) -> Panicked {
        let message = match panic.downcast::<String>() {
            Ok(message) => *message,
            Err(panic) => match panic.downcast::<&'static str>() {
                Ok(message) => (*message).to_owned(),
                Err(other) => {
                    // A payload may panic when it is dropped; there is nobody left to tell.
                    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(other)));
                    "a value that is no text".to_owned()
                }
            },
        };
        Panicked { message }
    }

    /// What the panic said.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.message)?;
        match cure(&self.message) {
            Some(cure) => write!(f, "; {cure}"),
            None => Ok(()),
        }
    }
}

impl StdError for Panicked {}

/// What to do about a panic that many users meet, and that does not say it itself.
fn cure(message: &str) -> Option<&'static str> {
    message.contains("there is no reactor running").then_some(
        "tokio's I/O and timers work on tokio: run on it, or wrap the future that uses them in `Compat` of the crate \
         `async-compat`",
    )
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
