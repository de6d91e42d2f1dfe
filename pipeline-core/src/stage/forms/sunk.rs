//! Sinks with workers.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::{BlockingBody, Each, EachBody, Plain, WorkersBody};
use crate::flow::Flow;
use crate::run::Pipeline;
use crate::sink::Drain;
use crate::stage::policy::{Policy, attempt_methods, letter_methods, policy_methods};
use crate::stage::settings::Settings;
use crate::stage::{Keys, Stage, Staged};

#[doc(hidden)]
pub type EachSink<S, P = (), K = ()> = Sunk<EachBody<S>, P, K>;
#[doc(hidden)]
pub type WorkersSink<S, P = (), K = ()> = Sunk<WorkersBody<S>, P, K>;
#[doc(hidden)]
pub type BlockingSink<S, P = (), K = ()> = Sunk<BlockingBody<S>, P, K>;

/// A sink with workers, and its settings. Made by `#[sink]`; ends a flow by [`sink`](Flow::sink). Each setter overrides what
/// the attribute said.
///
/// ```
/// use taktline::prelude::*;
///
/// #[sink(concurrency = 2)]
/// async fn store(x: u64, sum: &std::sync::atomic::AtomicU64) {
///     sum.fetch_add(x, std::sync::atomic::Ordering::Relaxed);
/// }
///
/// # taktline::sim::run(1, async {
/// let sum = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
/// let report = iter(0..9u64).sink(store(sum.clone()).buffer(4).name("sum")).run().await?.report;
/// assert_eq!(report.stage("sum").map(|row| row.done), Some(9));
/// assert_eq!(sum.load(std::sync::atomic::Ordering::Relaxed), 36);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
///
/// # Ordering
/// Items are started in their order. With several workers they may end in any; there is no window.
#[must_use = "a sink does nothing until it is handed to `sink` and the pipeline is run"]
#[derive(Clone)]
pub struct Sunk<S, P = (), K = ()> {
    pub(crate) body: S,
    pub(crate) settings: Settings,
    pub(crate) policies: P,
    pub(crate) keys: K,
}

impl<S> Sunk<S> {
    fn named(name: &'static str, body: S) -> Self {
        Sunk { body, settings: Settings::new(name), policies: (), keys: () }
    }
}

policy_methods!(Sunk<S: Stage, item = S::In, keys: K>);
attempt_methods!(Sunk);
letter_methods!(Sunk);

impl<S, P, K> Sunk<S, P, K> {
    /// How many items may be in work at once. Default 1. Zero makes the plan invalid: `run` says so.
    pub fn concurrency(mut self, workers: usize) -> Self {
        self.settings.concurrency = Some(workers);
        self
    }

    /// How many items may wait before the sink. Default 16. Zero makes the plan invalid: `run` says so.
    pub fn buffer(mut self, items: usize) -> Self {
        self.settings.buffer = Some(items);
        self
    }

    /// How long a worker may take to close. Default: five seconds. Zero makes the plan invalid: `run` says so.
    /// [`Staged::close_within`](crate::stage::Staged::close_within) has an example.
    pub fn close_within(mut self, limit: Duration) -> Self {
        self.settings.close_within = Some(limit);
        self
    }

    /// The name in errors and reports. Default: the name of the function.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.settings.name = name.into();
        self
    }
}

impl<S, P, K> fmt::Debug for Sunk<S, P, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sunk").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<S: Each<Out = ()>> Sunk<EachBody<S>> {
    #[doc(hidden)]
    pub fn new(name: &'static str, body: S) -> Self {
        Sunk::named(name, EachBody(body))
    }
}

impl<S: Each<Out = ()>, P, K> Sunk<EachBody<S>, P, K> {
    /// Calls the function itself, without a pipeline.
    ///
    /// # Cancel safety
    /// That of the function.
    pub async fn call(&self, item: S::Item) -> S::Ret {
        let mut body = self.body.0.clone();
        body.call(item).await
    }
}

impl<S: Plain<Out = ()>> Sunk<WorkersBody<S>> {
    #[doc(hidden)]
    pub fn new(name: &'static str, body: S) -> Self {
        Sunk::named(name, WorkersBody(body))
    }
}

impl<S: Plain<Out = ()>, P, K> Sunk<WorkersBody<S>, P, K> {
    /// Calls the function itself, without a pipeline.
    pub fn call(&self, item: S::Item) -> S::Ret {
        self.body.0.clone().call(item)
    }
}

impl<S: Plain<Out = ()>> Sunk<BlockingBody<S>> {
    #[doc(hidden)]
    pub fn new(name: &'static str, body: S) -> Self {
        Sunk::named(name, BlockingBody(body))
    }
}

impl<S: Plain<Out = ()>, P, K> Sunk<BlockingBody<S>, P, K> {
    /// Calls the function itself, without a pipeline, on the thread of the caller.
    pub fn call(&self, item: S::Item) -> S::Ret {
        self.body.0.clone().call(item)
    }
}

/// Marker: a sink that an attribute made.
#[doc(hidden)]
#[derive(Debug)]
pub struct BySink;

#[diagnostic::do_not_recommend]
impl<S: Stage<Out = ()>, Q: Policy<S>, K: Keys<S>> Drain<S::In, BySink> for Sunk<S, Q, K> {
    fn end<P: Flow<Item = S::In>>(self, upstream: P) -> Pipeline<()> {
        let Sunk { body, settings, policies, keys } = self;
        keys.end(upstream, Staged { body, settings, policies, keys: () })
    }
}
