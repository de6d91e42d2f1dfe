//! One of the ways out of a split: what takes the items of a branch, until the branch reads no more.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::branch::Socket;
use crate::lineage::Lineage;
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
        let exits = sockets.iter().zip(nodes);
        let exits = exits.map(|(socket, node)| Exit::new(socket.unplug(build), node)).collect::<Vec<_>>();
        name_readers(site, exits.iter().map(|exit| &exit.node));
        exits
    }

    /// Whether the branch takes more. One that does not leaves.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
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

    /// Ready when the last item was accepted.
    pub(super) fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.outlet {
            Some(outlet) => outlet.poll_settled(cx).map(|_| ()),
            None => Poll::Ready(()),
        }
    }

    /// Nothing, if the branch has left.
    pub(super) fn push(&mut self, item: T, lineage: L) {
        if let Some(outlet) = &mut self.outlet {
            outlet.push(item, lineage);
        }
    }

    pub(super) fn has_left(&self) -> bool {
        self.outlet.is_none()
    }

    pub(super) fn flush(&mut self) {
        if let Some(outlet) = &mut self.outlet {
            outlet.flush();
        }
    }

    /// No item follows.
    pub(super) fn end(&mut self) {
        if let Some(mut outlet) = self.outlet.take() {
            outlet.end();
            drop(outlet);
            self.node.stop(Stop::Over);
        }
    }

    pub(super) fn take_woken(&mut self) -> bool {
        self.outlet.as_mut().is_some_and(Push::take_woken)
    }
}

/// Tells the node of a split who reads behind it.
pub(super) fn name_readers<'a>(site: &Site, outlets: impl Iterator<Item = &'a Arc<Node>>) {
    let names: Vec<_> = outlets.filter_map(|node| node.reader.get().cloned()).collect();
    let _ = site.node.reader.set(names.join("`, `"));
}

/// Writes the `Push` methods that a split passes on to its exits, given as an iterator over `&mut` of them.
macro_rules! pass_to_exits {
    ($self:ident, $exits:expr) => {
        fn flush(&mut $self) {
            for exit in $exits {
                exit.flush();
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
