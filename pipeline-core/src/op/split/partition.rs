//! Each item to the branch of its key.

use std::task::{Context, Poll, ready};

use super::balance::each;
use super::branch::{Branch, Key, Socket};
use super::deal::{AnySplit, Deal};
use super::ends::EachBranch;
use super::exit::{AnyExit, Exit, Given, pass_to_exits};
use super::hash::{StableHash, bucket};
use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::join::Mover;
use crate::op::merge::Turns;
use crate::plan::Build;
use crate::push::{Flowing, Push};
use crate::stage::Site;

pub(crate) fn partition<F, K, H, B, M>(
    upstream: F,
    n: usize,
    key: K,
    ends: impl FnMut(usize, Branch<F::Item, F::Lineage>) -> B,
) -> B::Split
where
    F: Flow,
    K: FnMut(&F::Item) -> H + Clone + Send + 'static,
    H: StableHash,
    B: EachBranch<M>,
{
    let (sockets, branches) = each(n, ends);
    B::close(branches, AnySplit::new(upstream.boxed(), ByKey { sockets, key }))
}

struct ByKey<T, L, K> {
    sockets: Vec<Socket<T, L>>,
    key: K,
}

impl<T, L, K: Clone> Clone for ByKey<T, L, K> {
    fn clone(&self) -> Self {
        ByKey { sockets: self.sockets.clone(), key: self.key.clone() }
    }
}

impl<T, L, K, H> Deal<T, L> for ByKey<T, L, K>
where
    T: Send + 'static,
    L: Lineage,
    K: FnMut(&T) -> H + Clone + Send + 'static,
    H: StableHash,
{
    const NAME: &'static str = "partition";
    type Push = ByKeyPush<T, L, K>;

    fn keys(&self) -> Vec<Key> {
        Socket::keys(&self.sockets)
    }

    fn connect(self, build: &mut Build, site: &Site) -> Self::Push {
        let exits = Exit::all(&self.sockets, build, site);
        ByKeyPush { exits, key: self.key, hand: None, has_looked: false, given: Given::new(site) }
    }

    fn mover(input: Turns<T, L>, push: Self::Push, site: Site) -> Mover<Turns<T, L>, Self::Push> {
        Mover::holding(input, push, site, |push| push.given.fate())
    }
}

struct ByKeyPush<T, L, K> {
    exits: Vec<Exit<T, L>>,
    key: K,
    /// The item in hand, and the branch that it waits for.
    hand: Option<(usize, T, L)>,
    /// Whether the branches were asked whether they take anything at all.
    has_looked: bool,
    given: Given,
}

impl<T, L, K, H> Push<T, L> for ByKeyPush<T, L, K>
where
    T: Send + 'static,
    L: Lineage,
    K: FnMut(&T) -> H + Send + 'static,
    H: StableHash,
{
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        if !std::mem::replace(&mut self.has_looked, true) {
            for exit in &mut self.exits {
                let _ = exit.poll_room(cx);
            }
        }
        let is_over = self.exits.iter().all(AnyExit::has_left);
        Poll::Ready(if is_over { Flowing::Over } else { Flowing::On })
    }

    fn push(&mut self, item: T, lineage: L) {
        let at = bucket(&(self.key)(&item), self.exits.len());
        self.hand = Some((at, item, lineage));
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        if let Some((at, ..)) = self.hand {
            let exit = &mut self.exits[at];
            let room = ready!(exit.poll_room(cx));
            if let Some((_, item, lineage)) = self.hand.take() {
                self.given.hand_over(exit, room, item, lineage);
            }
        }
        for exit in &mut self.exits {
            ready!(exit.poll_settled(cx));
        }
        Poll::Ready(Flowing::On)
    }

    pass_to_exits!(self, &mut self.exits, given);
}
