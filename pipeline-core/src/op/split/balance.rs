//! Each item to one branch that has room.

use std::task::{Context, Poll, ready};

use super::branch::{Branch, Key, Socket, branch};
use super::deal::{AnySplit, Deal};
use super::ends::EachBranch;
use super::exit::{AnyExit, Exit, pass_to_exits};
use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::plan::Build;
use crate::push::{Flowing, Push};
use crate::stage::Site;

pub(crate) fn balance<F, B, M>(
    upstream: F,
    n: usize,
    ends: impl FnMut(usize, Branch<F::Item, F::Lineage>) -> B,
) -> B::Split
where
    F: Flow,
    B: EachBranch<M>,
{
    let (sockets, branches) = each(n, ends);
    B::close(branches, AnySplit::new(upstream.boxed(), ToOne { sockets }))
}

/// The sockets of `n` branches, and what the closure makes of their flows.
pub(super) fn each<T, L, B>(n: usize, mut ends: impl FnMut(usize, Branch<T, L>) -> B) -> (Vec<Socket<T, L>>, Vec<B>) {
    let pairs = (0..n).map(|at| {
        let (socket, flow) = branch();
        (socket, ends(at, flow))
    });
    pairs.unzip()
}

struct ToOne<T, L> {
    sockets: Vec<Socket<T, L>>,
}

impl<T, L> Clone for ToOne<T, L> {
    fn clone(&self) -> Self {
        ToOne { sockets: self.sockets.clone() }
    }
}

impl<T: Send + 'static, L: Lineage> Deal<T, L> for ToOne<T, L> {
    const NAME: &'static str = "balance";
    type Push = ToOnePush<T, L>;

    fn keys(&self) -> Vec<Key> {
        Socket::keys(&self.sockets)
    }

    fn connect(self, build: &mut Build, site: &Site) -> ToOnePush<T, L> {
        ToOnePush { exits: Exit::all(&self.sockets, build, site), first: 0, found: 0 }
    }
}

struct ToOnePush<T, L> {
    exits: Vec<Exit<T, L>>,
    /// Whose turn it is.
    first: usize,
    /// The one that was found to have room: it takes the next item, or has taken the last one.
    found: usize,
}

impl<T: Send + 'static, L: Lineage> Push<T, L> for ToOnePush<T, L> {
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        let (exits, mut is_over) = (self.exits.len(), true);
        for at in (self.first..self.first + exits).map(|at| at % exits) {
            match self.exits[at].poll_room(cx) {
                Poll::Pending => is_over = false,
                Poll::Ready(Flowing::Over) => {}
                Poll::Ready(Flowing::On) => {
                    self.found = at;
                    return Poll::Ready(Flowing::On);
                }
            }
        }
        if is_over { Poll::Ready(Flowing::Over) } else { Poll::Pending }
    }

    fn push(&mut self, item: T, lineage: L) {
        self.exits[self.found].push(item, lineage);
        self.first = self.found + 1;
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        ready!(self.exits[self.found].poll_settled(cx));
        Poll::Ready(Flowing::On)
    }

    pass_to_exits!(self, &mut self.exits);
}
