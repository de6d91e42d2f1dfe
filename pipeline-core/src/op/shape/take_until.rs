//! The items before a future is ready.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::error::{BoxError, Error};
use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::tasked::{self, Books, Due, Given, Tasked};
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::runtime::Instant;
use crate::sync::Mutex;

/// The flow of [`take_until`](crate::flow::ShapeExt::take_until).
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
pub struct TakeUntil<P, U> {
    upstream: P,
    until: Arc<Mutex<Option<Pin<Box<U>>>>>,
}

impl<P, U> TakeUntil<P, U> {
    pub(crate) fn new(upstream: P, until: U) -> Self {
        TakeUntil { upstream, until: Arc::new(Mutex::new(Some(Box::pin(until)))) }
    }
}

impl<P: Clone, U> Clone for TakeUntil<P, U> {
    fn clone(&self) -> Self {
        TakeUntil { upstream: self.upstream.clone(), until: self.until.clone() }
    }
}

impl<P, U> fmt::Debug for TakeUntil<P, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TakeUntil")
    }
}

impl<P, U> Flow for TakeUntil<P, U>
where
    P: Flow,
    U: Future + Send + 'static,
{
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let until = self.until.lock().take();
        match until {
            None => build.refuse(Error::spent("take_until")),
            Some(until) => {
                let make = move |_| Until { until: Some(until), in_hand: None };
                tasked::build(self.upstream, build, next, "take_until", make);
            }
        }
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        if self.until.lock().is_none() {
            outline.spent("take_until");
        }
        tasked::outline(&self.upstream, outline, "take_until", 1);
    }
}

struct Until<T, L, U> {
    /// Gone once it was ready.
    until: Option<Pin<Box<U>>>,
    in_hand: Option<(T, L)>,
}

impl<T, L, U> Tasked<T, L> for Until<T, L, U>
where
    T: Send + 'static,
    L: Lineage,
    U: Future + Send + 'static,
{
    type Out = T;

    fn wants(&self) -> bool {
        self.in_hand.is_none()
    }

    fn take(&mut self, item: T, lineage: L, _: &mut Books<'_>) -> Result<(), BoxError> {
        self.in_hand = Some((item, lineage));
        Ok(())
    }

    fn due(&self) -> Due {
        if self.in_hand.is_some() { Due::Now } else { Due::Never }
    }

    fn give(&mut self, _: Instant) -> Given<T, L> {
        Given::one(self.in_hand.take())
    }

    fn end(&mut self) {}

    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until) = &mut self.until else { return Poll::Ready(()) };
        let is_over = until.as_mut().poll(cx).is_ready();
        if is_over {
            self.until = None;
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
