//! One of the ways out of a split: what takes the items of a branch, until the branch reads no more.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::branch::Socket;
use crate::lineage::Lineage;
use crate::op::join::Fate;
use crate::plan::Build;
use crate::push::{Flowing, Outlet, Push};
use crate::run::{Node, Stop};
use crate::stage::Site;

pub(super) struct Exit<T, L> {
    /// None once the branch has left.
    outlet: Option<Outlet<T, L>>,
    /// Stands for the split's node, which is told to stop only when all branches have left.
    node: Arc<Node>,
}

impl<T: Send + 'static, L: Lineage> Exit<T, L> {
    pub(super) fn new(mut outlet: Outlet<T, L>, node: Arc<Node>) -> Self {
        outlet.bind(&node);
        Exit { outlet: Some(outlet), node }
    }

    /// The exits of a split whose branches all take the same items, once they are built.
    pub(super) fn all(sockets: &[Socket<T, L>], build: &mut Build, site: &Site) -> Vec<Self> {
        let nodes = Node::outlets(&site.node, sockets.len());
        let pairs = sockets.iter().zip(&nodes);
        pairs.map(|(socket, node)| Exit::new(socket.unplug(build), node.clone())).collect()
    }

    /// Nothing, if the branch has left.
    pub(super) fn push(&mut self, item: T, lineage: L) {
        if let Some(outlet) = &mut self.outlet {
            outlet.push(item, lineage);
        }
    }
}

/// What an exit does whatever its items are.
pub(super) trait AnyExit {
    /// Whether the branch takes more. One that does not leaves.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing>;

    /// Ready when the last item was accepted. A branch that takes no more leaves.
    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Ready when what fused steps of the branch have kept back was accepted. It is told the end then.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    fn has_left(&self) -> bool;

    fn flush(&mut self);

    /// See [`Push::own_up`].
    fn own_up(&mut self);

    /// No item follows.
    fn end(&mut self);

    fn take_woken(&mut self) -> bool;
}

impl<T: Send + 'static, L: Lineage> AnyExit for Exit<T, L> {
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        let room = match &mut self.outlet {
            None => return Poll::Ready(Flowing::Over),
            Some(_) if self.node.is_stopped() => Poll::Ready(Flowing::Over),
            Some(outlet) => outlet.poll_room(cx),
        };
        if room == Poll::Ready(Flowing::Over) {
            self.end();
        }
        room
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(outlet) = &mut self.outlet else { return Poll::Ready(()) };
        if ready!(outlet.poll_settled(cx)) == Flowing::Over {
            self.end();
        }
        Poll::Ready(())
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(outlet) = &mut self.outlet {
            ready!(outlet.poll_rest(cx));
            self.end();
        }
        Poll::Ready(())
    }

    fn has_left(&self) -> bool {
        self.outlet.is_none()
    }

    fn flush(&mut self) {
        if let Some(outlet) = &mut self.outlet {
            outlet.flush();
        }
    }

    fn own_up(&mut self) {
        if let Some(outlet) = &mut self.outlet {
            outlet.own_up();
        }
    }

    fn end(&mut self) {
        if let Some(mut outlet) = self.outlet.take() {
            outlet.end();
            drop(outlet);
            self.node.stop(Stop::Over);
        }
    }

    fn take_woken(&mut self) -> bool {
        self.outlet.as_mut().is_some_and(Push::take_woken)
    }
}

/// The books of a split that holds an item in hand until its branch has room, or has left.
pub(super) struct Given {
    node: Arc<Node>,
    out: u64,
    is_lost: bool,
}

impl Given {
    pub(super) fn new(site: &Site) -> Self {
        Given { node: site.node.clone(), out: 0, is_lost: false }
    }

    /// Hands an item to an exit that has room, or has left: then the item is lost.
    pub(super) fn hand_over<T: Send + 'static, L: Lineage>(
        &mut self,
        exit: &mut Exit<T, L>,
        room: Flowing,
        item: T,
        lineage: L,
    ) {
        match room {
            // Before the push: a fused step may panic in it, and it has counted the item by then.
            Flowing::On => self.out += 1,
            Flowing::Over => self.lose(),
        }
        exit.push(item, lineage);
    }

    /// The item finds nobody.
    pub(super) fn lose(&mut self) {
        self.is_lost = true;
    }

    /// What became of the last item.
    pub(super) fn fate(&mut self) -> Fate {
        if std::mem::take(&mut self.is_lost) { Fate::Lost } else { Fate::Given }
    }

    pub(super) fn flush(&mut self) {
        self.node.counts.out.add(std::mem::take(&mut self.out));
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Writes the `Push` methods that a split passes on to its exits, given as an iterator over `&mut` of them.
macro_rules! pass_to_exits {
    ($self:ident, $exits:expr $(, $given:ident)?) => {
        fn flush(&mut $self) {
            $($self.$given.flush();)?
            for exit in $exits {
                exit.flush();
            }
        }

        fn poll_rest(&mut $self, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
            let mut rest = std::task::Poll::Ready(());
            for exit in $exits {
                // All of them, so that none waits for another.
                if exit.poll_rest(cx).is_pending() {
                    rest = std::task::Poll::Pending;
                }
            }
            rest
        }

        fn own_up(&mut $self) {
            for exit in $exits {
                exit.own_up();
            }
        }

        fn end(&mut $self) {
            for exit in $exits {
                exit.end();
            }
        }

        fn take_woken(&mut $self) -> bool {
            let mut woken = false;
            for exit in $exits {
                woken |= exit.take_woken();
            }
            woken
        }

        // Each exit has bound its own.
        fn bind(&mut self, _: &std::sync::Arc<crate::run::Node>) {}

        // A split is behind an edge of its own: nobody holds outputs back for it.
        fn room_behind(&self) -> usize {
            crate::edge::DEFAULT_BUFFER
        }
    };
}
pub(super) use pass_to_exits;
