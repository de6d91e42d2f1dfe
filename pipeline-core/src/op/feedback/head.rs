//! Where items enter a loop.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Circle;
use crate::edge::{Next, Rx, arm, wake};
use crate::lineage::{Receipt, Ticket};
use crate::op::join::{Inputs, Taken};
use crate::run::Stop;

pub(super) struct Head<T> {
    /// None when the outside has ended.
    outside: Option<Rx<T, ()>>,
    circle: Arc<Circle<T>>,
    /// What everything in the loop follows, as long as more may come from outside.
    ticket: Option<Ticket>,
    receipt: Receipt,
    is_over: bool,
}

impl<T: Send + 'static> Head<T> {
    pub(super) fn new(outside: Rx<T, ()>, circle: Arc<Circle<T>>) -> Self {
        let (ticket, receipt) = Ticket::new();
        Head { outside: Some(outside), circle, ticket: Some(ticket), receipt, is_over: false }
    }

    fn poll_back(&self, cx: &mut Context<'_>) -> Option<(T, Ticket)> {
        let mut state = self.circle.state.lock();
        let back = state.queue.pop_front();
        let former = if back.is_none() { arm(&mut state.head, cx.waker()) } else { None };
        drop(state);
        drop(former);
        back
    }
}

impl<T: Send + 'static> Inputs for Head<T> {
    type Item = T;
    type Lineage = Ticket;

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Taken<T, Ticket>> {
        if let Some((item, lineage)) = self.poll_back(cx) {
            return Poll::Ready(Taken::Made { item, lineage, from: 1 });
        }
        if let (Some(outside), Some(ticket)) = (&mut self.outside, &self.ticket) {
            match outside.poll_next(cx.waker()) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Next::Item(item, ())) => {
                    outside.start();
                    return Poll::Ready(Taken::Made { item, lineage: ticket.clone(), from: 1 });
                }
                Poll::Ready(Next::End) => (self.outside, self.ticket) = (None, None),
            }
        }
        // A ticket is dropped only when what was made of its item is in the queue, or gone: the queue was looked at before.
        match Pin::new(&mut self.receipt).poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                self.is_over = true;
                Poll::Ready(Taken::Nothing)
            }
        }
    }

    fn release(&mut self) {
        if let Some(outside) = &mut self.outside {
            wake(outside.release());
        }
    }

    fn close(&mut self, reason: Stop) {
        if let Some(outside) = &mut self.outside {
            outside.close(reason);
        }
        self.circle.close();
    }
}

impl<T> Drop for Head<T> {
    fn drop(&mut self) {
        self.circle.close();
    }
}
