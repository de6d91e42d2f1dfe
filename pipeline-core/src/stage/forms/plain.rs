//! Plain functions, fused into the task before them.

use std::borrow::Cow;
use std::fmt;

use super::{Plain, Sunk, WorkersBody, WorkersSink, WorkersStage};
use crate::flow::Flow;
use crate::run::Pipeline;
use crate::sink::Drain;
use crate::stage::plain::{PlainBody, PlainFlow, PlainSinkFlow};
use crate::stage::policy::{Policies, policy_methods};
use crate::stage::settings::Settings;
use crate::stage::{Staged, Step};

/// A plain function, fused into the task before it. Made by `#[stage]`.
///
/// ```
/// use taktline::prelude::*;
///
/// #[stage]
/// fn double(x: u64) -> u64 {
///     2 * x
/// }
///
/// # taktline::sim::run(1, async {
/// assert_eq!(double().call(4), 8);
/// let plan = iter(0..3u64).then(double()).then(double().concurrency(2)).collect::<Vec<_>>();
/// // The hand of the source, the edge before the one with workers, its window.
/// assert_eq!(plan.bound(), 1 + 16 + 4);
/// assert_eq!(plan.run().await?.value, [0, 4, 8]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
#[must_use = "a stage does nothing until it is handed to `then` and the pipeline is run"]
#[derive(Clone)]
pub struct PlainStage<S, P = ()> {
    body: S,
    settings: Settings,
    policies: P,
}

/// A plain function as a sink, fused into the task before it. Made by `#[sink]`.
///
/// ```
/// use taktline::prelude::*;
///
/// #[sink]
/// fn check(x: u64) -> Result<(), String> {
///     if x < 2 { Ok(()) } else { Err(format!("{x} is too many")) }
/// }
///
/// # taktline::sim::run(1, async {
/// let error = iter(0..3u64).sink(check()).run().await.unwrap_err();
/// assert_eq!(error.to_string(), "stage `check` failed on item 2: 2 is too many");
/// # });
/// ```
#[must_use = "a sink does nothing until it is handed to `sink` and the pipeline is run"]
#[derive(Clone)]
pub struct PlainSink<S, P = ()> {
    body: S,
    settings: Settings,
    policies: P,
}

macro_rules! plain_forms {
    ($($name:ident),*) => {$(
        impl<S> $name<S> {
            #[doc(hidden)]
            pub fn new(name: &'static str, body: S) -> Self {
                $name { body, settings: Settings::new(name), policies: () }
            }
        }

        impl<S, P> $name<S, P> {
            /// The name in errors and reports. Default: the name of the function.
            pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
                self.settings.name = name.into();
                self
            }
        }

        policy_methods!($name<S: Plain, item = S::Item>);

        impl<S, P> fmt::Debug for $name<S, P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("settings", &self.settings).finish_non_exhaustive()
            }
        }
    )*};
}
plain_forms!(PlainStage, PlainSink);

impl<S: Plain, P> PlainStage<S, P> {
    /// Calls the function itself, without a pipeline.
    pub fn call(&self, item: S::Item) -> S::Ret {
        self.body.clone().call(item)
    }

    /// Gives the function workers, and an edge before them, instead of fusing it.
    pub fn concurrency(self, workers: usize) -> WorkersStage<S, P> {
        self.with_workers().concurrency(workers)
    }

    /// Gives the function a worker, and an edge of that many places before it, instead of fusing it.
    pub fn buffer(self, items: usize) -> WorkersStage<S, P> {
        self.with_workers().buffer(items)
    }

    fn with_workers(self) -> WorkersStage<S, P> {
        Staged { body: WorkersBody(self.body), settings: self.settings, policies: self.policies, keys: () }
    }
}

impl<S: Plain<Out = ()>, P> PlainSink<S, P> {
    /// Calls the function itself, without a pipeline.
    pub fn call(&self, item: S::Item) -> S::Ret {
        self.body.clone().call(item)
    }

    /// Gives the function workers, and an edge before them, instead of fusing it.
    pub fn concurrency(self, workers: usize) -> WorkersSink<S, P> {
        self.with_workers().concurrency(workers)
    }

    /// Gives the function a worker, and an edge of that many places before it, instead of fusing it.
    pub fn buffer(self, items: usize) -> WorkersSink<S, P> {
        self.with_workers().buffer(items)
    }

    fn with_workers(self) -> WorkersSink<S, P> {
        Sunk { body: WorkersBody(self.body), settings: self.settings, policies: self.policies, keys: () }
    }
}

/// Marker: a fused stage that an attribute made.
#[doc(hidden)]
#[derive(Debug)]
pub struct ByPlain;

#[diagnostic::do_not_recommend]
impl<S: Plain, Q: Into<Policies<S::Item>>> Step<S::Item, ByPlain> for PlainStage<S, Q> {
    type Flow<P: Flow<Item = S::Item>> = PlainFlow<P, S>;

    fn attach<P: Flow<Item = S::Item>>(self, upstream: P) -> Self::Flow<P> {
        PlainFlow { upstream, plain: PlainBody::new(self.body, self.settings.name, self.policies) }
    }
}

#[diagnostic::do_not_recommend]
impl<S: Plain<Out = ()>, Q: Into<Policies<S::Item>>> Drain<S::Item, ByPlain> for PlainSink<S, Q> {
    fn end<P: Flow<Item = S::Item>>(self, upstream: P) -> Pipeline<()> {
        let plain = PlainBody::new(self.body, self.settings.name, self.policies);
        Pipeline::ended(PlainSinkFlow { upstream, plain })
    }
}
