//! What the one who follows an item holds.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::Origin;
use crate::sync::Mutex;

#[derive(Debug, Default)]
pub(super) struct Settled {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    done: bool,
    waker: Option<Waker>,
}

impl Origin for Settled {
    fn settle(&self) {
        let waker = {
            let mut settled = self.state.lock();
            settled.done = true;
            settled.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// Resolves when nothing that was made from an item is left. From [`Ticket::new`](super::Ticket::new).
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
    settled: Arc<Settled>,
}

impl Receipt {
    pub(super) fn of(settled: Arc<Settled>) -> Receipt {
        Receipt { settled }
    }

    /// Whether the ticket and all its clones are gone.
    pub fn is_settled(&self) -> bool {
        self.settled.state.lock().done
    }
}

impl Future for Receipt {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut settled = self.settled.state.lock();
        if settled.done {
            return Poll::Ready(());
        }
        let former = settled.waker.replace(cx.waker().clone());
        drop(settled);
        drop(former);
        Poll::Pending
    }
}
