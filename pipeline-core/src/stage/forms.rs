//! The forms of the attributes: what `#[stage]`, `#[source]` and `#[sink]` make of a function.
//!
//! The signature says what the stage does. Each form is a trait that the generated type implements, and a value with the
//! settings that make sense for it.

use std::borrow::Cow;
use std::fmt;
use std::future::{Future, ready};

use super::plain::{PlainBody, PlainFlow, PlainSinkFlow};
use super::policy::{Policies, policy_methods};
use super::settings::Settings;
use super::stream::{SourceFlow, StreamFlow, StreamSinkFlow};
use super::{Backoff, In, Mapped, Out, Stage, Staged, Step, Sunk};
use crate::error::BoxError;
use crate::flow::{BoxFlow, Flow};
use crate::ledger::Kind;
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::run::Pipeline;
use crate::sink::Drain;
use crate::stage::blocking::run_blocking;

/// `async fn(item, ..) -> Ret`: one to one. Also a sink, with `Out = ()`.
#[doc(hidden)]
pub trait Each: Clone + Send + 'static {
    type Item: Send + 'static;
    type Ret;
    type Out: Send + 'static;
    fn call(&mut self, item: Self::Item) -> impl Future<Output = Self::Ret> + Send;
    fn outcome(ret: Self::Ret) -> Result<Self::Out, BoxError>;
    /// Whether there are hooks.
    const HOOKS: bool = false;
    fn init(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }
    fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }
}

/// `async fn(item, .., out: Out<U>) -> Ret`: one to many.
#[doc(hidden)]
pub trait Many: Clone + Send + 'static {
    type Item: Send + 'static;
    type Ret;
    type Out: Send + 'static;
    fn call(&mut self, item: Self::Item, out: Out<'_, Self::Out>) -> impl Future<Output = Self::Ret> + Send;
    fn outcome(ret: Self::Ret) -> Result<(), BoxError>;
    /// Whether there are hooks.
    const HOOKS: bool = false;
    fn init(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }
    fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }
}

/// `async fn(input: In<T>, .., out: Out<U>) -> Ret`: stream to stream. Also a sink, with `Out = ()`.
#[doc(hidden)]
pub trait Transform: Clone + Send + 'static {
    type Item: Send + 'static;
    type Ret;
    type Out: Send + 'static;
    fn run(&mut self, input: In<'_, Self::Item>, out: Out<'_, Self::Out>) -> impl Future<Output = Self::Ret> + Send;
    fn outcome(ret: Self::Ret) -> Result<(), BoxError>;
}

/// `async fn(.., out: Out<T>) -> Ret`: a source.
#[doc(hidden)]
pub trait Generate: Clone + Send + 'static {
    type Ret;
    type Out: Send + 'static;
    fn run(&mut self, out: Out<'_, Self::Out>) -> impl Future<Output = Self::Ret> + Send;
    fn outcome(ret: Self::Ret) -> Result<(), BoxError>;
}

/// `fn(item, ..) -> Ret`: fused, or the body of a blocking stage, or of a plain stage with workers.
#[doc(hidden)]
pub trait Plain: Clone + Send + 'static {
    type Item: Send + 'static;
    type Ret: Send + 'static;
    type Out: Send + 'static;
    fn call(&mut self, item: Self::Item) -> Self::Ret;
    fn outcome(ret: Self::Ret) -> Result<Self::Out, BoxError>;
    /// Whether there are hooks.
    const HOOKS: bool = false;
    fn init(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }
    fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }
}

/// Makes a [`Stage`] of an [`Each`].
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct EachBody<S>(pub(super) S);

/// Makes a [`Stage`] of a [`Many`].
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct ManyBody<S>(pub(super) S);

/// Makes a [`Stage`] of a [`Plain`], run by workers.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct WorkersBody<S>(pub(super) S);

/// Makes a [`Stage`] of a [`Plain`], run where blocking is allowed.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct BlockingBody<S>(pub(super) S);

#[doc(hidden)]
pub type EachStage<S, P = (), K = ()> = Staged<EachBody<S>, P, K>;
#[doc(hidden)]
pub type ManyStage<S, P = (), K = ()> = Staged<ManyBody<S>, P, K>;
#[doc(hidden)]
pub type WorkersStage<S, P = (), K = ()> = Staged<WorkersBody<S>, P, K>;
#[doc(hidden)]
pub type BlockingStage<S, P = (), K = ()> = Staged<BlockingBody<S>, P, K>;
#[doc(hidden)]
pub type EachSink<S, P = (), K = ()> = Sunk<EachBody<S>, P, K>;
#[doc(hidden)]
pub type WorkersSink<S, P = (), K = ()> = Sunk<WorkersBody<S>, P, K>;
#[doc(hidden)]
pub type BlockingSink<S, P = (), K = ()> = Sunk<BlockingBody<S>, P, K>;

impl<S: Each> Stage for EachBody<S> {
    type In = S::Item;
    type Out = S::Out;
    const HOOKS: bool = S::HOOKS;
    const SENDS: bool = false;

    fn call(
        &mut self,
        item: S::Item,
        _: Out<'_, S::Out>,
    ) -> impl Future<Output = Result<Option<S::Out>, BoxError>> + Send {
        Mapped::new(self.0.call(item), |ret| S::outcome(ret).map(Some))
    }

    async fn init(&mut self) -> Result<(), BoxError> {
        self.0.init().await
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.0.close().await
    }
}

impl<S: Many> Stage for ManyBody<S> {
    type In = S::Item;
    type Out = S::Out;
    const HOOKS: bool = S::HOOKS;

    fn call(
        &mut self,
        item: S::Item,
        out: Out<'_, S::Out>,
    ) -> impl Future<Output = Result<Option<S::Out>, BoxError>> + Send {
        Mapped::new(self.0.call(item, out), |ret| S::outcome(ret).map(|()| None))
    }

    async fn init(&mut self) -> Result<(), BoxError> {
        self.0.init().await
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.0.close().await
    }
}

impl<S: Plain> Stage for WorkersBody<S> {
    type In = S::Item;
    type Out = S::Out;
    const HOOKS: bool = S::HOOKS;
    const SENDS: bool = false;
    const AWAITS: bool = false;

    fn call(
        &mut self,
        item: S::Item,
        _: Out<'_, S::Out>,
    ) -> impl Future<Output = Result<Option<S::Out>, BoxError>> + Send {
        ready(S::outcome(self.0.call(item)).map(Some))
    }

    async fn init(&mut self) -> Result<(), BoxError> {
        self.0.init().await
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.0.close().await
    }
}

impl<S: Plain> Stage for BlockingBody<S> {
    type In = S::Item;
    type Out = S::Out;
    const HOOKS: bool = S::HOOKS;
    const SENDS: bool = false;
    const AWAITS: bool = false;

    async fn call(&mut self, item: S::Item, out: Out<'_, S::Out>) -> Result<Option<S::Out>, BoxError> {
        let mut body = self.0.clone();
        let ret = run_blocking(out.hold(), move || body.call(item)).await?;
        S::outcome(ret).map(Some)
    }

    async fn init(&mut self) -> Result<(), BoxError> {
        self.0.init().await
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.0.close().await
    }
}

macro_rules! staged_forms {
    ($($body:ident: $form:ident),*) => {$(
        impl<S: $form> Staged<$body<S>> {
            #[doc(hidden)]
            pub fn new(name: &'static str, body: S) -> Self {
                Staged::named(name, $body(body))
            }
        }
    )*};
}
staged_forms!(EachBody: Each, ManyBody: Many, WorkersBody: Plain, BlockingBody: Plain);

impl<S: Each, P, K> Staged<EachBody<S>, P, K> {
    /// Calls the function itself, without a pipeline, with a clone of its configuration.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// #[stage]
    /// async fn add(x: u64, by: u64) -> u64 {
    ///     x + by
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// assert_eq!(add(3).call(4).await, 7);
    /// # });
    /// ```
    ///
    /// # Cancel safety
    /// That of the function.
    pub async fn call(&self, item: S::Item) -> S::Ret {
        let mut body = self.body.0.clone();
        body.call(item).await
    }
}

impl<S: Plain, P, K> Staged<WorkersBody<S>, P, K> {
    /// Calls the function itself, without a pipeline.
    pub fn call(&self, item: S::Item) -> S::Ret {
        self.body.0.clone().call(item)
    }
}

impl<S: Plain, P, K> Staged<BlockingBody<S>, P, K> {
    /// Calls the function itself, without a pipeline, on the thread of the caller.
    pub fn call(&self, item: S::Item) -> S::Ret {
        self.body.0.clone().call(item)
    }
}

/// A stream-to-stream stage, and its settings. Made by `#[stage]`; [`In`] has an example.
///
/// It reads a whole stream, so it has one worker: there is no `concurrency`. An item is in work from its read until the next
/// read, or the end of the function.
#[must_use = "a stage does nothing until it is handed to `then` and the pipeline is run"]
#[derive(Clone)]
pub struct StreamStage<S> {
    body: S,
    settings: Settings,
}

/// A sink that reads a whole stream, and its settings. Made by `#[sink]`.
///
/// ```
/// use taktline::prelude::*;
///
/// #[sink(buffer = 2)]
/// async fn rising(input: In<u64>) -> Result<(), String> {
///     let mut last = 0;
///     while let Some(x) = input.next().await {
///         if x < last {
///             return Err(format!("{x} comes after {last}"));
///         }
///         last = x;
///     }
///     Ok(())
/// }
///
/// # taktline::sim::run(1, async {
/// assert!(iter([1, 2, 3u64]).sink(rising()).run().await.is_ok());
/// let error = iter([2, 1u64]).sink(rising()).run().await.unwrap_err();
/// assert_eq!(error.to_string(), "stage `rising` failed on item 1: 1 comes after 2");
/// # });
/// ```
#[must_use = "a sink does nothing until it is handed to `sink` and the pipeline is run"]
#[derive(Clone)]
pub struct StreamSink<S> {
    body: S,
    settings: Settings,
}

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

/// A source. Made by `#[source]`: call the function, and this flow is what it returns.
///
/// Its function runs in a task of its own, and again from its start in each run of the plan.
///
/// ```
/// use taktline::prelude::*;
///
/// #[source]
/// async fn up_to(n: u64, out: Out<u64>) {
///     for x in 0..n {
///         out.send(x).await;
///     }
/// }
///
/// # taktline::sim::run(1, async {
/// let plan = up_to(3).name("numbers").collect::<Vec<_>>();
/// let done = plan.clone().run().await?;
/// assert_eq!(done.value, [0, 1, 2]);
/// assert_eq!(done.report.stage("numbers").map(|row| row.items_out), Some(3));
/// assert_eq!(plan.run().await?.value, [0, 1, 2]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
#[must_use = "a source is a plan: end it in a sink and run it, or start it and read it"]
#[derive(Clone)]
pub struct Generator<S> {
    body: S,
    settings: Settings,
    restart: Option<Backoff>,
}

impl<S> Generator<S> {
    #[doc(hidden)]
    pub fn new(name: &'static str, body: S) -> Self {
        Generator { body, settings: Settings::new(name), restart: None }
    }

    /// The name in errors and reports. Default: the name of the function.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.settings.name = name.into();
        self
    }

    /// Runs the function again, from its start and with a fresh clone of its configuration, each time it has returned an error
    /// or has panicked. Default: that fails the run.
    ///
    /// What it had sent goes on. The waits are those of the [`Backoff`]; they begin anew once the function has run for a
    /// minute. There is no last time: a cancel, a drain or a failure elsewhere ends it. The report counts restarts as
    /// `retried`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// /// Loses its connection after two items.
    /// #[source(restart = 1s)]
    /// async fn feed(next: &std::sync::atomic::AtomicU64, out: Out<u64>) -> Result<(), String> {
    ///     for _ in 0..2 {
    ///         out.send(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)).await;
    ///     }
    ///     Err("the connection is lost".to_owned())
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// let plan = feed(std::sync::atomic::AtomicU64::new(0)).restart(Backoff::exponential(Duration::from_secs(1)));
    /// let done = plan.take(6).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [0, 1, 2, 3, 4, 5]);
    /// // One wait of a second, and one of two.
    /// assert_eq!(done.report.elapsed(), Duration::from_secs(3));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn restart(mut self, backoff: impl Into<Backoff>) -> Self {
        self.restart = Some(backoff.into());
        self
    }
}

impl<S> fmt::Debug for Generator<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generator").field("settings", &self.settings).finish_non_exhaustive()
    }
}

macro_rules! named_forms {
    ($($name:ident),*) => {$(
        impl<S> $name<S> {
            #[doc(hidden)]
            pub fn new(name: &'static str, body: S) -> Self {
                $name { body, settings: Settings::new(name) }
            }

            /// The name in errors and reports. Default: the name of the function.
            pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
                self.settings.name = name.into();
                self
            }
        }

        impl<S> fmt::Debug for $name<S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("settings", &self.settings).finish_non_exhaustive()
            }
        }
    )*};
}
named_forms!(StreamStage, StreamSink);

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

impl<S> StreamStage<S> {
    /// How many items may wait before the stage. Default 16. Zero makes the plan invalid: `run` says so.
    pub fn buffer(mut self, items: usize) -> Self {
        self.settings.buffer = Some(items);
        self
    }
}

impl<S> StreamSink<S> {
    /// How many items may wait before the sink. Default 16. Zero makes the plan invalid: `run` says so.
    pub fn buffer(mut self, items: usize) -> Self {
        self.settings.buffer = Some(items);
        self
    }
}

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

/// Marker: a stream-to-stream stage that an attribute made.
#[doc(hidden)]
#[derive(Debug)]
pub struct ByStream;

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

#[diagnostic::do_not_recommend]
impl<S: Transform> Step<S::Item, ByStream> for StreamStage<S> {
    type Flow<P: Flow<Item = S::Item>> = BoxFlow<S::Out, P::Lineage>;

    fn attach<P: Flow<Item = S::Item>>(self, upstream: P) -> Self::Flow<P> {
        StreamFlow { upstream, body: self.body, settings: self.settings }.boxed()
    }
}

#[diagnostic::do_not_recommend]
impl<S: Transform<Out = ()>> Drain<S::Item, ByStream> for StreamSink<S> {
    fn end<P: Flow<Item = S::Item>>(self, upstream: P) -> Pipeline<()> {
        Pipeline::ended(StreamSinkFlow { upstream, body: self.body, settings: self.settings })
    }
}

impl<S: Generate> Flow for Generator<S> {
    type Item = S::Out;
    type Lineage = ();

    fn build<N: Push<S::Out, ()>>(self, build: &mut Build, next: N) {
        SourceFlow { body: self.body, name: self.settings.name, restart: self.restart }.build(build, next);
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline.hold(1);
        outline.node(&self.settings.name, Kind::Source);
        if let Some(backoff) = &self.restart {
            outline.note(format!("restart, {backoff}"));
        }
    }
}
