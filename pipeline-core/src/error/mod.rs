//! The one error of a run, and what failed in it.

mod attempts;
mod stage_error;

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use attempts::TimedOut;
pub(crate) use attempts::{Attempted, Fate};
pub use stage_error::StageError;

use crate::ledger::Report;
use crate::runtime::TaskError;

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

/// A panic of a stage, as an error.
///
/// ```
/// use taktline::error::Panicked;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let error = iter([0u64]).map(|x| 1 / x).count().run().await.unwrap_err();
/// assert!(error.is_panic());
/// assert_eq!(error.stage(), Some("map"));
/// let panic = error.downcast_ref::<Panicked>().expect("it is a panic");
/// assert_eq!(panic.message(), "attempt to divide by zero");
/// # });
/// ```
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
                    // A payload may panic when it is dropped, and so may that panic's; there is nobody left to tell.
                    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(other)));
                    std::mem::forget(dropped);
                    "a value that is no text".to_owned()
                }
            },
        };
        Panicked { message }
    }

    /// What the panic said; where its payload is no text, a note of that.
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

/// No item came for longer than [`timeout_idle`](crate::flow::Flow::timeout_idle) allows.
///
/// ```
/// use std::time::Duration;
/// use taktline::error::Idle;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let hour = Duration::from_secs(3600);
/// let slow = iter(0..2u64).then(move |x| async move { sleep(hour).await; x });
/// let error = slow.timeout_idle(hour / 2).count().run().await.unwrap_err();
/// assert_eq!(error.downcast_ref::<Idle>().map(Idle::time), Some(hour / 2));
/// assert_eq!(error.to_string(), "stage `timeout_idle` failed: no item came for 1800s");
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    time: Duration,
}

impl Idle {
    pub(crate) fn new(time: Duration) -> Idle {
        Idle { time }
    }

    /// How long it was waited for.
    pub fn time(&self) -> Duration {
        self.time
    }
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no item came for {:?}", self.time)
    }
}

impl StdError for Idle {}

/// A buffer was full whose policy is [`OnFull::Fail`](crate::op::OnFull::Fail).
///
/// ```
/// use std::time::Duration;
/// use taktline::OnFull;
/// use taktline::error::Overflow;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let slow = |x: u64| async move { sleep(Duration::from_secs(9)).await; x };
/// let flow = interval(Duration::from_secs(1)).buffer(2).on_full(OnFull::Fail).then(slow);
/// let error = flow.count().run().await.unwrap_err();
/// assert_eq!(error.downcast_ref::<Overflow>().map(Overflow::places), Some(2));
/// assert_eq!(error.to_string(), "stage `buffer` failed on item 4: 2 items wait and there is no room for another one");
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow {
    places: usize,
}

impl Overflow {
    pub(crate) fn new(places: usize) -> Overflow {
        Overflow { places }
    }

    /// How many items the buffer has room for.
    pub fn places(&self) -> usize {
        self.places
    }
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} items wait and there is no room for another one", self.places)
    }
}

impl StdError for Overflow {}

/// An item that [`resequence`](crate::flow::Flow::resequence) cannot put in order.
///
/// ```
/// use taktline::error::OutOfSequence;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let error = iter([0, 2, 3, 4, 5u64]).buffer(3).resequence(|x| *x).count().run().await.unwrap_err();
/// let cause = error.downcast_ref::<OutOfSequence>().expect("the 1 is missing");
/// assert_eq!((cause.number(), cause.expected()), (5, 1));
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfSequence {
    number: u64,
    expected: u64,
}

impl OutOfSequence {
    pub(crate) fn new(number: u64, expected: u64) -> OutOfSequence {
        OutOfSequence { number, expected }
    }

    /// The number of the item.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The number that was to move on next.
    pub fn expected(&self) -> u64 {
        self.expected
    }
}

impl fmt::Display for OutOfSequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OutOfSequence { number, expected } = self;
        if number > expected {
            write!(
                f,
                "number {number} came, {expected} did not, and there is no room for more; give it a larger buffer"
            )
        } else {
            write!(f, "number {number} came a second time")
        }
    }
}

impl StdError for OutOfSequence {}

/// The runtime dropped a task before it had ended.
#[derive(Debug)]
pub(crate) struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the runtime dropped its task; keep the runtime alive until the run has returned")
    }
}

impl StdError for Lost {}
