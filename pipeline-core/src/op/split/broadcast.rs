//! Each item to every branch.

use std::fmt;
use std::task::{Context, Poll};

use super::branch::{Branch, Key, Socket, branch};
use super::deal::{AnySplit, Deal};
use super::ends::{Branches, EndedBranch, Gather, Gathered, NoBranch, OpenBranches};
use super::exit::{AnyExit, Exit, pass_to_exits};
use crate::describe::Description;
use crate::flow::BoxFlow;
use crate::lineage::Lineage;
use crate::plan::Build;
use crate::push::{Flowing, Push};
use crate::run::{Pipeline, Run, Running};
use crate::runtime::Rt;
use crate::stage::Site;

/// A broadcast with the branches that it was given. From [`broadcast`](crate::flow::SplitExt::broadcast).
///
/// With branches that all end in sinks it runs like a [`Pipeline`], and its value is the tuple of their values. Branches that
/// all stay open are joined by [`merge`](Self::merge) or [`zip`](Self::zip).
#[must_use = "a broadcast is a plan: give it branches with `to`, then run it or merge them"]
pub struct Broadcast<T, L = (), B = NoBranch> {
    upstream: BoxFlow<T, L>,
    deal: ToAll<T, L>,
    branches: B,
}

impl<T: Clone + Send + 'static, L: Lineage> Broadcast<T, L> {
    pub(crate) fn new(upstream: BoxFlow<T, L>) -> Self {
        Broadcast { upstream, deal: ToAll { sockets: Vec::new() }, branches: NoBranch }
    }
}

impl<T: Clone + Send + 'static, L: Lineage, B> Broadcast<T, L, B> {
    /// Adds a branch. If the first one ends in a sink, all have to; if it stays open, all have to, and yield items of one type.
    /// [`broadcast`](crate::flow::SplitExt::broadcast) has an example.
    pub fn to<E, M>(mut self, end: impl FnOnce(Branch<T, L>) -> E) -> Broadcast<T, L, B::And>
    where
        B: Gather<E, M>,
    {
        let (socket, flow) = branch();
        self.deal.sockets.push(socket);
        Broadcast { upstream: self.upstream, deal: self.deal, branches: self.branches.and(end(flow)) }
    }

    fn close(self) -> B::Split
    where
        B: Gathered,
    {
        self.branches.close(AnySplit::new(self.upstream, self.deal))
    }
}

impl<T: Clone + Send + 'static, L: Lineage, V: Send + 'static> Broadcast<T, L, Pipeline<V>> {
    /// The plan as a [`Pipeline`], for a variable or a signature that names one.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// fn plan() -> Pipeline<(u64, Vec<u64>)> {
    ///     iter(0..3u64).broadcast().to(|f| f.count()).to(|f| f.collect::<Vec<_>>()).pipeline()
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// assert_eq!(plan().run().await?.value, (3, vec![0, 1, 2]));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn pipeline(self) -> Pipeline<V> {
        self.close()
    }

    /// See [`Pipeline::bound`].
    pub fn bound(&self) -> usize {
        self.clone().pipeline().bound()
    }

    /// See [`Pipeline::describe`].
    pub fn describe(&self) -> Description {
        self.clone().pipeline().describe()
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

impl<T: Clone + Send + 'static, L: Lineage, U: Send + 'static, M: Lineage> Broadcast<T, L, OpenBranches<U, M>> {
    /// The flow of what all branches yield. See [`Branches::merge`].
    pub fn merge(self) -> BoxFlow<U, M> {
        let branches: Branches<U, M> = self.close();
        branches.merge()
    }

    /// The flow of lists with one item of each branch. See [`Branches::zip`].
    pub fn zip(self) -> BoxFlow<Vec<U>, M> {
        let branches: Branches<U, M> = self.close();
        branches.zip()
    }
}

impl<T: Clone + Send + 'static, L: Lineage, V: Send + 'static> EndedBranch for Broadcast<T, L, Pipeline<V>> {
    type Value = V;

    fn pipeline(self) -> Pipeline<V> {
        self.close()
    }
}

impl<T, L, B: Clone> Clone for Broadcast<T, L, B> {
    fn clone(&self) -> Self {
        Broadcast { upstream: self.upstream.clone(), deal: self.deal.clone(), branches: self.branches.clone() }
    }
}

impl<T, L, B> fmt::Debug for Broadcast<T, L, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast").field("branches", &self.deal.sockets.len()).finish()
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
    const NAME: &'static str = "broadcast";
    type Push = ToAllPush<T, L>;

    fn keys(&self) -> Vec<Key> {
        Socket::keys(&self.sockets)
    }

    fn connect(self, build: &mut Build, site: &Site) -> ToAllPush<T, L> {
        ToAllPush { exits: Exit::all(&self.sockets, build, site) }
    }
}

struct ToAllPush<T, L> {
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
        let mut settled = Poll::Ready(Flowing::On);
        for exit in &mut self.exits {
            // All of them, so that none waits for another.
            if exit.poll_settled(cx).is_pending() {
                settled = Poll::Pending;
            }
        }
        settled
    }

    pass_to_exits!(self, &mut self.exits);
}
