//! A timer of tokio's time driver, reset in place.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use taktline_core::runtime::{Instant, Timer};
use tokio::time::{Instant as TokioInstant, Sleep, sleep_until};

use crate::runtime::to_tokio;

pub(crate) struct TokioTimer {
    // Pinned in a box of its own, so that no unsafe projection is needed.
    sleep: Pin<Box<Sleep>>,
}

impl TokioTimer {
    pub(crate) fn new(deadline: TokioInstant) -> TokioTimer {
        TokioTimer { sleep: Box::pin(sleep_until(deadline)) }
    }
}

impl Future for TokioTimer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.sleep.as_mut().poll(cx)
    }
}

impl Timer for TokioTimer {
    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.sleep.as_mut().reset(to_tokio(deadline));
    }
}
