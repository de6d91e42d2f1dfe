//! The inner flow of the newest item, and no other.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use crate::error::BoxError;
use crate::flow::Flow;
use crate::private::Transform;
use crate::run::start_within;
use crate::stage::{In, Out};

/// The stage of [`switch_map`](crate::flow::NestingExt::switch_map).
pub(crate) struct SwitchMap<T, F> {
    f: F,
    takes: std::marker::PhantomData<fn(T)>,
}

impl<T, F> SwitchMap<T, F> {
    pub(crate) fn new(f: F) -> Self {
        SwitchMap { f, takes: std::marker::PhantomData }
    }
}

impl<T, F: Clone> Clone for SwitchMap<T, F> {
    fn clone(&self) -> Self {
        SwitchMap::new(self.f.clone())
    }
}

enum Event<T, U> {
    Outer(T),
    Inner(U),
    InnerEnd,
    End,
}

impl<T, G, F> Transform for SwitchMap<T, F>
where
    T: Send + 'static,
    G: Flow,
    F: FnMut(T) -> G + Clone + Send + 'static,
{
    type Item = T;
    type Ret = Result<(), BoxError>;
    type Out = G::Item;

    async fn run(&mut self, mut input: In<'_, T>, mut out: Out<'_, G::Item>) -> Result<(), BoxError> {
        let (mut inner, mut has_ended) = (None, false);
        loop {
            let event = poll_fn(|cx| {
                if !has_ended {
                    match pin!(input.next()).poll(cx) {
                        Poll::Ready(Some(item)) => return Poll::Ready(Ok(Event::Outer(item))),
                        Poll::Ready(None) => has_ended = true,
                        Poll::Pending => {}
                    }
                }
                let Some(started) = &mut inner else {
                    return if has_ended { Poll::Ready(Ok(Event::End)) } else { Poll::Pending };
                };
                // Room first: an item that is read waits for nothing, and so cannot outlive its flow.
                if pin!(out.reserve()).poll(cx).is_pending() {
                    return Poll::Pending;
                }
                pin!(crate::run::Started::next(started))
                    .poll(cx)
                    .map(|next| next.map(|made| made.map_or(Event::InnerEnd, Event::Inner)))
            });
            match event.await? {
                Event::Outer(item) => {
                    // The former one first, so that there is never more than one.
                    drop(inner.take());
                    inner = Some(start_within((self.f)(item), out.hold()));
                }
                Event::Inner(made) => out.send(made).await,
                Event::InnerEnd => inner = None,
                Event::End => return Ok(()),
            }
        }
    }

    fn outcome(ret: Self::Ret) -> Result<(), BoxError> {
        ret
    }
}
