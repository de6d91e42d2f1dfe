//! The two sides of each pair to two branches.

use std::task::{Context, Poll, ready};

use super::branch::{Branch, Key, Socket, branch};
use super::deal::{AnySplit, Deal};
use super::ends::{Gather, Gathered, NoBranch};
use super::exit::{AnyExit, Exit, pass_to_exits};
use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::plan::Build;
use crate::push::{Flowing, Push};
use crate::run::Node;
use crate::stage::Site;

/// What a split is with the branches `A` and `B`. Programs do not implement it.
pub trait Pair<B, M>: Sized {
    /// A [`Pipeline`](crate::run::Pipeline) of a pair of values, or the [`Branches`](super::Branches) to be merged.
    type Split;

    #[doc(hidden)]
    fn close(self, second: B, split: AnySplit) -> Self::Split;
}

impl<A, B, M, N, G> Pair<B, (M, N)> for A
where
    NoBranch: Gather<A, M, And = G>,
    G: Gather<B, N>,
    G::And: Gathered,
{
    type Split = <G::And as Gathered>::Split;

    fn close(self, second: B, split: AnySplit) -> Self::Split {
        NoBranch.and(self).and(second).close(split)
    }
}

pub(crate) fn unzip<F, A, B, X, Y, M>(
    upstream: F,
    left: impl FnOnce(Branch<A, F::Lineage>) -> X,
    right: impl FnOnce(Branch<B, F::Lineage>) -> Y,
) -> X::Split
where
    F: Flow<Item = (A, B)>,
    A: Send + 'static,
    B: Send + 'static,
    X: Pair<Y, M>,
{
    let ((left_socket, left_flow), (right_socket, right_flow)) = (branch(), branch());
    let split = AnySplit::new(upstream.boxed(), Sides { left: left_socket, right: right_socket });
    left(left_flow).close(right(right_flow), split)
}

struct Sides<A, B, L> {
    left: Socket<A, L>,
    right: Socket<B, L>,
}

impl<A, B, L> Clone for Sides<A, B, L> {
    fn clone(&self) -> Self {
        Sides { left: self.left.clone(), right: self.right.clone() }
    }
}

impl<A: Send + 'static, B: Send + 'static, L: Lineage> Deal<(A, B), L> for Sides<A, B, L> {
    const NAME: &'static str = "unzip";
    type Push = SidesPush<A, B, L>;

    fn keys(&self) -> Vec<Key> {
        vec![self.left.key().clone(), self.right.key().clone()]
    }

    fn connect(self, build: &mut Build, site: &Site) -> Self::Push {
        let nodes = Node::outlets(&site.node, 2);
        let left = Exit::new(self.left.unplug(build), nodes[0].clone());
        let right = Exit::new(self.right.unplug(build), nodes[1].clone());
        SidesPush { left, right }
    }
}

struct SidesPush<A, B, L> {
    left: Exit<A, L>,
    right: Exit<B, L>,
}

impl<A: Send + 'static, B: Send + 'static, L: Lineage> Push<(A, B), L> for SidesPush<A, B, L> {
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        let (left, right) = (self.left.poll_room(cx), self.right.poll_room(cx));
        match (ready!(left), ready!(right)) {
            (Flowing::Over, Flowing::Over) => Poll::Ready(Flowing::Over),
            _ => Poll::Ready(Flowing::On),
        }
    }

    fn push(&mut self, (left, right): (A, B), lineage: L) {
        self.left.push(left, lineage.clone());
        self.right.push(right, lineage);
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        // Both, so that none waits for the other.
        let (left, right) = (self.left.poll_settled(cx), self.right.poll_settled(cx));
        ready!(left);
        ready!(right);
        Poll::Ready(Flowing::On)
    }

    pass_to_exits!(self, [&mut self.left as &mut dyn AnyExit, &mut self.right]);
}
