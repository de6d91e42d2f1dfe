//! What a case is, and how it is run.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use taktline_core::runtime::Rt;

/// What a case says: fine, or what was wrong.
pub type Verdict = Result<(), String>;

/// A case that runs on a runtime.
pub type VerdictFuture = Pin<Box<dyn Future<Output = Verdict>>>;

/// A runtime that a case may use, and shut down.
pub trait Host {
    /// The runtime as a value.
    fn rt(&self) -> Rt;

    /// Runs `future` to its end, with the runtime as the current one. Other tasks run on meanwhile, and stay afterwards.
    fn block_on(&self, future: VerdictFuture) -> Verdict;

    /// Whether the runtime can be shut down. One that lives as long as the process cannot.
    fn can_shut_down(&self) -> bool {
        true
    }

    /// Shuts the runtime down. When it returns, all tasks were dropped.
    fn shutdown(self: Box<Self>);
}

/// What came of a case on one runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All was as promised.
    Passed,
    /// Something was not as promised, has panicked, or hangs.
    Failed(String),
    /// The case is about shutdown, and the runtime [cannot](Host::can_shut_down).
    NotApplicable,
}

impl Outcome {
    /// Whether something was not as promised.
    pub fn is_failed(&self) -> bool {
        matches!(self, Outcome::Failed(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Passed => f.write_str("passed"),
            Outcome::Failed(reason) => write!(f, "failed: {reason}"),
            Outcome::NotApplicable => f.write_str("not applicable"),
        }
    }
}

/// One promise, as a small program.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What it is about: the name of its file.
    pub topic: &'static str,
    /// What is promised. Unique in its topic.
    pub name: &'static str,
    run: Run,
}

#[derive(Clone, Copy, Debug)]
enum Run {
    /// On a runtime that stays.
    Inside(fn(Rt) -> VerdictFuture),
    /// Around a runtime, which it shuts down.
    Around(fn(Box<dyn Host>) -> Verdict),
}

impl Case {
    pub(crate) const fn inside(topic: &'static str, name: &'static str, run: fn(Rt) -> VerdictFuture) -> Case {
        Case { topic, name, run: Run::Inside(run) }
    }

    pub(crate) const fn around(topic: &'static str, name: &'static str, run: fn(Box<dyn Host>) -> Verdict) -> Case {
        Case { topic, name, run: Run::Around(run) }
    }

    /// Topic and name.
    pub fn full_name(&self) -> String {
        format!("{}::{}", self.topic, self.name)
    }

    /// Runs the case on a new host, on a thread of its own. If it has no verdict within `limit` it hangs, and its thread is
    /// left behind.
    ///
    /// # Panics
    /// If the operating system gives no thread.
    pub fn run<H>(&self, limit: Duration, host: H) -> Outcome
    where
        H: FnOnce() -> Box<dyn Host> + Send + 'static,
    {
        let run = self.run;
        let (told, outcome) = channel();
        thread::spawn(move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| verdict(run, host())));
            let outcome = outcome.unwrap_or_else(|panic| Outcome::Failed(format!("panicked: {}", text(&*panic))));
            // Nobody listens any more once the limit is over.
            let _ = told.send(outcome);
        });
        match outcome.recv_timeout(limit) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => Outcome::Failed(format!("hangs: no verdict within {limit:?}")),
            Err(RecvTimeoutError::Disconnected) => Outcome::Failed("its thread has ended without a verdict".to_owned()),
        }
    }
}

fn verdict(run: Run, host: Box<dyn Host>) -> Outcome {
    let verdict = match run {
        Run::Inside(run) => host.block_on(run(host.rt())),
        Run::Around(run) if host.can_shut_down() => run(host),
        Run::Around(_) => return Outcome::NotApplicable,
    };
    verdict.map_or_else(Outcome::Failed, |()| Outcome::Passed)
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a value that is no text")
}
