//! One item on its way into a run.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Inlet;
use crate::lineage::Lineage;
use crate::runtime::Rt;

const ONCE: &str = "a future that is ready is not polled again";

/// The future of [`Inlet::send`], which tells its cancel safety.
#[must_use = "nothing is sent until it is awaited"]
pub struct Feeding<T, L: Lineage = ()> {
    entering: Entering<T, L>,
    receipt: Option<L::Receipt>,
}

impl<T, L: Lineage> Feeding<T, L> {
    pub(super) fn new(inlet: Inlet<T, L>, item: T) -> Self {
        let (lineage, receipt) = L::issue();
        Feeding { entering: Entering::new(inlet, Some((item, lineage))), receipt: Some(receipt) }
    }
}

// The item is moved, never pinned.
impl<T, L: Lineage> Unpin for Feeding<T, L> {}

impl<T, L: Lineage> Future for Feeding<T, L> {
    type Output = Result<L::Receipt, SendError<T>>;

    /// # Panics
    /// If it is polled after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Feeding { entering, receipt } = self.get_mut();
        entering.poll(cx).map(|sent| {
            let receipt = receipt.take().expect(ONCE);
            sent.map(|()| receipt)
        })
    }
}

impl<T, L: Lineage> fmt::Debug for Feeding<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feeding").field("waits", &self.entering.place.is_some()).finish_non_exhaustive()
    }
}

/// An item before the gate, or in its line.
pub(super) struct Entering<T, L> {
    inlet: Inlet<T, L>,
    item: Option<(T, L)>,
    place: Option<u64>,
    /// There is room for it, which nobody else gets.
    is_reserved: bool,
}

impl<T, L: Lineage> Entering<T, L> {
    pub(super) fn new(inlet: Inlet<T, L>, item: Option<(T, L)>) -> Self {
        Entering { inlet, item, place: None, is_reserved: false }
    }

    /// Reserves room, before there is an item.
    pub(super) fn poll_reserve(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        if self.is_reserved {
            let is_closed = self.inlet.handle.gate.is_closed();
            return Poll::Ready(if is_closed { Err(SendError(())) } else { Ok(()) });
        }
        let polled = self.inlet.handle.gate.poll_reserve(&mut self.place, cx);
        self.is_reserved = matches!(polled, Poll::Ready(Ok(())));
        polled
    }

    pub(super) fn has_item(&self) -> bool {
        self.item.is_some()
    }

    /// Brings an item, where there is none.
    pub(super) fn bring(&mut self, item: T, lineage: L) {
        self.item = Some((item, lineage));
    }

    /// Ready when the item was accepted, or never will be.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        if self.is_reserved {
            return Poll::Ready(self.try_now().map_err(|error| SendError(error.into_inner())));
        }
        self.inlet.handle.gate.poll_send(&mut self.item, &mut self.place, cx)
    }

    /// Sends at once, or gives the item back.
    pub(super) fn try_now(&mut self) -> Result<(), TrySendError<T>> {
        let (item, lineage) = self.item.take().expect(ONCE);
        if std::mem::take(&mut self.is_reserved) {
            self.inlet.handle.gate.send_reserved(item, lineage)
        } else {
            self.inlet.handle.gate.try_send(item, lineage)
        }
    }

    /// The runtime of the run, while it goes on.
    pub(super) fn rt(&self) -> Option<Rt> {
        self.inlet.handle.gate.rt()
    }
}

impl<T, L> Drop for Entering<T, L> {
    fn drop(&mut self) {
        let Entering { inlet, place, is_reserved, .. } = self;
        if *is_reserved {
            inlet.handle.gate.give_back();
        } else {
            inlet.handle.gate.leave(place);
        }
    }
}

/// The run takes nothing more. Has the item that was not sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendError(..)")
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the run takes no more items")
    }
}

impl<T> Error for SendError<T> {}

/// The item that [`Inlet::try_send`] did not send.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// There is no room now, others wait for it, or the run has not started.
    Full(T),
    /// The run takes nothing more.
    Closed(T),
}

impl<T> TrySendError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            TrySendError::Full(item) | TrySendError::Closed(item) => item,
        }
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrySendError::Full(_) => "Full(..)",
            TrySendError::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrySendError::Full(_) => "the inlet has no room for an item",
            TrySendError::Closed(_) => "the run takes no more items",
        })
    }
}

impl<T> Error for TrySendError<T> {}
