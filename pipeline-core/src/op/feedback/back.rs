//! A loop whose body sends back by a handle: from any place in it, such as the dead letters of one of its stages.

use std::marker::PhantomData;
use std::sync::Arc;

use super::{Circle, close_loop, outline_loop};
use crate::describe::counted;
use crate::edge::DEFAULT_BUFFER;
use crate::flow::Flow;
use crate::ledger::Kind;
use crate::lineage::{Lineage, Ticket};
use crate::op::fused::FusedCount;
use crate::op::pass_on;
use crate::op::split::{Branch, Key, Socket, branch};
use crate::plan::{Build, Outline};
use crate::push::{Push, takes_all};
use crate::run::{Ends, Pipeline};
use crate::sink::Drain;

/// The name of what goes back, in the report.
const BACK: &str = "back";

/// Sends items through a loop again: a sink for flows in the body of
/// [`feedback_with`](crate::flow::JoinExt::feedback_with), which has an example. A handle that can be cloned.
///
/// Used outside of its loop it makes the plan invalid: `run` says so.
#[must_use = "nothing goes back unless a flow ends in it"]
pub struct Back<T> {
    key: Key,
    items: PhantomData<fn(T)>,
}

impl<T> Clone for Back<T> {
    fn clone(&self) -> Self {
        Back { key: self.key.clone(), items: PhantomData }
    }
}

impl<T> std::fmt::Debug for Back<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Back")
    }
}

/// Marker: the way back into a loop.
#[doc(hidden)]
#[derive(Debug)]
pub struct ByBack;

#[diagnostic::do_not_recommend]
impl<T: Send + 'static> Drain<T, ByBack> for Back<T> {
    fn end<P: Flow<Item = T>>(self, upstream: P) -> Pipeline<()> {
        Pipeline::ended(GoesBack { upstream, key: self.key })
    }
}

#[derive(Clone)]
struct GoesBack<P> {
    upstream: P,
    key: Key,
}

impl<P: Flow> Ends for GoesBack<P> {
    fn build(self, build: &mut Build) {
        let circle: Arc<Circle<P::Item>> =
            build.plugged(&self.key).expect("the outline of the plan has said that the loop is around it");
        let count = FusedCount::of(build.site(BACK, Kind::Sink).node);
        self.upstream.build(build, BackPush { circle, count });
    }

    fn outline(&self, outline: &mut Outline) {
        outline.goes_back(&self.key);
        outline.fused_as(BACK, Kind::Sink);
        self.upstream.outline(outline, DEFAULT_BUFFER);
    }
}

struct BackPush<T> {
    circle: Arc<Circle<T>>,
    count: FusedCount,
}

impl<T: Send + 'static, L: Lineage> Push<T, L> for BackPush<T> {
    fn push(&mut self, item: T, lineage: L) {
        self.count.seen();
        if !self.circle.back(item, lineage.into_ticket()) {
            // What is in the loop leaves it, and nothing goes round any more.
            self.circle.close();
        }
    }

    fn flush(&mut self) {
        self.count.flush();
    }

    fn own_up(&mut self) {
        self.count.own_up();
    }

    takes_all!();
}

/// The flow of [`feedback_with`](crate::flow::JoinExt::feedback_with).
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
pub struct FeedbackWith<P: Flow, B> {
    upstream: P,
    limit: usize,
    socket: Socket<P::Item, Ticket>,
    back: Back<P::Item>,
    body: B,
}

impl<P: Flow, B> FeedbackWith<P, B> {
    pub(crate) fn new(
        upstream: P,
        limit: usize,
        body: impl FnOnce(Branch<P::Item, Ticket>, Back<P::Item>) -> B,
    ) -> Self {
        let ((socket, flow), back) = (branch(), Back { key: Key::new(), items: PhantomData });
        FeedbackWith { upstream, limit, socket, back: back.clone(), body: body(flow, back) }
    }
}

impl<P: Flow, B: Clone> Clone for FeedbackWith<P, B> {
    fn clone(&self) -> Self {
        let FeedbackWith { upstream, limit, socket, back, body } = self;
        let (upstream, body) = (upstream.clone(), body.clone());
        FeedbackWith { upstream, limit: *limit, socket: socket.clone(), back: back.clone(), body }
    }
}

impl<P: Flow, B> std::fmt::Debug for FeedbackWith<P, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FeedbackWith").field("limit", &self.limit).finish()
    }
}

impl<P, B> Flow for FeedbackWith<P, B>
where
    P: Flow<Lineage = ()>,
    B: Flow<Lineage = Ticket>,
{
    type Item = B::Item;
    type Lineage = ();

    fn build<N: Push<B::Item, ()>>(self, build: &mut Build, next: N) {
        let FeedbackWith { upstream, limit, socket, back, body } = self;
        let circle = Circle::new(limit);
        build.plug(back.key.clone(), Box::new(circle.clone()));
        body.build(build, Leaves { next });
        drop(build.unplug(&back.key));
        close_loop(upstream, circle, &socket, build);
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline_loop(&self.upstream, self.limit, &self.socket, outline, |outline, at| {
            let way = format!("{BACK}, at most {}", counted(self.limit, "item"));
            outline.in_loop(&self.back.key, at, way, |outline| self.body.outline(outline, next));
        });
    }

    fn edge_buffer(&self) -> Option<usize> {
        self.body.edge_buffer()
    }
}

/// Where items leave the loop.
struct Leaves<N> {
    next: N,
}

impl<U: Send + 'static, N: Push<U, ()>> Push<U, Ticket> for Leaves<N> {
    fn push(&mut self, item: U, _: Ticket) {
        self.next.push(item, ());
    }

    pass_on!(poll_room poll_settled poll_rest offer_end flush own_up end bind take_woken room_behind);
}
