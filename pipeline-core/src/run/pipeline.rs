//! A plan whose ends are all closed by sinks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::running::{Run, Running};
use super::shared::Shared;
use super::stall::{Detector, Stall};
use super::token::StopToken;
use crate::describe::Description;
use crate::edge::DEFAULT_BUFFER;
use crate::error::{Error, Result};
use crate::flow::Flow;
use crate::ledger::{Kind, Report};
use crate::plan::{Build, Outline};
use crate::runtime::Rt;
use crate::sink::{FusedSink, FusedSinkPush};
use crate::sync::Mutex;

/// What a run that went well gives.
///
/// ```
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let done: Done<u64> = iter(0..3u64).count().run().await?;
/// assert_eq!(done.value, 3);
/// assert!(done.report.balances());
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Done<V> {
    /// The value of the sink: `()`, a collection, a fold, a count.
    pub value: V,
    /// The ledger at the end of the run.
    pub report: Report,
}

/// A plan whose ends are all closed by sinks. A value: it runs nothing until `run` or `start`, and can be cloned and run
/// many times.
///
/// ```
/// use taktline::prelude::*;
///
/// let pipeline = iter(0..100u64).then(|x| async move { x + 1 }).count();
/// assert_eq!(pipeline.bound(), 1 + 16 + 1);
/// for seed in 0..3 {
///     let done = taktline::sim::run(seed, pipeline.clone().run())?;
///     assert_eq!(done.value, 100);
/// }
/// # Ok::<(), taktline::Error>(())
/// ```
#[must_use = "a pipeline is a plan: nothing happens until it is run"]
pub struct Pipeline<V> {
    plan: Box<dyn Erased<V>>,
    watched: Watched,
}

impl<V: Send + 'static> Pipeline<V> {
    pub(crate) fn fused<P, S>(flow: P, sink: S) -> Pipeline<V>
    where
        P: Flow,
        S: FusedSink<P::Item, Value = V>,
    {
        Pipeline::of(FusedPipeline { flow, sink })
    }

    /// Lets `token` stop every run of the plan. A run that begins after the token was used is stopped as it begins. The last
    /// token that was given counts.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let stop = StopToken::new();
    /// let ticks = || iter(0u64..).then(|x| async move { sleep(Duration::from_secs(1)).await; x }).count().stop_on(&stop);
    /// let (one, two) = (ticks().start(), ticks().start());
    /// sleep(Duration::from_millis(2500)).await;
    /// stop.drain(Duration::from_secs(25));
    /// assert_eq!((one.join().await?.value, two.join().await?.value), (19, 19));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn stop_on(self, token: &StopToken) -> Self {
        Pipeline { watched: Watched { token: Some(token.clone()), ..self.watched }, ..self }
    }

    /// Calls `tell` when nothing has moved for a while `after` an item was accepted that has not come to its end: with who
    /// waits for whom, how full the edges are, and which items are the oldest.
    ///
    /// Off by default. The run then has a timer more; nothing is done for an item. It looks every quarter of the time, so a
    /// stall is told at most that much later, once, and again when something has moved since. A time below a millisecond
    /// counts as one. `tell` runs in a task of the run and is not to block. A panic in it fails the run, which is cut.
    ///
    /// An item that takes longer than that is told, too: choose a time that none should take.
    ///
    /// A diamond whose branches do not give the same number of items stops as soon as an edge is full:
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let (tell, told) = mpsc::channel();
    /// let few = stage(|x: u64| async move { x }).name("few");
    /// let pairs = iter(0..999u64).broadcast().to(|f| f).to(|f| f.filter(|x| x % 99 == 98).then(few)).zip();
    /// let plan = pairs.count().on_stall(Duration::from_secs(60), move |stall| tell.send(stall.to_string()).unwrap());
    /// let running = plan.start();
    /// sleep(Duration::from_secs(80)).await;
    /// let text = "\
    /// nothing has moved for 60s
    ///   `iter` waits for room before `broadcast`
    ///   `broadcast` waits for room before `zip`; waiting: 16 of 16 from `iter`; oldest: item 16, for 60s
    ///   `few` waits for input from `broadcast`; waiting: 0 of 16 from `broadcast`
    ///   `zip` waits for input from `few`; waiting: 16 of 16 from `broadcast`, 0 of 16 from `few`; oldest: item 0, for 60s";
    /// assert_eq!(told.try_recv().as_deref(), Ok(text));
    /// assert!(running.cancel().await.is_err());
    /// # });
    /// ```
    pub fn on_stall(self, after: Duration, tell: impl Fn(&Stall) + Send + Sync + 'static) -> Self {
        let detector = Some(Detector::new(after, tell));
        Pipeline { watched: Watched { detector, ..self.watched }, ..self }
    }

    /// Most items that can be in flight at once, known before a run: buffers, windows with held-back outputs, and one in the
    /// hand of each source and join. What a sink collects is not in flight.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// #[stage(concurrency = 2, buffer = 4)]
    /// async fn twice(x: u64, out: Out<u64>) {
    ///     out.send(x).await;
    ///     out.send(x).await;
    /// }
    ///
    /// let plan = iter(0..9u64).then(twice()).sink(store().buffer(3));
    /// // Source, edge, window of 4, which may each hold back as many outputs as the next edge has places, edge, worker.
    /// assert_eq!(plan.bound(), 1 + 4 + 4 + 4 * 3 + 3 + 1);
    ///
    /// #[sink]
    /// async fn store(_x: u64) {}
    /// ```
    pub fn bound(&self) -> usize {
        self.outline().bound()
    }

    /// The stages and edges of the plan, as text, as a flowchart of Mermaid or as DOT. Nothing runs.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// let plan = iter(0..9u64).broadcast().to(|all| all.count()).to(|all| all.take(2).collect::<Vec<_>>());
    /// let text = "\
    /// at most 18 items in flight
    /// iter (source)
    ///   -> broadcast: 16 places
    /// broadcast (split)
    ///   -> count: branch 0
    ///   -> take: branch 1
    /// count (sink)
    /// take (fused)
    ///   -> collect
    /// collect (sink)
    /// ";
    /// assert_eq!(plan.describe().to_string(), text);
    /// ```
    pub fn describe(&self) -> Description {
        self.outline().describe()
    }

    /// Runs the pipeline on `rt`. It starts at the first poll of the future.
    ///
    /// ```
    /// use taktline::prelude::*;
    /// use taktline::sim::Sim;
    ///
    /// let sim = Sim::new(1);
    /// let run = iter(0..3u64).then(|x| async move { 2 * x }).collect::<Vec<_>>().run_on(&sim.rt());
    /// let done = sim.block_on(run)?;
    /// assert_eq!(done.value, [0, 2, 4]);
    /// # Ok::<(), taktline::Error>(())
    /// ```
    ///
    /// # Errors
    /// See [`Run`].
    ///
    /// # Cancel safety
    /// A drop of the future aborts every task of the run; what was in flight is lost.
    pub fn run_on(self, rt: &Rt) -> Run<V> {
        Run::new(self, Ok(rt.clone()))
    }

    /// Starts the pipeline on `rt`, now. A plan that cannot run is told by [`Running::join`].
    ///
    /// ```
    /// use taktline::prelude::*;
    /// use taktline::sim::Sim;
    ///
    /// let sim = Sim::new(1);
    /// let running = iter(0..3u64).count().start_on(&sim.rt());
    /// assert_eq!(sim.block_on(running.join())?.value, 3);
    /// # Ok::<(), taktline::Error>(())
    /// ```
    pub fn start_on(self, rt: &Rt) -> Running<V> {
        Running::new(self, Ok(rt.clone()))
    }

    #[doc(hidden)]
    pub fn run_with(self, choose: fn() -> Result<Rt>) -> Run<V> {
        Run::choosing(self, choose)
    }

    #[doc(hidden)]
    pub fn start_with(self, rt: Result<Rt>) -> Running<V> {
        Running::new(self, rt)
    }

    fn outline(&self) -> Outline {
        let mut outline = Outline::default();
        self.outline_into(&mut outline);
        outline
    }

    pub(crate) fn outline_into(&self, outline: &mut Outline) {
        outline.end_here();
        self.plan.outline_box(outline);
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        self.outline().check()
    }

    pub(crate) fn build(self, build: &mut Build) -> Box<dyn Gives<V>> {
        self.plan.build_box(build)
    }

    /// A plan whose value is made by what it builds.
    pub(crate) fn of(plan: impl Plan<V>) -> Pipeline<V> {
        Pipeline { plan: Box::new(plan), watched: Watched::default() }
    }

    pub(super) fn watched(&self) -> Watched {
        self.watched.clone()
    }
}

impl Pipeline<()> {
    pub(crate) fn ended(ends: impl Ends) -> Pipeline<()> {
        Pipeline::of(EndedPipeline(ends))
    }
}

impl<V> Clone for Pipeline<V> {
    fn clone(&self) -> Self {
        Pipeline { plan: self.plan.clone_box(), watched: self.watched.clone() }
    }
}

impl<V> fmt::Debug for Pipeline<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pipeline")
    }
}

/// What looks after each run of a plan.
#[derive(Clone, Default)]
pub(super) struct Watched {
    token: Option<StopToken>,
    detector: Option<Detector>,
}

impl Watched {
    pub(super) fn begin(self, run: &Arc<Shared>) {
        if let Some(token) = self.token {
            token.attach(run);
        }
        if let Some(detector) = self.detector {
            detector.begin(run);
        }
    }
}

/// Where a sink puts the value of the run.
pub(crate) struct Value<V>(Arc<Mutex<Option<V>>>);

impl<V> Value<V> {
    pub(crate) fn set(&self, value: V) {
        *self.0.lock() = Some(value);
    }
}

impl<V> Default for Value<V> {
    fn default() -> Self {
        Value(Arc::new(Mutex::new(None)))
    }
}

impl<V> Clone for Value<V> {
    fn clone(&self) -> Self {
        Value(self.0.clone())
    }
}

/// What gives the value of a run that has ended well, once.
pub(crate) trait Gives<V>: Send + Sync {
    /// None if a sink has not set its value.
    fn give(&self) -> Option<V>;
}

impl<V: Send> Gives<V> for Value<V> {
    fn give(&self) -> Option<V> {
        self.0.lock().take()
    }
}

/// A plan without an open end, before its type is erased.
pub(crate) trait Plan<V>: Clone + Send + 'static {
    fn build(self, build: &mut Build) -> Box<dyn Gives<V>>;
    fn outline(&self, outline: &mut Outline);
}

trait Erased<V>: Send {
    fn build_box(self: Box<Self>, build: &mut Build) -> Box<dyn Gives<V>>;
    fn outline_box(&self, outline: &mut Outline);
    fn clone_box(&self) -> Box<dyn Erased<V>>;
}

impl<V, P: Plan<V>> Erased<V> for P {
    fn build_box(self: Box<Self>, build: &mut Build) -> Box<dyn Gives<V>> {
        self.build(build)
    }

    fn outline_box(&self, outline: &mut Outline) {
        self.outline(outline);
    }

    fn clone_box(&self) -> Box<dyn Erased<V>> {
        Box::new(self.clone())
    }
}

/// A plan that ends in a sink without a value.
pub(crate) trait Ends: Clone + Send + 'static {
    fn build(self, build: &mut Build);
    fn outline(&self, outline: &mut Outline);
}

#[derive(Clone)]
struct EndedPipeline<E>(E);

impl<E: Ends> Plan<()> for EndedPipeline<E> {
    fn build(self, build: &mut Build) -> Box<dyn Gives<()>> {
        let value = Value::default();
        value.set(());
        self.0.build(build);
        Box::new(value)
    }

    fn outline(&self, outline: &mut Outline) {
        self.0.outline(outline);
    }
}

#[derive(Clone)]
struct FusedPipeline<P, S> {
    flow: P,
    sink: S,
}

impl<P: Flow, S: FusedSink<P::Item>> Plan<S::Value> for FusedPipeline<P, S> {
    fn build(self, build: &mut Build) -> Box<dyn Gives<S::Value>> {
        let FusedPipeline { flow, sink } = self;
        let value = Value::default();
        let push = FusedSinkPush::new(sink, value.clone(), build);
        flow.build(build, push);
        Box::new(value)
    }

    fn outline(&self, outline: &mut Outline) {
        outline.fused_as(S::NAME, Kind::Sink);
        self.flow.outline(outline, DEFAULT_BUFFER);
    }
}
