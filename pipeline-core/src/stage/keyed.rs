//! Stages whose items keep their order for each key.
//!
//! A fused step before the edge of the stage tells the key of each item, so that none of the user's code runs as workers
//! look for an item that may start: see [`pool::keys`](super::pool).

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;

use super::staged::StageFlow;
use super::step::Step;
use super::{Out, Settings, Stage, Staged};
use crate::error::BoxError;
use crate::flow::{BoxFlow, Flow};
use crate::lineage::Lineage;
use crate::op::{FusedCount, pass_on};
use crate::plan::{Build, Outline};
use crate::push::Push;

/// A stage whose items keep their order for each key. From [`Staged::by_key`].
#[must_use = "a stage does nothing until it is handed to `then` and the pipeline is run"]
#[derive(Clone)]
pub struct KeyedStage<S, F> {
    staged: Staged<S>,
    key: F,
}

impl<S: Stage> Staged<S> {
    /// Lets outputs leave in any order, but keeps the order of the items of each key: they are in work one after the other.
    /// Items of different keys are in work at once, as far as the [concurrency](Self::concurrency) goes.
    ///
    /// An item whose key is in work lets later ones of other keys pass, and keeps its place before the stage. So a key with
    /// many items keeps others back only when it has taken all of the [buffer](Self::buffer). Keys are told apart by a hash
    /// of 64 bits; two that have the same one are handled as one key. With one worker, everything is in order.
    ///
    /// A step with the name `by_key` tells the key of each item, in the task before the stage. The other settings come
    /// before this one, which is the last.
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
    pub fn by_key<K, F>(self, key: F) -> KeyedStage<S, F>
    where
        K: Hash,
        F: FnMut(&S::In) -> K + Clone + Send + 'static,
    {
        KeyedStage { staged: self, key }
    }
}

impl<S, F> fmt::Debug for KeyedStage<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyedStage").field(&self.staged).finish()
    }
}

/// Marker: a stage with keys.
#[doc(hidden)]
#[derive(Debug)]
pub struct ByKeys<K>(PhantomData<fn() -> K>);

#[diagnostic::do_not_recommend]
impl<S, K, F> Step<S::In, ByKeys<K>> for KeyedStage<S, F>
where
    S: Stage,
    K: Hash,
    F: FnMut(&S::In) -> K + Clone + Send + 'static,
{
    type Flow<P: Flow<Item = S::In>> = BoxFlow<S::Out, P::Lineage>;

    fn attach<P: Flow<Item = S::In>>(self, upstream: P) -> Self::Flow<P> {
        let KeyedStage { staged: Staged { body, settings, policies: () }, mut key } = self;
        let buffer = Some(settings.edge_buffer(upstream.edge_buffer()));
        let settings = Settings { is_unordered: true, buffer, ..settings };
        let hash = move |item: &S::In| {
            let mut hasher = DefaultHasher::new();
            key(item).hash(&mut hasher);
            hasher.finish()
        };
        let staged = Staged { body: KeyedBody { body }, settings, policies: () };
        StageFlow { upstream: WithKeys { upstream, key: hash }, staged }.boxed()
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
