//! Where items leave a loop, or go back.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Again, Circle};
use crate::lineage::Ticket;
use crate::op::pass_on;
use crate::push::{Flowing, Push};

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
            Again::Back(item) => self.is_full |= !self.circle.back(item, ticket),
        }
    }

    pass_on!(poll_settled poll_rest offer_end flush own_up end bind take_woken room_behind);
}
