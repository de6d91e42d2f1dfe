//! The plan of a `group_by`.

use std::fmt;
use std::future::poll_fn;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::gate::Gate;
use super::groups::Groups;
use super::outputs::Outputs;
use super::{JOIN, NAME};
use crate::edge::{DEFAULT_BUFFER, edge};
use crate::flow::{BoxFlow, Flow};
use crate::ledger::Kind;
use crate::op::join::{Mover, join};
use crate::op::merge::Turns;
use crate::op::split::branch::Branch;
use crate::plan::{Build, Outline};
use crate::push::Push;

/// A flow that is to be grouped, until [`to`](Self::to) says what becomes of the items of a key. From
/// [`group_by`](crate::flow::SplitExt::group_by), which tells what it does.
#[must_use = "a `group_by` is no flow until `to` says what becomes of the items of a key"]
#[derive(Clone, Debug)]
pub struct GroupBy<P, F> {
    upstream: P,
    limits: Limits,
    key: F,
}

#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) max_keys: usize,
    pub(super) idle: Duration,
    /// Waits where there are as many keys as there may be, rather than fail.
    pub(super) waits: bool,
}

impl<P: Flow, F> GroupBy<P, F> {
    pub(crate) fn new(upstream: P, key: F, max_keys: usize, idle: Duration) -> Self {
        GroupBy { upstream, limits: Limits { max_keys, idle, waits: false }, key }
    }

    /// Lets an item of one key more than `max_keys` wait until another key is idle, rather than fail. The items behind it wait,
    /// too, so some key is idle after `idle` at most.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let start = taktline::now();
    /// let flow = iter(["a", "b"]).group_by(|x| *x, 1, Duration::from_secs(5)).wait_when_full().to(|_, f| f);
    /// assert_eq!(flow.collect::<String>().run().await?.value, "ab");
    /// assert_eq!(taktline::now() - start, Duration::from_secs(5));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn wait_when_full(mut self) -> Self {
        self.limits.waits = true;
        self
    }

    /// The flow of what `branch` makes of each key's items. It is called when a key comes, and again when it comes after it was
    /// idle. What it returns stays open; its items are merged with those of the other keys.
    ///
    /// [`group_by`](crate::flow::SplitExt::group_by) has an example.
    pub fn to<K, G, B>(self, branch: B) -> BoxFlow<G::Item, G::Lineage>
    where
        K: Hash + Eq + Clone + Send + 'static,
        F: FnMut(&P::Item) -> K + Clone + Send + 'static,
        G: Flow,
        B: FnMut(K, Branch<P::Item, P::Lineage>) -> G + Clone + Send + 'static,
    {
        Grouped { group_by: self, branch, makes: PhantomData::<fn(K) -> G> }.boxed()
    }
}

struct Grouped<P, F, B, M> {
    group_by: GroupBy<P, F>,
    branch: B,
    makes: PhantomData<M>,
}

impl<P: Clone, F: Clone, B: Clone, M> Clone for Grouped<P, F, B, M> {
    fn clone(&self) -> Self {
        Grouped { group_by: self.group_by.clone(), branch: self.branch.clone(), makes: PhantomData }
    }
}

impl<P, F, B, K, G> Flow for Grouped<P, F, B, fn(K) -> G>
where
    P: Flow,
    K: Hash + Eq + Clone + Send + 'static,
    F: FnMut(&P::Item) -> K + Clone + Send + 'static,
    G: Flow,
    B: FnMut(K, Branch<P::Item, P::Lineage>) -> G + Clone + Send + 'static,
{
    type Item = G::Item;
    type Lineage = G::Lineage;

    fn build<N: Push<G::Item, G::Lineage>>(self, build: &mut Build, next: N) {
        let Grouped { group_by: GroupBy { upstream, limits, key }, branch, .. } = self;
        let gate = Arc::new(Gate::new());
        let reader = join(JOIN, build, next, |_, site| Outputs::new(gate.clone(), site.clone()));
        let site = build.site(NAME, Kind::Split);
        let groups = Groups::<_, _, K, _, _, G>::new(limits, key, branch, &site, reader, gate);
        let (tx, rx) = edge(places(&upstream), &site.node);
        let mut mover = Mover::holding(Turns::of(rx), groups, site.clone(), |groups| groups.fate());
        build.task(&site, async move {
            poll_fn(|cx| mover.poll(cx)).await;
            mover.end().await;
        });
        upstream.build(build, tx);
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        let GroupBy { upstream, limits: Limits { max_keys, idle, waits }, .. } = &self.group_by;
        if *max_keys == 0 {
            outline.problem("`group_by` has room for no key; let `max_keys` be 1 or more".to_owned());
        }
        if idle.is_zero() {
            outline.problem("`group_by` has keys that are idle at once; let `idle` be more than zero".to_owned());
        }
        // One in the hand of the join, one in that of the split.
        outline.hold(2);
        outline.fused_as(JOIN, Kind::Join);
        let at = outline.node(NAME, Kind::Split);
        let full = if *waits { "waits" } else { "fails" };
        outline.note(format!("up to {max_keys} keys, each until it is idle for {idle:?}; one more {full}"));
        outline.edge(at, NAME, places(upstream));
        upstream.outline(outline, places(upstream));
    }
}

fn places(upstream: &impl Flow) -> usize {
    upstream.edge_buffer().unwrap_or(DEFAULT_BUFFER)
}

/// There were as many keys as a [`group_by`](crate::flow::SplitExt::group_by) may have, none of them idle, and an item of
/// another one came.
///
/// ```
/// use std::time::Duration;
/// use taktline::op::KeysFull;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let flow = iter(0..9u64).group_by(|x| *x, 4, Duration::from_secs(60)).to(|_, f| f);
/// let error = flow.count().run().await.unwrap_err();
/// assert_eq!(error.downcast_ref::<KeysFull>().map(KeysFull::max_keys), Some(4));
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeysFull {
    max_keys: usize,
}

impl KeysFull {
    pub(super) fn new(max_keys: usize) -> Self {
        KeysFull { max_keys }
    }

    /// How many keys there may be.
    pub fn max_keys(&self) -> usize {
        self.max_keys
    }
}

impl fmt::Display for KeysFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} keys are in use and none is idle; raise `max_keys`, shorten `idle`, or say `wait_when_full`",
            self.max_keys
        )
    }
}

impl std::error::Error for KeysFull {}
