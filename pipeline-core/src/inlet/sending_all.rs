//! Many items on their way into a run.

use std::fmt;
use std::future::Future;
use std::iter::Chain;
use std::option;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::sending::Entering;
use super::{Inlet, SendError};
use crate::lineage::Lineage;
use crate::stage::BUDGET;

/// The future of [`Inlet::send_all`], which tells its cancel safety.
#[must_use = "nothing is sent until it is awaited"]
pub struct FeedingAll<I: Iterator, L: Lineage = ()> {
    entering: Entering<I::Item, L>,
    /// Gone once it is ready.
    left: Option<Left<I, L>>,
}

struct Left<I, L: Lineage> {
    items: I,
    lineage: L,
    receipt: L::Receipt,
}

impl<I: Iterator, L: Lineage> FeedingAll<I, L> {
    pub(super) fn new(inlet: Inlet<I::Item, L>, items: I) -> Self {
        let (lineage, receipt) = L::issue();
        FeedingAll { entering: Entering::new(inlet, None), left: Some(Left { items, lineage, receipt }) }
    }
}

// Neither the items nor the iterator are pinned.
impl<I: Iterator, L: Lineage> Unpin for FeedingAll<I, L> {}

impl<I: Iterator, L: Lineage> Future for FeedingAll<I, L> {
    type Output = Result<L::Receipt, SendError<Chain<option::IntoIter<I::Item>, I>>>;

    /// # Panics
    /// If it is polled after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let FeedingAll { entering, left } = self.get_mut();
        let Some(mut all) = left.take() else { panic!("a future that is ready is not polled again") };
        for _ in 0..BUDGET {
            if !entering.has_item() {
                let Some(item) = all.items.next() else { return Poll::Ready(Ok(all.receipt)) };
                entering.bring(item, all.lineage.clone());
            }
            match entering.poll(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(SendError(item))) => {
                    return Poll::Ready(Err(SendError(Some(item).into_iter().chain(all.items))));
                }
                Poll::Pending => {
                    *left = Some(all);
                    return Poll::Pending;
                }
            }
        }
        *left = Some(all);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<I: Iterator, L: Lineage> fmt::Debug for FeedingAll<I, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedingAll").field("is_over", &self.left.is_none()).finish_non_exhaustive()
    }
}
