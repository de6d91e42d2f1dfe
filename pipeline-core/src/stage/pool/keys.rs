//! Which item of a pool may start, where the items of one key are in work one after the other.
//!
//! An item whose key is in work is set aside. It still waits, and keeps its place in the edge, so the edge bounds what is
//! set aside too. Once its key is free it goes before everything that came later.

use std::collections::VecDeque;
use std::task::{Poll, Waker};

use crate::edge::{Next, One, Rx};

pub(super) struct Keys<T, L> {
    /// Taken from the intake, and not started: another item of the same key is in work.
    aside: VecDeque<(T, L)>,
    /// The key of the item that each worker has in work.
    busy: Vec<(usize, u64)>,
}

impl<T, L> Keys<T, L> {
    pub(super) fn new() -> Self {
        Keys { aside: VecDeque::new(), busy: Vec::new() }
    }

    /// The oldest item whose key is free, for worker `id`.
    pub(super) fn poll_one(
        &mut self,
        id: usize,
        intake: &mut Rx<T, L>,
        waker: &Waker,
        key: fn(&T) -> u64,
    ) -> One<T, L> {
        if let Some(at) = self.aside.iter().position(|(item, _)| self.is_free(key(item))) {
            if let Some((item, lineage)) = self.aside.remove(at) {
                self.busy.push((id, key(&item)));
                return One { next: Poll::Ready(Next::Item(item, lineage)), more: true };
            }
        }
        loop {
            let one = intake.poll_one(waker);
            match one.next {
                Poll::Ready(Next::Item(item, lineage)) if !self.is_free(key(&item)) => {
                    self.aside.push_back((item, lineage));
                }
                Poll::Ready(Next::Item(item, lineage)) => {
                    self.busy.push((id, key(&item)));
                    return One { next: Poll::Ready(Next::Item(item, lineage)), more: one.more };
                }
                // The end comes behind what was set aside.
                Poll::Ready(Next::End) if !self.aside.is_empty() => return One { next: Poll::Pending, more: false },
                next => return One { next, more: one.more },
            }
        }
    }

    fn is_free(&self, key: u64) -> bool {
        self.busy.iter().all(|(_, busy)| *busy != key)
    }

    /// The item of worker `id` has ended. Says whether one that was set aside may start.
    pub(super) fn release(&mut self, id: usize) -> bool {
        self.busy.retain(|(worker, _)| *worker != id);
        !self.aside.is_empty()
    }

    /// What was set aside, at an ending.
    pub(super) fn take_aside(&mut self) -> VecDeque<(T, L)> {
        std::mem::take(&mut self.aside)
    }
}
