//! One input of a join that looks at an item before it uses it.

use std::sync::Arc;
use std::task::{Poll, Waker};

use crate::edge::{Next, Rx, wake};
use crate::run::{Node, Stop};
use crate::stage::Site;
use crate::sync::drop_each;

/// The oldest item of an input. It waits, in its place in the edge, until it is taken.
pub(super) struct Head<T, L> {
    rx: Rx<T, L>,
    item: Option<(T, L)>,
    is_over: bool,
    node: Arc<Node>,
}

impl<T, L> Head<T, L> {
    pub(super) fn new(rx: Rx<T, L>, site: &Site) -> Self {
        Head { rx, item: None, is_over: false, node: site.node.clone() }
    }

    /// Ready when there is an item, or none follows.
    pub(super) fn poll(&mut self, waker: &Waker) -> Poll<()> {
        if self.item.is_some() || self.is_over {
            return Poll::Ready(());
        }
        self.rx.poll_next(waker).map(|next| match next {
            Next::End => self.is_over = true,
            Next::Item(item, lineage) => self.item = Some((item, lineage)),
        })
    }

    pub(super) fn item(&self) -> Option<&(T, L)> {
        self.item.as_ref()
    }

    /// Whether there is no item, and none follows.
    pub(super) fn is_over(&self) -> bool {
        self.is_over && self.item.is_none()
    }

    /// Takes the item: its place is free from the next release on.
    pub(super) fn take(&mut self) -> Option<(T, L)> {
        if self.item.is_some() {
            self.rx.start();
        }
        self.item.take()
    }

    pub(super) fn release(&mut self) {
        wake(self.rx.release());
    }

    pub(super) fn close(&mut self, reason: Stop) {
        self.node.counts.abandoned_waiting.add(u64::from(self.item.is_some()));
        drop_each(self.item.take());
        self.rx.close(reason);
    }
}

impl<T, L> Drop for Head<T, L> {
    fn drop(&mut self) {
        self.node.counts.abandoned_waiting.add(u64::from(self.item.is_some()));
        drop_each(self.item.take());
    }
}
