//! Each item to every branch.

use std::fmt;
use std::task::{Context, Poll, ready};

use super::branch::{Branch, Key, Socket, branch};
use super::deal::{Deal, Split};
use super::exit::{Exit, pass_to_exits};
use super::values::{self, Values};
use crate::flow::{BoxFlow, Flow};
use crate::lineage::Lineage;
use crate::op::{MergeFlow, merge};
use crate::plan::Build;
use crate::push::{Flowing, Push};
use crate::run::{Pipeline, Run, Running};
use crate::runtime::Rt;
use crate::stage::Site;

/// A broadcast without a branch: [`to`](Self::to) adds the first one. From
/// [`broadcast`](crate::flow::SplitExt::broadcast).
#[must_use = "a broadcast goes nowhere: give it branches with `to`"]
#[derive(Clone)]
pub struct Broadcast<T, L = ()> {
    upstream: BoxFlow<T, L>,
}

/// A broadcast whose branches all end in sinks. It runs like a pipeline; its value is the tuple of their values.
#[must_use = "a pipeline is a plan: nothing happens until it is run"]
pub struct ToSinks<T, L, V> {
    split: Split<T, L, ToAll<T, L>>,
    ends: Pipeline<V>,
}

/// A broadcast whose branches all stay open: [`merge`](Self::merge) joins them.
#[must_use = "the branches of a broadcast that stay open have to be merged"]
pub struct ToFlows<T, L, U, M> {
    split: Split<T, L, ToAll<T, L>>,
    flows: Vec<BoxFlow<U, M>>,
}

impl<T: Clone + Send + 'static, L: Lineage> Broadcast<T, L> {
    pub(crate) fn new(upstream: BoxFlow<T, L>) -> Self {
        Broadcast { upstream }
    }

    /// Adds the first branch. If it ends in a sink, all have to; if it stays open, all have to, and yield the same items.
    pub fn to<B, M>(self, end: impl FnOnce(Branch<T, L>) -> B) -> B::First<T, L>
    where
        B: FirstBranch<M>,
    {
        let (socket, flow) = branch();
        let deal = ToAll { sockets: vec![socket] };
        end(flow).begin(BroadcastSplit(Split { upstream: self.upstream, deal }))
    }
}

impl<T: Clone + Send + 'static, L: Lineage, V: Send + 'static> ToSinks<T, L, V> {
    /// Adds a branch, which has to end in a sink like those before it.
    pub fn to<B>(mut self, end: impl FnOnce(Branch<T, L>) -> B) -> ToSinks<T, L, V::And>
    where
        B: EndedBranch,
        V: Values<B::Value>,
    {
        let (socket, flow) = branch();
        let ends = values::and(self.ends, end(flow).pipeline());
        self.split.deal.sockets.push(socket);
        ToSinks { split: self.split, ends }
    }

    /// The plan as a [`Pipeline`], for a variable or a signature that names one.
    pub fn pipeline(self) -> Pipeline<V> {
        self.split.closed(self.ends)
    }

    /// See [`Pipeline::bound`].
    pub fn bound(&self) -> usize {
        self.clone().pipeline().bound()
    }

    /// See [`Pipeline::run_on`].
    ///
    /// # Errors
    /// See [`Run`].
    ///
    /// # Cancel safety
    /// A drop of the future aborts every task of the run; what was in flight is lost.
    pub fn run_on(self, rt: &Rt) -> Run<V> {
        self.pipeline().run_on(rt)
    }

    /// See [`Pipeline::start_on`].
    pub fn start_on(self, rt: &Rt) -> Running<V> {
        self.pipeline().start_on(rt)
    }
}

impl<T: Clone + Send + 'static, L: Lineage, U: Send + 'static, M: Lineage> ToFlows<T, L, U, M> {
    /// Adds a branch, which has to stay open like those before it.
    pub fn to<B>(mut self, end: impl FnOnce(Branch<T, L>) -> B) -> Self
    where
        B: OpenBranch<U, M>,
    {
        let (socket, flow) = branch();
        self.flows.push(end(flow).flow());
        self.split.deal.sockets.push(socket);
        self
    }

    /// The flow of what all branches yield: fair, and each in its own order, as of [`merge`](fn@crate::op::merge).
    pub fn merge(self) -> BoxFlow<U, M> {
        let join: MergeFlow<U, M> = merge(self.flows);
        self.split.joined(join)
    }
}

/// What the first branch of a broadcast may be: a pipeline, or a flow that stays open.
///
/// `M` is inferred; no program names it. Programs do not implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no branch of a split",
    note = "a branch ends the flow that it is given in a sink, as in `.to(|f| f.then(work()).sink(store()))`, or leaves it open to be merged"
)]
pub trait FirstBranch<M>: Sized {
    /// The broadcast with this branch.
    type First<T: Clone + Send + 'static, L: Lineage>;

    #[doc(hidden)]
    fn begin<T: Clone + Send + 'static, L: Lineage>(self, split: BroadcastSplit<T, L>) -> Self::First<T, L>;
}

/// What a further branch may be where the first one ends in a sink. Programs do not implement it.
#[diagnostic::on_unimplemented(
    message = "this branch stays open, and those before it end in sinks",
    note = "end it in a sink: `.to(|f| f.then(work()).sink(store()))`",
    note = "or leave every branch open, and join them behind the last one with `.merge()`"
)]
pub trait EndedBranch {
    /// What the branch gives.
    type Value: Send + 'static;

    #[doc(hidden)]
    fn pipeline(self) -> Pipeline<Self::Value>;
}

/// What a further branch may be where the first one stays open and yields `U`. Programs do not implement it.
#[diagnostic::on_unimplemented(
    message = "this branch has to stay open and to yield `{U}`, like those before it",
    note = "leave it open, and join all branches behind the last one with `.merge()`",
    note = "or end every branch in a sink: `.to(|f| f.then(work()).sink(store()))`"
)]
pub trait OpenBranch<U, M> {
    #[doc(hidden)]
    fn flow(self) -> BoxFlow<U, M>;
}

/// A broadcast with its first branch.
#[doc(hidden)]
pub struct BroadcastSplit<T, L>(Split<T, L, ToAll<T, L>>);

/// Marker: a branch that ends in a sink.
#[doc(hidden)]
#[derive(Debug)]
pub struct Ended;

/// Marker: a branch that stays open.
#[doc(hidden)]
#[derive(Debug)]
pub struct Open;

impl<B: EndedBranch> FirstBranch<Ended> for B {
    type First<T: Clone + Send + 'static, L: Lineage> = ToSinks<T, L, (B::Value,)>;

    fn begin<T: Clone + Send + 'static, L: Lineage>(self, split: BroadcastSplit<T, L>) -> Self::First<T, L> {
        ToSinks { split: split.0, ends: values::and(values::none(), self.pipeline()) }
    }
}

impl<F: Flow> FirstBranch<Open> for F {
    type First<T: Clone + Send + 'static, L: Lineage> = ToFlows<T, L, F::Item, F::Lineage>;

    fn begin<T: Clone + Send + 'static, L: Lineage>(self, split: BroadcastSplit<T, L>) -> Self::First<T, L> {
        ToFlows { split: split.0, flows: vec![self.boxed()] }
    }
}

impl<V: Send + 'static> EndedBranch for Pipeline<V> {
    type Value = V;

    fn pipeline(self) -> Pipeline<V> {
        self
    }
}

impl<T: Clone + Send + 'static, L: Lineage, V: Send + 'static> EndedBranch for ToSinks<T, L, V> {
    type Value = V;

    fn pipeline(self) -> Pipeline<V> {
        self.pipeline()
    }
}

impl<F: Flow> OpenBranch<F::Item, F::Lineage> for F {
    fn flow(self) -> BoxFlow<F::Item, F::Lineage> {
        self.boxed()
    }
}

impl<T, L, V> Clone for ToSinks<T, L, V> {
    fn clone(&self) -> Self {
        ToSinks { split: self.split.clone(), ends: self.ends.clone() }
    }
}

impl<T, L, U, M> Clone for ToFlows<T, L, U, M> {
    fn clone(&self) -> Self {
        ToFlows { split: self.split.clone(), flows: self.flows.clone() }
    }
}

impl<T, L> fmt::Debug for BroadcastSplit<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BroadcastSplit")
    }
}

impl<T, L> fmt::Debug for Broadcast<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Broadcast")
    }
}

impl<T, L, V> fmt::Debug for ToSinks<T, L, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToSinks").field("branches", &self.split.deal.sockets.len()).finish()
    }
}

impl<T, L, U, M> fmt::Debug for ToFlows<T, L, U, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToFlows").field("branches", &self.flows.len()).finish()
    }
}

/// Hands each item to all live branches: places are reserved in all of them, then filled.
struct ToAll<T, L> {
    sockets: Vec<Socket<T, L>>,
}

impl<T, L> Clone for ToAll<T, L> {
    fn clone(&self) -> Self {
        ToAll { sockets: self.sockets.clone() }
    }
}

impl<T: Clone + Send + 'static, L: Lineage> Deal<T, L> for ToAll<T, L> {
    type Push = ToAllPush<T, L>;

    fn name(&self) -> &'static str {
        "broadcast"
    }

    fn keys(&self) -> Vec<Key> {
        self.sockets.iter().map(|socket| socket.key().clone()).collect()
    }

    fn connect(self, build: &mut Build, site: &Site) -> ToAllPush<T, L> {
        ToAllPush { exits: Exit::all(&self.sockets, build, site) }
    }
}

pub(super) struct ToAllPush<T, L> {
    exits: Vec<Exit<T, L>>,
}

impl<T: Clone + Send + 'static, L: Lineage> Push<T, L> for ToAllPush<T, L> {
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        let (mut is_full, mut is_over) = (false, true);
        for exit in &mut self.exits {
            match exit.poll_room(cx) {
                Poll::Pending => is_full = true,
                Poll::Ready(Flowing::On) => is_over = false,
                Poll::Ready(Flowing::Over) => {}
            }
        }
        match (is_full, is_over) {
            (true, _) => Poll::Pending,
            (false, true) => Poll::Ready(Flowing::Over),
            (false, false) => Poll::Ready(Flowing::On),
        }
    }

    fn push(&mut self, item: T, lineage: L) {
        let mut live = self.exits.iter_mut().filter(|exit| !exit.has_left());
        let Some(mut exit) = live.next() else { return };
        for next in live {
            exit.push(item.clone(), lineage.clone());
            exit = next;
        }
        exit.push(item, lineage);
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        for exit in &mut self.exits {
            ready!(exit.poll_settled(cx));
        }
        Poll::Ready(Flowing::On)
    }

    pass_to_exits!(self, &mut self.exits);
}
