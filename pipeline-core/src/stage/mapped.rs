//! A body whose output is made into what a stage returns.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// Like an async block that awaits the body. A block would move the body once more for each item, into its own state.
    pub(crate) struct Mapped<F, M> {
        #[pin]
        body: F,
        map: M,
    }
}

impl<F, M> Mapped<F, M> {
    pub(crate) fn new(body: F, map: M) -> Self {
        Mapped { body, map }
    }
}

impl<F: Future, M: FnMut(F::Output) -> R, R> Future for Mapped<F, M> {
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let this = self.project();
        this.body.poll(cx).map(this.map)
    }
}
