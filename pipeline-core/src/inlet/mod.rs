//! Flows that are fed from outside: an [`Inlet`] sends items into a run, [`Calls`] ask it for replies.
//!
//! A service starts a pipeline once and keeps a handle, which its handlers clone.
//!
//! | part | does |
//! | --- | --- |
//! | gate (`gate.rs`) | the way in: an edge of the run while it goes on, and the line of those who wait, first come first served |
//! | flow (`flow.rs`) | the source of the run, which opens the gate and reads its edge |
//! | sending (`sending.rs`, `sending_all.rs`) | one item, or many, on their way through the gate |
//! | service (`service.rs`) | calls as a service of tower, by a feature |
//! | calls (`calls.rs`, `call.rs`, `slot.rs`) | a ticket leads each reply back to its caller |
//!
//! The gate is closed for good when all handles are gone, when the run drains, has failed, was cancelled, was dropped or has
//! ended, and when the plan is dropped before it ran. Everybody in line is told, so no sender waits for ever.

mod call;
mod calls;
mod flow;
mod gate;
mod sending;
mod sending_all;
#[cfg(feature = "tower")]
mod service;
mod slot;

use std::fmt;
use std::sync::Arc;

pub use call::{Call, CallError};
pub use calls::{CallPermit, Calls, calls};
pub use flow::InletFlow;
pub use sending::{Feeding, SendError, TrySendError};
pub use sending_all::FeedingAll;
#[cfg(feature = "tower")]
pub use service::{CallService, ServiceCall};

use crate::lineage::{Lineage, Ticket};
use gate::Gate;

/// A flow that has no source of its own, and the handle that feeds it. `buffer` items wait in it at most; 0 makes the plan
/// invalid.
///
/// The flow can run once: a second run, also of a clone, gives an error ([`is_spent`](crate::error::Error::is_spent)). It
/// ends when all handles are gone and what they sent was read. For a receipt of each item, see [`tracked_inlet`]; for
/// replies, see [`calls`].
///
/// ```
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let (orders, flow) = inlet::<u64>(16);
/// let running = flow.then(|order| async move { 2 * order }).collect::<Vec<_>>().start();
/// let other = orders.clone();
/// orders.send(1).await.expect("the run goes on");
/// other.send(2).await.expect("the run goes on");
/// drop((orders, other));
/// assert_eq!(running.join().await?.value, [2, 4]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
///
/// # Ordering
/// Items enter in the order in which they are accepted. Senders that wait are served first come first served.
///
/// # Backpressure
/// A `send` waits while the buffer is full, and before the run has started.
pub fn inlet<T: Send + 'static>(buffer: usize) -> (Inlet<T>, InletFlow<T>) {
    pair(buffer)
}

/// An [`inlet`] that gives a [`Receipt`](crate::lineage::Receipt) for each item. It resolves when everything that was made
/// from the item is done, failed or dropped, at the latest with the end of the run.
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let (jobs, flow) = tracked_inlet::<u64>(16);
/// let work = |seconds| async move { sleep(Duration::from_secs(seconds)).await };
/// let running = flow.flat_map(|job| [job, job]).then(work).count().start();
/// let receipt = jobs.send(3).await.expect("the run goes on");
/// receipt.await;
/// assert_eq!(taktline::now().since_epoch(), Duration::from_secs(6));
/// assert_eq!(running.drain(Duration::from_secs(25)).await?.value, 2);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
///
/// # Ordering
/// That of [`inlet`]. Receipts resolve in no order.
///
/// # Backpressure
/// That of [`inlet`].
pub fn tracked_inlet<T: Send + 'static>(buffer: usize) -> (Inlet<T, Ticket>, InletFlow<T, Ticket>) {
    pair(buffer)
}

fn pair<T, L>(buffer: usize) -> (Inlet<T, L>, InletFlow<T, L>) {
    let gate = Arc::new(Gate::default());
    let handle = Arc::new(Handle { gate: gate.clone() });
    (Inlet { handle }, InletFlow::new(buffer, gate))
}

/// Feeds a run. From [`inlet`] or [`tracked_inlet`]; a clone feeds the same run.
pub struct Inlet<T, L = ()> {
    handle: Arc<Handle<T, L>>,
}

impl<T: Send + 'static, L: Lineage> Inlet<T, L> {
    /// Sends an item as soon as there is room. Ready with what the inlet gives for it: nothing, or a
    /// [`Receipt`](crate::lineage::Receipt).
    ///
    /// It waits while the buffer is full, and before the run has started. An item that was accepted is processed, or it is
    /// cut by the end of the run and counted as *abandoned* in the report.
    ///
    /// # Errors
    /// [`SendError`] gives the item back when the run takes nothing more: it drains, has ended, or was dropped unstarted.
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, the item was not sent and is dropped, and the place in line is lost.
    pub fn send(&self, item: T) -> Feeding<T, L> {
        Feeding::new(self.clone(), item)
    }

    /// Sends items one after the other, each as soon as there is room. Ready when the last one was accepted, with one
    /// [`Receipt`](crate::lineage::Receipt) for all of them, if the inlet gives any.
    ///
    /// The iterator is read one item at a time, never further ahead. Others that send have their turns between the items.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let (pages, flow) = tracked_inlet::<u64>(2);
    /// let running = flow.then(|page| async move { page }).count().start();
    /// let receipt = pages.send_all(0..9).await.expect("the run goes on");
    /// receipt.await;
    /// running.cancel().await.expect_err("it was cancelled");
    /// let Err(error) = pages.send_all(0..3).await else { panic!("the run has ended") };
    /// assert!(error.0.eq(0..3));
    /// # });
    /// ```
    ///
    /// # Errors
    /// When the run takes nothing more, [`SendError`] gives back an iterator of the items that were not sent.
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, the items that were accepted stay sent; the others are dropped, with the
    /// iterator.
    pub fn send_all<I: IntoIterator<Item = T>>(&self, items: I) -> FeedingAll<I::IntoIter, L> {
        FeedingAll::new(self.clone(), items.into_iter())
    }

    /// Sends an item if there is room at once and nobody waits in line.
    ///
    /// ```
    /// use taktline::inlet::TrySendError;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let (inlet, flow) = inlet::<u64>(1);
    /// let running = flow.count().start();
    /// assert!(inlet.try_send(1).is_ok());
    /// assert_eq!(inlet.try_send(2), Err(TrySendError::Full(2)));
    /// running.cancel().await.expect_err("it was cancelled");
    /// assert_eq!(inlet.try_send(3), Err(TrySendError::Closed(3)));
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`TrySendError`] gives the item back: the inlet is full, or its run has not started, or takes nothing more.
    pub fn try_send(&self, item: T) -> Result<L::Receipt, TrySendError<T>> {
        let (lineage, receipt) = L::issue();
        self.handle.gate.try_send(item, lineage).map(|()| receipt)
    }

    /// Whether the run takes nothing more: every send gives its item back.
    pub fn is_closed(&self) -> bool {
        self.handle.gate.is_closed()
    }
}

impl<T, L> Clone for Inlet<T, L> {
    fn clone(&self) -> Self {
        Inlet { handle: self.handle.clone() }
    }
}

impl<T, L> fmt::Debug for Inlet<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inlet").field("is_closed", &self.handle.gate.is_closed()).finish()
    }
}

/// Closes the gate when the last handle is gone.
struct Handle<T, L> {
    gate: Arc<Gate<T, L>>,
}

impl<T, L> Drop for Handle<T, L> {
    fn drop(&mut self) {
        self.gate.close();
    }
}
