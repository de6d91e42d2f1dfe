//! Calls as a service of tower.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tower_service::Service;

use super::SendError;
use super::call::{Call, CallError};
use super::calls::{Calls, begin};
use super::sending::Entering;
use crate::lineage::Ticket;

impl<Q: Send + 'static, R: Send + 'static> Calls<Q, R> {
    /// The same calls as a [`Service`] of tower, with its middleware before it. Needs the feature `tower`.
    ///
    /// ```
    /// use std::future::poll_fn;
    /// use taktline::prelude::*;
    /// use tower_service::Service;
    ///
    /// # taktline::sim::run(1, async {
    /// let (calls, pipeline) = calls(16, |requests| requests.then(|x: u64| async move { x + 1 }));
    /// let running = pipeline.start();
    /// let mut service = calls.service();
    /// poll_fn(|cx| service.poll_ready(cx)).await?;
    /// assert_eq!(service.call(1).await, Ok(2));
    /// # running.cancel().await.ok();
    /// # Ok::<(), taktline::inlet::CallError<()>>(())
    /// # }).unwrap();
    /// ```
    pub fn service(&self) -> CallService<Q, R> {
        CallService { entering: Entering::new(self.inlet.clone(), None), calls: self.clone() }
    }
}

/// Calls as a [`Service`]. From [`Calls::service`]; a clone calls the same run, and has a readiness of its own.
///
/// Ready means that a place is reserved for one request, which enters without a wait. Nobody else gets that place until the
/// request is called, or the service is dropped. A call that was not ready before waits for room.
///
/// # Backpressure
/// `poll_ready` is pending while the buffer is full, and before the run has started: a load shed in front of it sheds exactly
/// what finds no place. Whoever waits keeps the place in line, so a service that is not polled any more is to be dropped.
pub struct CallService<Q, R> {
    calls: Calls<Q, R>,
    entering: Entering<Q, Ticket>,
}

impl<Q: Send + 'static, R: Send + 'static> Service<Q> for CallService<Q, R> {
    type Response = R;
    type Error = CallError<()>;
    type Future = ServiceCall<Q, R>;

    /// # Errors
    /// [`Closed`](CallError::Closed): the run takes nothing more.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError<()>>> {
        self.entering.poll_reserve(cx).map_err(|SendError(request)| CallError::Closed(request))
    }

    fn call(&mut self, request: Q) -> ServiceCall<Q, R> {
        let entering = std::mem::replace(&mut self.entering, Entering::new(self.calls.inlet.clone(), None));
        ServiceCall { call: begin(entering, request, true, self.calls.left.clone()) }
    }
}

impl<Q: Send + 'static, R: Send + 'static> Clone for CallService<Q, R> {
    fn clone(&self) -> Self {
        self.calls.service()
    }
}

impl<Q, R> fmt::Debug for CallService<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallService").field("calls", &self.calls).finish_non_exhaustive()
    }
}

/// The future of a [`CallService`]: a [`Call`] whose errors leave the request out.
#[must_use = "nothing is sent until it is awaited"]
#[derive(Debug)]
pub struct ServiceCall<Q, R> {
    call: Call<Q, R>,
}

impl<Q, R: Send + 'static> Future for ServiceCall<Q, R> {
    type Output = Result<R, CallError<()>>;

    /// # Panics
    /// If it is polled after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(ready!(Pin::new(&mut self.call).poll(cx)).map_err(CallError::without_request))
    }
}
