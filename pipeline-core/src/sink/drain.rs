//! Sinks that await: stages without outputs.

use std::future::Future;

use crate::edge::{DEFAULT_BUFFER, edge};
use crate::error::BoxError;
use crate::flow::Flow;
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::plan::{Build, Outline};
use crate::push::{Outlet, Push, takes_all};
use crate::run::{Ends, Pipeline};
use crate::stage::{Body, Mapped, Out, Policy, Pool, Settings, Site, Stage, drive, emit};

/// What [`sink`](Flow::sink) takes: what `#[sink]` made, an async closure or function that returns `()`, or a hand-written
/// [`Stage`] without outputs.
///
/// `T` is the item that comes in. `M` is inferred; no program names it. Programs do not implement it.
#[diagnostic::on_unimplemented(
    message = "this is not a sink for items of `{T}`",
    label = "does not end a flow of `{T}`",
    note = "what comes before yields `{T}`, so the sink must take `{T}`",
    note = "a function that `#[sink]` annotates is called to make the sink: `.sink(store())`, `.sink(store(folder))`",
    note = "a closure must return a future of `()`: `.sink(|x| async move {{ .. }})`; one that does not await goes into `.for_each(|x| ..)`",
    note = "what `#[stage]` annotates goes into `.then(..)`; to end a flow with it, annotate it with `#[sink]`"
)]
pub trait Drain<T, M> {
    #[doc(hidden)]
    fn end<P: Flow<Item = T>>(self, upstream: P) -> Pipeline<()>;
}

/// Marker: an async closure.
#[doc(hidden)]
#[derive(Debug)]
pub struct ByClosure<Fut>(std::marker::PhantomData<fn() -> Fut>);

impl<T, F, Fut> Drain<T, ByClosure<Fut>> for F
where
    T: Send + 'static,
    F: FnMut(T) -> Fut + Clone + Send + 'static,
    Fut: Body<Output = ()> + Send + 'static,
{
    fn end<P: Flow<Item = T>>(self, upstream: P) -> Pipeline<()> {
        let body = SinkFn { f: self, takes: std::marker::PhantomData };
        Pipeline::ended(WorkerSink::new(upstream, body, Settings::new("sink"), ()))
    }
}

/// Marker: a hand-written stage without outputs.
#[doc(hidden)]
#[derive(Debug)]
pub struct ByStage;

#[diagnostic::do_not_recommend]
impl<S: Stage<Out = ()>> Drain<S::In, ByStage> for S {
    fn end<P: Flow<Item = S::In>>(self, upstream: P) -> Pipeline<()> {
        Pipeline::ended(WorkerSink::new(upstream, self, Settings::new("sink"), ()))
    }
}

struct SinkFn<T, F> {
    f: F,
    takes: std::marker::PhantomData<fn(T)>,
}

impl<T, F: Clone> Clone for SinkFn<T, F> {
    fn clone(&self) -> Self {
        SinkFn { f: self.f.clone(), takes: std::marker::PhantomData }
    }
}

impl<T, F, Fut> Stage for SinkFn<T, F>
where
    T: Send + 'static,
    F: FnMut(T) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    type In = T;
    type Out = ();
    const SENDS: bool = false;
    const HOOKS: bool = false;

    fn call(&mut self, item: T, _: Out<'_, ()>) -> impl Future<Output = Result<Option<()>, BoxError>> + Send {
        Mapped::new((self.f)(item), |()| Ok(None))
    }
}

/// A sink with workers, at the end of `upstream`.
#[derive(Clone)]
pub(crate) struct WorkerSink<P, S, Q> {
    upstream: P,
    body: S,
    settings: Settings,
    policies: Q,
}

impl<P, S, Q> WorkerSink<P, S, Q> {
    /// A sink has no order to keep, and so no window: what is finished has left.
    pub(crate) fn new(upstream: P, body: S, settings: Settings, policies: Q) -> Self {
        WorkerSink { upstream, body, settings: Settings { is_unordered: !settings.has_keys, ..settings }, policies }
    }
}

impl<P: Flow, S: Stage<In = P::Item>, Q: Policy<S>> Ends for WorkerSink<P, S, Q> {
    fn build(self, build: &mut Build) {
        let WorkerSink { upstream, body, settings, policies } = self;
        let (node, body) = policies.guard(body, &settings.name, Kind::Sink, build);
        settings.tell(&node);
        let site = Site { run: build.run.clone(), node };
        let (tx, rx) = edge(settings.edge_buffer(upstream.edge_buffer()), &site.node);
        let outlet = Outlet::Fused(Box::new(Nowhere));
        let limits = settings.limits(DEFAULT_BUFFER);
        if limits.workers == 1 {
            build.task(&site, drive(body, rx, outlet, site.clone()));
        } else {
            let pool = Pool::new(body, rx, outlet, limits, site.clone());
            build.task(&site, emit(pool.clone()));
            build.on_start(move || pool.open());
        }
        upstream.build(build, tx);
    }

    fn outline(&self, outline: &mut Outline) {
        let settings = &self.settings;
        let buffer = settings.edge_buffer(self.upstream.edge_buffer());
        self.policies.outline_letters(outline);
        let at = outline.node(&settings.name, Kind::Sink);
        settings.outline(outline, 0, false);
        self.policies.outline(&settings.name, outline);
        outline.edge(at, &settings.name, buffer);
        self.upstream.outline(outline, buffer);
    }
}

/// What comes after a sink.
pub(crate) struct Nowhere;

impl<T: Send + 'static, L: Lineage> Push<T, L> for Nowhere {
    fn push(&mut self, _: T, _: L) {}

    fn flush(&mut self) {}
    fn own_up(&mut self) {}

    takes_all!();
}
