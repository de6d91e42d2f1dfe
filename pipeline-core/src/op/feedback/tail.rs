//! Where items leave a loop, or go back.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Again, Circle, LoopFull};
use crate::edge::wake;
use crate::error::Failure;
use crate::lineage::Ticket;
use crate::op::pass_on;
use crate::push::{Flowing, Push};
use crate::sync::drop_each;

pub(super) struct Tail<T, N> {
    next: N,
    circle: Arc<Circle<T>>,
    /// The limit was passed: the loop takes nothing more.
    is_full: bool,
}

impl<T, N> Tail<T, N> {
    pub(super) fn new(next: N, circle: Arc<Circle<T>>) -> Self {
        Tail { next, circle, is_full: false }
    }

    /// Puts an item in the queue, behind those that have gone back before.
    fn back(&mut self, item: T, ticket: Ticket) {
        let Circle { limit, state, .. } = &*self.circle;
        let counts = &self.circle.site().node.counts;
        counts.accepted.add(1);
        let (refused, head) = {
            let mut state = state.lock();
            if state.is_closed || state.queue.len() >= *limit {
                (Some((item, ticket)), None)
            } else {
                state.queue.push_back((item, ticket));
                counts.edge_peak.raise_to(state.queue.len() as u64);
                (None, state.head.take())
            }
        };
        wake(head);
        let Some(refused) = refused else { return };
        if self.circle.state.lock().is_closed {
            counts.abandoned_waiting.add(1);
        } else {
            self.fail();
        }
        drop_each([refused]);
    }

    fn fail(&mut self) {
        self.is_full = true;
        let site = self.circle.site();
        let counts = &site.node.counts;
        counts.started.add(1);
        counts.ended.add(1);
        counts.failed.add(1);
        let error = LoopFull { limit: self.circle.limit };
        site.run.fail(Failure::new(&site.node.name, None, Box::new(error)));
    }
}

impl<T, U, N> Push<Again<T, U>, Ticket> for Tail<T, N>
where
    T: Send + 'static,
    U: Send + 'static,
    N: Push<U, ()>,
{
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        if self.is_full { Poll::Ready(Flowing::Over) } else { self.next.poll_room(cx) }
    }

    fn push(&mut self, item: Again<T, U>, ticket: Ticket) {
        match item {
            Again::On(item) => self.next.push(item, ()),
            Again::Back(item) => self.back(item, ticket),
        }
    }

    pass_on!(poll_settled poll_rest offer_end flush own_up end bind take_woken room_behind);
}
