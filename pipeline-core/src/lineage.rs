//! What follows an item through a pipeline: nothing, or a [`Ticket`].
//!
//! The lineage is a type parameter of a flow, never of a stage: the engine takes it off an item before a body sees it
//! and puts it on what the body made. A flow that asked for nothing has the lineage `()`, which takes no room.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::sync::Mutex;

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl Sealed for super::Ticket {}
}

/// What travels with every item of a flow: `()` (the default) or a [`Ticket`].
///
/// Sealed: these two are all there is.
pub trait Lineage: Clone + Default + Send + Sync + 'static + sealed::Sealed {
    /// The lineage of a merge of this one and `Other`: tracked if either is.
    type Join<Other: Lineage>: Lineage;

    /// Takes over a lineage of another flow that is merged into this one.
    #[doc(hidden)]
    fn absorb<Other: Lineage>(other: Other) -> Self;

    /// Adds what `other` follows to what this one follows.
    #[doc(hidden)]
    fn join(&mut self, other: Self);

    #[doc(hidden)]
    fn into_ticket(self) -> Ticket;

    /// What an [inlet](crate::inlet) gives for an item that it has accepted: nothing, or a [`Receipt`].
    type Receipt: Send + 'static;

    #[doc(hidden)]
    fn issue() -> (Self, Self::Receipt);
}

impl Lineage for () {
    type Join<Other: Lineage> = Other;

    fn absorb<Other: Lineage>(_: Other) -> Self {}
    fn join(&mut self, (): Self) {}
    fn into_ticket(self) -> Ticket {
        Ticket::default()
    }

    type Receipt = ();

    fn issue() -> ((), ()) {
        ((), ())
    }
}

impl Lineage for Ticket {
    type Join<Other: Lineage> = Ticket;

    fn absorb<Other: Lineage>(other: Other) -> Self {
        other.into_ticket()
    }

    fn join(&mut self, other: Self) {
        match (&self.held, other.held) {
            (_, None) => {}
            (None, held) => self.held = held,
            (Some(a), Some(b)) if Arc::ptr_eq(a, &b) => {}
            (Some(a), Some(b)) => {
                // Two parts of one request still lead to who has asked.
                let asker = a.asker.clone().filter(|asker| b.asker.as_ref().is_some_and(|it| Arc::ptr_eq(asker, it)));
                let held = Held { receipt: None, limit: None, parents: [Some(a.clone()), Some(b)], asker };
                self.held = Some(Arc::new(held));
            }
        }
    }

    fn into_ticket(self) -> Ticket {
        self
    }

    type Receipt = Receipt;

    fn issue() -> (Ticket, Receipt) {
        Ticket::new()
    }
}

/// Follows an item and everything that is made from it.
///
/// A clone goes with each output of the item; [`tracked`](crate::flow::Flow::tracked) puts one on each item of a flow. When
/// the last clone is dropped (the outputs were read by a sink, filtered, failed or abandoned) the [`Receipt`] resolves. It
/// says that nothing is left of the item, not that all went well. A default ticket follows nothing.
///
/// ```
/// use taktline::lineage::Ticket;
///
/// let (ticket, receipt) = Ticket::new();
/// let copy = ticket.clone();
/// drop(ticket);
/// assert!(!receipt.is_settled());
/// drop(copy);
/// assert!(receipt.is_settled());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Ticket {
    held: Option<Arc<Held>>,
}

impl Ticket {
    /// A new ticket, and the receipt that resolves when the ticket and all its clones are gone.
    pub fn new() -> (Ticket, Receipt) {
        Ticket::of(None)
    }

    /// A new ticket that leads from what is made of an item back to who asked for it.
    pub(crate) fn leading_to(asker: Arc<dyn Any + Send + Sync>) -> (Ticket, Receipt) {
        Ticket::of(Some(asker))
    }

    /// Who asked for the item, if it is one and of that type: a joined ticket leads to nobody.
    pub(crate) fn asker<A: Any + Send + Sync>(&self) -> Option<Arc<A>> {
        self.held.as_ref()?.asker.clone()?.downcast().ok()
    }

    fn of(asker: Option<Arc<dyn Any + Send + Sync>>) -> (Ticket, Receipt) {
        let shared = Arc::new(Mutex::new(Settled::default()));
        let held = Held { receipt: Some(shared.clone()), limit: None, parents: [None, None], asker };
        (Ticket { held: Some(Arc::new(held)) }, Receipt { shared })
    }

    /// What `parent` follows, and a place within `limit` until all clones are gone.
    pub(crate) fn limited(parent: Ticket, limit: &Arc<Limit>) -> Ticket {
        limit.enter();
        // A reply still finds who has asked.
        let asker = parent.held.as_ref().and_then(|held| held.asker.clone());
        let held = Held { receipt: None, limit: Some(limit.clone()), parents: [parent.held, None], asker };
        Ticket { held: Some(Arc::new(held)) }
    }
}

#[derive(Debug)]
struct Held {
    receipt: Option<Arc<Mutex<Settled>>>,
    limit: Option<Arc<Limit>>,
    parents: [Option<Arc<Held>>; 2],
    asker: Option<Arc<dyn Any + Send + Sync>>,
}

impl Drop for Held {
    /// Parents are dropped in a loop: a long line of joins must not exhaust the stack.
    fn drop(&mut self) {
        let mut parents: Vec<Arc<Held>> = Vec::new();
        parents.extend(std::mem::take(&mut self.parents).into_iter().flatten());
        while let Some(parent) = parents.pop() {
            if let Some(mut held) = Arc::into_inner(parent) {
                parents.extend(std::mem::take(&mut held.parents).into_iter().flatten());
            }
        }
        if let Some(limit) = &self.limit {
            limit.leave();
        }
        let Some(receipt) = &self.receipt else { return };
        let waker = {
            let mut settled = receipt.lock();
            settled.done = true;
            settled.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// How many items may be in flight behind a place of a plan at once. One task waits for a place.
#[derive(Debug)]
pub(crate) struct Limit {
    most: usize,
    state: Mutex<InFlight>,
}

#[derive(Debug, Default)]
struct InFlight {
    items: usize,
    waker: Option<Waker>,
}

impl Limit {
    pub(crate) fn new(most: usize) -> Limit {
        Limit { most, state: Mutex::default() }
    }

    /// Ready while there is a place.
    pub(crate) fn poll_place(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.items < self.most {
            return Poll::Ready(());
        }
        let former = state.waker.replace(cx.waker().clone());
        drop(state);
        drop(former);
        Poll::Pending
    }

    fn enter(&self) {
        self.state.lock().items += 1;
    }

    fn leave(&self) {
        let waker = {
            let mut state = self.state.lock();
            state.items -= 1;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[derive(Debug, Default)]
struct Settled {
    done: bool,
    waker: Option<Waker>,
}

/// Resolves when nothing that was made from an item is left. From [`Ticket::new`].
///
/// ```
/// use std::time::Duration;
/// use taktline::lineage::Ticket;
///
/// # taktline::sim::run(1, async {
/// let (ticket, receipt) = Ticket::new();
/// let holder = taktline::spawn(async move {
///     taktline::sleep(Duration::from_secs(5)).await;
///     drop(ticket);
/// });
/// receipt.await;
/// assert_eq!(taktline::now().since_epoch(), Duration::from_secs(5));
/// # holder.detach();
/// # });
/// ```
///
/// # Cancel safety
/// Dropping it loses only the news; the item goes on.
#[derive(Debug)]
#[must_use = "a receipt tells nothing unless it is awaited or asked"]
pub struct Receipt {
    shared: Arc<Mutex<Settled>>,
}

impl Receipt {
    /// Whether the ticket and all its clones are gone.
    pub fn is_settled(&self) -> bool {
        self.shared.lock().done
    }
}

impl Future for Receipt {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut settled = self.shared.lock();
        if settled.done {
            return Poll::Ready(());
        }
        let former = settled.waker.replace(cx.waker().clone());
        drop(settled);
        drop(former);
        Poll::Pending
    }
}

const _: () = assert!(size_of::<(u64, ())>() == size_of::<u64>(), "an untracked item must cost nothing");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_joined_ticket_settles_both_receipts_only_at_its_end() {
        let (mut a, first) = Ticket::new();
        let (b, second) = Ticket::new();
        a.join(b);
        assert!(!first.is_settled() && !second.is_settled());
        drop(a);
        assert!(first.is_settled() && second.is_settled());
    }

    #[test]
    fn a_default_ticket_takes_over_what_it_is_joined_with() {
        let (ticket, receipt) = Ticket::new();
        let mut open = Ticket::default();
        open.join(ticket);
        assert!(!receipt.is_settled());
        drop(open);
        assert!(receipt.is_settled());
    }
}
