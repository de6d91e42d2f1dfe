//! A branch beside the flow, which loses what it has no room for.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::branch::{Branch, Socket, branch};
use crate::edge::{Tx, edge};
use crate::flow::Flow;
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::op::join::Mover;
use crate::op::merge::Turns;
use crate::op::pass_on;
use crate::plan::{Build, Outline};
use crate::push::{Flowing, Push};
use crate::run::{Node, Pipeline};

const NAME: &str = "tap";

/// The flow of [`tap`](crate::flow::SplitExt::tap).
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
pub struct Tap<P: Flow, V> {
    upstream: P,
    buffer: usize,
    socket: Socket<P::Item, P::Lineage>,
    side: Pipeline<V>,
}

impl<P: Flow, V> Tap<P, V> {
    pub(crate) fn new(
        upstream: P,
        buffer: usize,
        end: impl FnOnce(Branch<P::Item, P::Lineage>) -> Pipeline<V>,
    ) -> Self {
        let (socket, flow) = branch();
        Tap { upstream, buffer, socket, side: end(flow) }
    }
}

impl<P: Flow, V> Clone for Tap<P, V> {
    fn clone(&self) -> Self {
        Tap {
            upstream: self.upstream.clone(),
            buffer: self.buffer,
            socket: self.socket.clone(),
            side: self.side.clone(),
        }
    }
}

impl<P: Flow, V> fmt::Debug for Tap<P, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}

impl<P: Flow, V: Send + 'static> Flow for Tap<P, V>
where
    P::Item: Clone,
{
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        // Nobody asks for the value of the side.
        drop(self.side.build(build));
        let site = build.site(NAME, Kind::Split);
        let mut exit = self.socket.unplug(build);
        exit.bind(&site.node);
        let (side, rx) = edge(self.buffer, &site.node);
        let mut mover = Mover::new(Turns::of(rx), exit, site.clone());
        build.task(&site, async move {
            poll_fn(|cx| mover.poll(cx)).await;
            mover.end().await;
        });
        self.upstream.build(build, TapPush { next, side, node: site.node, dropped: 0 });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline.hold(1);
        outline.places(NAME, self.buffer);
        let (at, keys) = (outline.reserve(), [self.socket.key().clone()]);
        outline.branches(at, (NAME, Kind::Split), &keys, |outline| self.side.outline_into(outline));
        outline.also(at, Some(self.buffer), "what there is room for");
        self.upstream.outline(outline, next);
    }

    fn edge_buffer(&self) -> Option<usize> {
        self.upstream.edge_buffer()
    }
}

/// Passes items on, and a clone of each to the side, if there is room.
struct TapPush<T, L, N> {
    next: N,
    side: Tx<T, L>,
    /// The side's, in whose books the lost clones stand.
    node: Arc<Node>,
    /// Lost since the counts were last published.
    dropped: u64,
}

impl<T, L, N> TapPush<T, L, N> {
    fn publish(&mut self) {
        let dropped = std::mem::take(&mut self.dropped);
        self.node.trace.drops(dropped);
        self.node.counts.accepted.add(dropped);
        self.node.counts.dropped_waiting.add(dropped);
    }
}

impl<T: Clone + Send + 'static, L: Lineage, N: Push<T, L>> Push<T, L> for TapPush<T, L, N> {
    fn push(&mut self, item: T, lineage: L) {
        // Nothing waits for room on the side, so nobody is to be woken.
        match self.side.poll_room(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Flowing::On) => self.side.push(item.clone(), lineage.clone()),
            Poll::Ready(Flowing::Over) => {}
            Poll::Pending => self.dropped += 1,
        }
        self.next.push(item, lineage);
    }

    fn flush(&mut self) {
        self.publish();
        self.side.flush();
        self.next.flush();
    }

    fn bind(&mut self, writer: &Arc<Node>) {
        self.next.bind(writer);
        // In its name only: a side that reads no more must not stop the writer.
        let named = Node::new(writer.name.clone(), writer.kind);
        self.side.bind(&Arc::new(named));
    }

    fn take_woken(&mut self) -> bool {
        self.side.take_woken() | self.next.take_woken()
    }

    // The side is an edge: it keeps nothing back, and runs nobody's code.
    pass_on!(poll_room poll_settled poll_rest offer_end own_up end room_behind);
}

impl<T, L, N> Drop for TapPush<T, L, N> {
    fn drop(&mut self) {
        self.publish();
    }
}
