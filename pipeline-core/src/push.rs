//! How an item moves on: into an edge, or into a step that is fused into the task that made it.
//!
//! A plan is built from its sinks to its sources. Each step that cannot await wraps the [`Push`] of what comes after it,
//! so a source and all its fused steps become one static loop that ends in an edge or in a fused sink.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::edge::Tx;
use crate::lineage::Lineage;
use crate::run::Node;

/// Whether anybody takes more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flowing {
    /// Go on.
    On,
    /// Nobody does: what makes items should end.
    Over,
}

/// An end of a flow that may still be put off.
#[doc(hidden)]
pub trait Ending: Send + Sync {
    /// Ready if it is the end now, with the waker of the task that waits for it. Called under the lock of an edge.
    fn poll_close(&self) -> Poll<Option<Waker>>;
}

/// What takes the items of a flow, one at a time: `poll_room`, `push`, `poll_settled`, and again.
pub trait Push<T, L: Lineage>: Send + 'static {
    /// Ready when everything pushed before was accepted and there is room for one more.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing>;

    /// Takes an item. Only after `poll_room` said [`Flowing::On`].
    fn push(&mut self, item: T, lineage: L);

    /// Ready when the last item, and all that was made from it, was accepted.
    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Flowing>;

    /// Ready when what a step has kept back for later items was accepted, or nobody takes more. Called at the end of the
    /// input, once [`poll_settled`](Push::poll_settled) is ready; nothing is pushed afterwards.
    fn poll_rest(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Makes all that was pushed visible: items to their reader, counts to the ledger. Called before every wait.
    fn flush(&mut self);

    /// A panic was caught while this was called: the fused step whose code it came from counts and blames itself.
    fn own_up(&mut self);

    /// No item follows. Always called but after a failure: a sink that is fused makes its value here.
    fn end(&mut self);

    /// Names the node that writes, so that it can be told when nobody reads on.
    fn bind(&mut self, writer: &Arc<Node>);

    /// Whether the reader behind was woken since the last call.
    fn take_woken(&mut self) -> bool;

    /// The places of the edge behind this one.
    fn room_behind(&self) -> usize;

    /// Offers an end that is told only to a reader that has nothing left to read. False if nobody reads who could be told.
    fn offer_end(&mut self, _: &Arc<dyn Ending>) -> bool {
        false
    }

    /// This, as one type.
    fn into_outlet(self) -> Outlet<T, L>
    where
        Self: Sized,
    {
        Outlet::Fused(Box::new(self))
    }
}

/// Writes the `Push` methods of an end that takes every item at once, whatever it does with them.
macro_rules! takes_all {
    () => {
        fn poll_room(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<crate::push::Flowing> {
            std::task::Poll::Ready(crate::push::Flowing::On)
        }

        fn poll_settled(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<crate::push::Flowing> {
            std::task::Poll::Ready(crate::push::Flowing::On)
        }

        fn end(&mut self) {}

        fn bind(&mut self, _: &std::sync::Arc<crate::run::Node>) {}

        fn take_woken(&mut self) -> bool {
            false
        }

        fn room_behind(&self) -> usize {
            crate::edge::DEFAULT_BUFFER
        }
    };
}
pub(crate) use takes_all;

/// A [`Push`] whose type does not tell what follows: compile time stays linear in the number of stages.
pub enum Outlet<T, L> {
    /// Straight into the next edge.
    #[doc(hidden)]
    Edge(#[allow(private_interfaces)] Tx<T, L>),
    /// Through fused steps: one virtual call an item.
    #[doc(hidden)]
    Fused(Box<dyn Push<T, L>>),
}

impl<T: Send + 'static, L: Lineage> Push<T, L> for Outlet<T, L> {
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        match self {
            Outlet::Edge(tx) => tx.poll_room(cx),
            Outlet::Fused(push) => push.poll_room(cx),
        }
    }

    fn push(&mut self, item: T, lineage: L) {
        match self {
            Outlet::Edge(tx) => tx.push(item, lineage),
            Outlet::Fused(push) => push.push(item, lineage),
        }
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        match self {
            Outlet::Edge(tx) => tx.poll_settled(cx),
            Outlet::Fused(push) => push.poll_settled(cx),
        }
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Outlet::Edge(_) => Poll::Ready(()),
            Outlet::Fused(push) => push.poll_rest(cx),
        }
    }

    fn flush(&mut self) {
        match self {
            Outlet::Edge(tx) => tx.flush(),
            Outlet::Fused(push) => push.flush(),
        }
    }

    fn own_up(&mut self) {
        match self {
            Outlet::Edge(tx) => tx.own_up(),
            Outlet::Fused(push) => push.own_up(),
        }
    }

    fn end(&mut self) {
        match self {
            Outlet::Edge(tx) => tx.end(),
            Outlet::Fused(push) => push.end(),
        }
    }

    fn bind(&mut self, writer: &Arc<Node>) {
        match self {
            Outlet::Edge(tx) => tx.bind(writer),
            Outlet::Fused(push) => push.bind(writer),
        }
    }

    fn take_woken(&mut self) -> bool {
        match self {
            Outlet::Edge(tx) => tx.take_woken(),
            Outlet::Fused(push) => push.take_woken(),
        }
    }

    fn room_behind(&self) -> usize {
        match self {
            Outlet::Edge(tx) => tx.room_behind(),
            Outlet::Fused(push) => push.room_behind(),
        }
    }

    fn offer_end(&mut self, end: &Arc<dyn Ending>) -> bool {
        match self {
            Outlet::Edge(tx) => tx.offer_end(end),
            Outlet::Fused(push) => push.offer_end(end),
        }
    }

    fn into_outlet(self) -> Outlet<T, L> {
        self
    }
}

impl<T, L> std::fmt::Debug for Outlet<T, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outlet")
    }
}
