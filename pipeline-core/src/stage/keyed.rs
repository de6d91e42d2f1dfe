//! Stages whose items keep their order for each key.
//!
//! A fused step before the edge of the stage tells the key of each item, so that none of the user's code runs as workers
//! look for an item that may start: see [`pool::keys`](super::pool).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use super::policy::Policy;
use super::staged::StageFlow;
use super::{Out, Settings, Stage, Staged, Sunk};
use crate::error::BoxError;
use crate::flow::{BoxFlow, Flow};
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::op::{FusedCount, pass_on};
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::run::{Node, Pipeline};
use crate::sink::WorkerSink;

impl<S: Stage, P, K> Staged<S, P, K> {
    /// Lets outputs leave in any order, but keeps the order of the items of each key: they are in work one after the other.
    /// Items of different keys are in work at once, as far as the [concurrency](Self::concurrency) goes.
    ///
    /// An item whose key is in work lets later ones of other keys pass, and keeps its place before the stage. So a key with
    /// many items keeps others back only when it has taken all of the [buffer](Self::buffer). Keys are told apart by a hash
    /// of 64 bits; two that have the same one are handled as one key. With one worker, everything is in order.
    ///
    /// An item keeps its key until it has failed for good: the next one of its key begins after all further attempts and the
    /// waits between them. A step with the name `by_key` tells the key of each item, in the task before the stage. A stage that
    /// is [`unordered`](Self::unordered) too, or has a [`window`](Self::window), makes the plan invalid: `run` says so.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// #[stage(concurrency = 4)]
    /// async fn fetch(page: (&'static str, u64)) -> (&'static str, u64) {
    ///     sleep(Duration::from_secs(page.1)).await;
    ///     page
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// let pages = iter([("a", 5), ("a", 1), ("b", 2), ("b", 1)]);
    /// let done = pages.then(fetch().by_key(|(host, _)| *host)).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [("b", 2), ("b", 1), ("a", 5), ("a", 1)]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Panics
    /// A closure that panics fails the run with the name `by_key`.
    ///
    /// # Ordering
    /// Outputs of one key leave in the order of their items.
    pub fn by_key<H, F>(self, key: F) -> Staged<S, P, ByKey<F, H>>
    where
        H: Hash,
        F: FnMut(&S::In) -> H + Clone + Send + 'static,
    {
        let Staged { body, settings, policies, .. } = self;
        Staged { body, settings, policies, keys: ByKey::new(key) }
    }
}

impl<S: Stage, P, K> Sunk<S, P, K> {
    /// Keeps the order of the items of each key: they are in work one after the other. Items of different keys are in work at
    /// once, as far as the [concurrency](Self::concurrency) goes. It is what [`Staged::by_key`] is for a stage.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// #[sink(concurrency = 4)]
    /// async fn apply(change: (&'static str, u64), log: &std::sync::Mutex<Vec<(&'static str, u64)>>) {
    ///     sleep(std::time::Duration::from_secs(change.1)).await;
    ///     log.lock().unwrap().push(change);
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// let log = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    /// let changes = iter([("a", 5), ("a", 1), ("b", 2)]);
    /// changes.sink(apply(log.clone()).by_key(|(account, _)| *account)).run().await?;
    /// assert_eq!(*log.lock().unwrap(), [("b", 2), ("a", 5), ("a", 1)]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn by_key<H, F>(self, key: F) -> Sunk<S, P, ByKey<F, H>>
    where
        H: Hash,
        F: FnMut(&S::In) -> H + Clone + Send + 'static,
    {
        let Sunk { body, settings, policies, .. } = self;
        Sunk { body, settings, policies, keys: ByKey::new(key) }
    }
}

/// What tells the key of an item. From [`Staged::by_key`].
pub struct ByKey<F, H> {
    key: F,
    makes: PhantomData<fn() -> H>,
}

impl<F, H> ByKey<F, H> {
    fn new(key: F) -> Self {
        ByKey { key, makes: PhantomData }
    }
}

impl<F: Clone, H> Clone for ByKey<F, H> {
    fn clone(&self) -> Self {
        ByKey::new(self.key.clone())
    }
}

impl<F, H> std::fmt::Debug for ByKey<F, H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ByKey")
    }
}

/// The keys of a stage: none, or [`ByKey`].
#[doc(hidden)]
pub trait Keys<S: Stage>: Clone + Send + 'static {
    /// The flow through the stage.
    fn attach<P: Flow<Item = S::In>, Q: Policy<S>>(
        self,
        upstream: P,
        staged: Staged<S, Q>,
    ) -> BoxFlow<S::Out, P::Lineage>;

    /// The flow that ends in the sink.
    fn end<P: Flow<Item = S::In>, Q: Policy<S>>(self, upstream: P, staged: Staged<S, Q>) -> Pipeline<()>;
}

impl<S: Stage> Keys<S> for () {
    fn attach<P: Flow<Item = S::In>, Q: Policy<S>>(
        self,
        upstream: P,
        staged: Staged<S, Q>,
    ) -> BoxFlow<S::Out, P::Lineage> {
        StageFlow { upstream, staged }.boxed()
    }

    fn end<P: Flow<Item = S::In>, Q: Policy<S>>(self, upstream: P, staged: Staged<S, Q>) -> Pipeline<()> {
        let Staged { body, settings, policies, .. } = staged;
        Pipeline::ended(WorkerSink::new(upstream, body, settings, policies))
    }
}

impl<S, H, F> Keys<S> for ByKey<F, H>
where
    S: Stage,
    H: Hash + 'static,
    F: FnMut(&S::In) -> H + Clone + Send + 'static,
{
    fn attach<P: Flow<Item = S::In>, Q: Policy<S>>(
        self,
        upstream: P,
        staged: Staged<S, Q>,
    ) -> BoxFlow<S::Out, P::Lineage> {
        ().attach(self.tell(upstream), keyed(staged))
    }

    fn end<P: Flow<Item = S::In>, Q: Policy<S>>(self, upstream: P, staged: Staged<S, Q>) -> Pipeline<()> {
        ().end(self.tell(upstream), keyed(staged))
    }
}

impl<F, H: Hash> ByKey<F, H> {
    /// A flow whose items have keys.
    fn tell<P: Flow>(self, upstream: P) -> WithKeys<P, impl FnMut(&P::Item) -> u64 + Clone + Send + 'static>
    where
        F: FnMut(&P::Item) -> H + Clone + Send + 'static,
    {
        let ByKey { mut key, .. } = self;
        WithKeys { upstream, key: move |item: &P::Item| key_of(item, &mut key) }
    }
}

/// The hash of a key.
#[doc(hidden)]
pub fn key_of<'a, T, H: Hash>(item: &'a T, key: impl FnOnce(&'a T) -> H) -> u64 {
    let mut hasher = DefaultHasher::new();
    key(item).hash(&mut hasher);
    hasher.finish()
}

/// The stage of items that have keys. What the policies do with an item they do while its key is in work.
fn keyed<S: Stage, Q: Policy<S>>(staged: Staged<S, Q>) -> Staged<KeyedBody<S>, KeyedPolicy<Q>> {
    let Staged { body, settings, policies, .. } = staged;
    let settings = Settings { has_keys: true, ..settings };
    Staged { body: KeyedBody { body }, settings, policies: KeyedPolicy(policies), keys: () }
}

/// The policies of a stage within [`KeyedBody`].
#[derive(Clone)]
struct KeyedPolicy<Q>(Q);

impl<S: Stage, Q: Policy<S>> Policy<KeyedBody<S>> for KeyedPolicy<Q> {
    type Guarded = KeyedBody<Q::Guarded>;

    fn guard(
        self,
        stage: KeyedBody<S>,
        name: &str,
        kind: Kind,
        build: &mut Build,
    ) -> (Arc<Node>, KeyedBody<Q::Guarded>) {
        let (node, body) = self.0.guard(stage.body, name, kind, build);
        (node, KeyedBody { body })
    }

    fn outline(&self, name: &str, outline: &mut Outline) {
        self.0.outline(name, outline);
    }

    fn outline_letters(&self, outline: &mut Outline) {
        self.0.outline_letters(outline);
    }
}

/// An item and its key.
pub(crate) struct Keyed<T> {
    key: u64,
    item: T,
}

#[derive(Clone)]
struct KeyedBody<S> {
    body: S,
}

impl<S: Stage> Stage for KeyedBody<S> {
    type In = Keyed<S::In>;
    type Out = S::Out;
    const SENDS: bool = S::SENDS;
    const HOOKS: bool = S::HOOKS;
    const AWAITS: bool = S::AWAITS;
    const HAS_KEYS: bool = true;

    fn key(keyed: &Keyed<S::In>) -> u64 {
        keyed.key
    }

    fn call(
        &mut self,
        keyed: Keyed<S::In>,
        out: Out<'_, S::Out>,
    ) -> impl Future<Output = Result<Option<S::Out>, BoxError>> + Send {
        self.body.call(keyed.item, out)
    }

    fn init(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        self.body.init()
    }

    fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        self.body.close()
    }
}

/// A flow of items with their keys.
#[derive(Clone)]
struct WithKeys<P, F> {
    upstream: P,
    key: F,
}

impl<P, F> Flow for WithKeys<P, F>
where
    P: Flow,
    F: FnMut(&P::Item) -> u64 + Clone + Send + 'static,
{
    type Item = Keyed<P::Item>;
    type Lineage = P::Lineage;

    fn build<N: Push<Keyed<P::Item>, P::Lineage>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "by_key");
        self.upstream.build(build, WithKeysPush { key: self.key, next, count });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline.fused("by_key");
        self.upstream.outline(outline, next);
    }

    // What it sets is for the stage, whose edge is behind this step.
    fn edge_buffer(&self) -> Option<usize> {
        self.upstream.edge_buffer()
    }
}

struct WithKeysPush<F, N> {
    key: F,
    next: N,
    count: FusedCount,
}

impl<T, L, F, N> Push<T, L> for WithKeysPush<F, N>
where
    T: Send + 'static,
    L: Lineage,
    F: FnMut(&T) -> u64 + Send + 'static,
    N: Push<Keyed<T>, L>,
{
    fn push(&mut self, item: T, lineage: L) {
        let key = self.count.call(|| (self.key)(&item));
        self.count.out();
        self.next.push(Keyed { key, item }, lineage);
    }

    pass_on!();
}
