//! Each item to the first branch whose case takes it, as the type that the case makes of it.

use std::fmt;
use std::task::{Context, Poll, ready};

use super::branch::{Branch, Key, Socket, branch};
use super::deal::{AnySplit, Deal};
use super::ends::{Gather, Gathered, NoBranch};
use super::exit::{AnyExit, Exit, Given, pass_to_exits};
use crate::flow::BoxFlow;
use crate::lineage::Lineage;
use crate::op::join::Mover;
use crate::op::merge::Turns;
use crate::plan::Build;
use crate::push::{Flowing, Push};
use crate::run::Node;
use crate::stage::Site;
use std::sync::Arc;

/// A route with the cases that it was given; [`rest`](Self::rest) ends it. From [`route`](crate::flow::SplitExt::route).
#[must_use = "a route is a plan: give it cases, and end it with `rest`"]
pub struct Route<T, L = (), B = NoBranch> {
    upstream: BoxFlow<T, L>,
    cases: Cases<T, L>,
    branches: B,
}

impl<T: Send + 'static, L: Lineage> Route<T, L> {
    pub(crate) fn new(upstream: BoxFlow<T, L>) -> Self {
        Route { upstream, cases: Cases(Vec::new()), branches: NoBranch }
    }
}

impl<T: Send + 'static, L: Lineage, B> Route<T, L, B> {
    /// Adds a case: an item for which `case` gives an `Ok` goes to this branch, as what is in it; one that it gives back as an
    /// `Err` is offered to the next case. [`route`](crate::flow::SplitExt::route) has an example.
    pub fn case<U, C, E, M>(self, case: C, end: impl FnOnce(Branch<U, L>) -> E) -> Route<T, L, B::And>
    where
        U: Send + 'static,
        C: FnMut(T) -> Result<U, T> + Clone + Send + 'static,
        B: Gather<E, M>,
    {
        let Route { upstream, mut cases, branches } = self;
        let (socket, flow) = branch();
        cases.0.push(Box::new(Arm { socket, case }));
        Route { upstream, cases, branches: branches.and(end(flow)) }
    }

    /// Adds the last branch, which gets every item that no case took. Gives a [`Pipeline`](crate::run::Pipeline) if the
    /// branches end in sinks, whose value is the tuple of their values, or the [`Branches`](super::Branches) to be merged.
    pub fn rest<E, M>(self, end: impl FnOnce(Branch<T, L>) -> E) -> <B::And as Gathered>::Split
    where
        B: Gather<E, M>,
        B::And: Gathered,
    {
        let Route { upstream, cases, branches } = self.case(Ok, end);
        branches.close(AnySplit::new(upstream, cases))
    }
}

impl<T, L, B: Clone> Clone for Route<T, L, B> {
    fn clone(&self) -> Self {
        Route { upstream: self.upstream.clone(), cases: self.cases.clone(), branches: self.branches.clone() }
    }
}

impl<T, L, B> fmt::Debug for Route<T, L, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("cases", &self.cases.0.len()).finish()
    }
}

struct Cases<T, L>(Vec<Box<dyn Case<T, L>>>);

impl<T, L> Clone for Cases<T, L> {
    fn clone(&self) -> Self {
        Cases(self.0.iter().map(|case| case.clone_box()).collect())
    }
}

/// A case before its plan is built.
trait Case<T, L>: Send {
    fn key(&self) -> Key;
    fn connect(self: Box<Self>, build: &mut Build, node: Arc<Node>) -> Box<dyn Door<T, L>>;
    fn clone_box(&self) -> Box<dyn Case<T, L>>;
}

struct Arm<U, L, C> {
    socket: Socket<U, L>,
    case: C,
}

impl<T, U, L, C> Case<T, L> for Arm<U, L, C>
where
    T: Send + 'static,
    U: Send + 'static,
    L: Lineage,
    C: FnMut(T) -> Result<U, T> + Clone + Send + 'static,
{
    fn key(&self) -> Key {
        self.socket.key().clone()
    }

    fn connect(self: Box<Self>, build: &mut Build, node: Arc<Node>) -> Box<dyn Door<T, L>> {
        let exit = Exit::new(self.socket.unplug(build), node);
        Box::new(OpenArm { exit, case: self.case, hand: None })
    }

    fn clone_box(&self) -> Box<dyn Case<T, L>> {
        Box::new(Arm { socket: self.socket.clone(), case: self.case.clone() })
    }
}

/// A case of a run.
trait Door<T, L>: Send {
    /// Takes the item in hand, or gives it back.
    fn offer(&mut self, item: T, lineage: L) -> Option<(T, L)>;

    /// Hands over what is in hand, once there is room.
    fn poll_hand_over(&mut self, given: &mut Given, cx: &mut Context<'_>) -> Poll<()>;

    fn exit(&mut self) -> &mut dyn AnyExit;
}

struct OpenArm<U, L, C> {
    exit: Exit<U, L>,
    case: C,
    hand: Option<(U, L)>,
}

impl<T, U, L, C> Door<T, L> for OpenArm<U, L, C>
where
    U: Send + 'static,
    L: Lineage,
    C: FnMut(T) -> Result<U, T> + Send,
{
    fn offer(&mut self, item: T, lineage: L) -> Option<(T, L)> {
        match (self.case)(item) {
            Ok(made) => {
                self.hand = Some((made, lineage));
                None
            }
            Err(item) => Some((item, lineage)),
        }
    }

    fn poll_hand_over(&mut self, given: &mut Given, cx: &mut Context<'_>) -> Poll<()> {
        if self.hand.is_some() {
            let room = ready!(self.exit.poll_room(cx));
            if let Some((made, lineage)) = self.hand.take() {
                given.hand_over(&mut self.exit, room, made, lineage);
            }
        }
        self.exit.poll_settled(cx)
    }

    fn exit(&mut self) -> &mut dyn AnyExit {
        &mut self.exit
    }
}

impl<T: Send + 'static, L: Lineage> Deal<T, L> for Cases<T, L> {
    const NAME: &'static str = "route";
    type Push = RoutePush<T, L>;

    fn keys(&self) -> Vec<Key> {
        self.0.iter().map(|case| case.key()).collect()
    }

    fn connect(self, build: &mut Build, site: &Site) -> Self::Push {
        let nodes = Node::outlets(&site.node, self.0.len());
        let doors = self.0.into_iter().zip(&nodes).map(|(case, node)| case.connect(build, node.clone())).collect();
        RoutePush { doors, at: 0, has_looked: false, given: Given::new(site) }
    }

    fn mover(input: Turns<T, L>, push: Self::Push, site: Site) -> Mover<Turns<T, L>, Self::Push> {
        Mover::holding(input, push, site, |push| push.given.fate())
    }
}

struct RoutePush<T, L> {
    doors: Vec<Box<dyn Door<T, L>>>,
    /// Which of them has taken the last item.
    at: usize,
    /// Whether the branches were asked whether they take anything at all.
    has_looked: bool,
    given: Given,
}

impl<T: Send + 'static, L: Lineage> Push<T, L> for RoutePush<T, L> {
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        let is_first_look = !std::mem::replace(&mut self.has_looked, true);
        let mut is_over = true;
        for exit in self.doors.iter_mut().map(|door| door.exit()) {
            if is_first_look {
                let _ = exit.poll_room(cx);
            }
            is_over &= exit.has_left();
        }
        Poll::Ready(if is_over { Flowing::Over } else { Flowing::On })
    }

    fn push(&mut self, item: T, lineage: L) {
        let mut left = Some((item, lineage));
        for (at, door) in self.doors.iter_mut().enumerate() {
            let Some((item, lineage)) = left else { break };
            left = door.offer(item, lineage);
            self.at = at;
        }
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        ready!(self.doors[self.at].poll_hand_over(&mut self.given, cx));
        Poll::Ready(Flowing::On)
    }

    pass_to_exits!(self, self.doors.iter_mut().map(|door| door.exit()), given);
}
