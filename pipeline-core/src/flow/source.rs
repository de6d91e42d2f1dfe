//! Sources that are not written as a function: iterators and streams.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::Flow;
use crate::error::Error;
use crate::ledger::{Kind, Spent, Stopwatch};
use crate::plan::{Build, Outline};
use crate::push::{Flowing, Push};
use crate::run::Doing;
use crate::stage::{BUDGET, Pace, Site};
use crate::sync::Mutex;

/// A flow of the items of an iterator. It is cloned for each run, so the same plan can run many times.
///
/// The iterator is read as there is room, never ahead, in the task of the steps that are fused behind it; it may be endless
/// or empty. An iterator that blocks blocks that task. For one that cannot be cloned, see [`once`].
///
/// ```
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let plan = iter(vec!["a", "b"]).count();
/// assert_eq!(plan.clone().run().await?.value, 2);
/// assert_eq!(plan.run().await?.value, 2);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
///
/// # Panics
/// An iterator that panics fails the run with the name `iter`.
pub fn iter<I>(items: I) -> Iter<I>
where
    I: IntoIterator + Clone + Send + 'static,
    I::IntoIter: Send + 'static,
    I::Item: Send + 'static,
{
    Iter { items }
}

/// A flow of the items of an iterator that is read by the first run. A second run, also of a clone, gives an error
/// ([`is_spent`](Error::is_spent)) before anything is spawned.
///
/// ```
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let lines = std::io::BufRead::lines(&b"a\nb"[..]);
/// let plan = once(lines).count();
/// assert_eq!(plan.clone().run().await?.value, 2);
/// assert!(plan.run().await.is_err_and(|error| error.is_spent()));
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
pub fn once<I>(items: I) -> Once<I::IntoIter>
where
    I: IntoIterator,
    I::IntoIter: Send + 'static,
    I::Item: Send + 'static,
{
    Once { items: Arc::new(Mutex::new(Some(items.into_iter()))) }
}

/// A flow of the items of a stream, such as the receiver of a channel. It is read by the first run; a second run, also of a
/// clone, gives an error ([`is_spent`](Error::is_spent)) before anything is spawned.
///
/// A receiver that is no `Stream` becomes one by `poll_fn`: `stream(futures::stream::poll_fn(move |cx| rx.poll_recv(cx)))`.
///
/// A started flow is a stream, too, of `Result`s:
///
/// ```
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let inner = iter(0..3u64).start();
/// let done = stream(inner).try_then(|x| async move { x }).collect::<Vec<_>>().run().await?;
/// assert_eq!(done.value, [0, 1, 2]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
///
/// # Cancel safety
/// The stream is polled only when there is room for its item, so nothing is read and lost.
pub fn stream<S>(items: S) -> StreamSource<S>
where
    S: Stream + Send + 'static,
    S::Item: Send + 'static,
{
    StreamSource { items: Arc::new(Mutex::new(Some(Box::pin(items)))) }
}

/// The flow of [`iter`].
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
#[derive(Clone)]
pub struct Iter<I> {
    items: I,
}

/// The flow of [`once`].
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
pub struct Once<I> {
    items: Arc<Mutex<Option<I>>>,
}

/// The flow of [`stream`].
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
pub struct StreamSource<S> {
    items: Arc<Mutex<Option<Pin<Box<S>>>>>,
}

impl<I> Clone for Once<I> {
    fn clone(&self) -> Self {
        Once { items: self.items.clone() }
    }
}

impl<S> Clone for StreamSource<S> {
    fn clone(&self) -> Self {
        StreamSource { items: self.items.clone() }
    }
}

impl<I> fmt::Debug for Iter<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Iter")
    }
}

impl<I> fmt::Debug for Once<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Once")
    }
}

impl<S> fmt::Debug for StreamSource<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamSource")
    }
}

impl<I> Flow for Iter<I>
where
    I: IntoIterator + Clone + Send + 'static,
    I::IntoIter: Send + 'static,
    I::Item: Send + 'static,
{
    type Item = I::Item;
    type Lineage = ();

    fn build<N: Push<I::Item, ()>>(self, build: &mut Build, next: N) {
        // Made in the task of the source, so that a panic in it is the source's.
        pump(build, "iter", || Items(self.items.into_iter()), next);
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline.hold(1);
        outline.node("iter", Kind::Source);
    }
}

impl<I> Flow for Once<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    type Item = I::Item;
    type Lineage = ();

    fn build<N: Push<I::Item, ()>>(self, build: &mut Build, next: N) {
        match self.items.lock().take() {
            None => build.refuse(Error::spent("once")),
            Some(items) => pump(build, "once", || Items(items), next),
        }
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline.hold(1);
        outline.node("once", Kind::Source);
        if self.items.lock().is_none() {
            outline.spent("once");
        }
    }
}

impl<S> Flow for StreamSource<S>
where
    S: Stream + Send + 'static,
    S::Item: Send + 'static,
{
    type Item = S::Item;
    type Lineage = ();

    fn build<N: Push<S::Item, ()>>(self, build: &mut Build, next: N) {
        match self.items.lock().take() {
            None => build.refuse(Error::spent("stream")),
            Some(items) => pump(build, "stream", || items, next),
        }
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline.hold(1);
        outline.node("stream", Kind::Source);
        if self.items.lock().is_none() {
            outline.spent("stream");
        }
    }
}

/// What a source reads from.
pub(super) trait Reads: Send + 'static {
    type Item: Send + 'static;
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Self::Item>>;
}

struct Items<I>(I);

impl<I> Reads for Items<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    type Item = I::Item;

    fn poll_read(&mut self, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

impl<S> Reads for Pin<Box<S>>
where
    S: Stream + Send + 'static,
    S::Item: Send + 'static,
{
    type Item = S::Item;

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.as_mut().poll_next(cx)
    }
}

pub(super) fn pump<R, N>(build: &mut Build, name: &str, items: impl FnOnce() -> R + Send + 'static, mut next: N)
where
    R: Reads,
    N: Push<R::Item, ()>,
{
    let site = build.site(name, Kind::Source);
    next.bind(&site.node);
    let here = site.clone();
    build.task(&site, async move {
        let (stopwatch, pace) = (Stopwatch::alone(&here.node.counts, here.run.rt.now()), Pace::new(&here.run.rt));
        let mut pump = Pump { items: items(), next, site: here, sent: 0, stopwatch, has_ended: false, pace };
        poll_fn(|cx| pump.poll(cx)).await;
    });
}

/// The task of a source that is read: it reads an item only when there is room for it.
struct Pump<R, N> {
    items: R,
    next: N,
    site: Site,
    /// Pushed since the counts were last published.
    sent: u64,
    stopwatch: Stopwatch,
    /// Everything was read.
    has_ended: bool,
    pace: Pace,
}

impl<R: Reads, N: Push<R::Item, ()>> Pump<R, N> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // If it has waited for nothing it has let others run.
        let now = self.site.run.rt.now();
        if !self.stopwatch.is(Spent::Busy) {
            self.stopwatch.turn(&self.site.node.counts, Spent::Busy, now);
        }
        self.pace.waited(now);
        if self.site.node.is_stopped() {
            self.publish();
            return Poll::Ready(());
        }
        if self.has_ended {
            return self.rest(cx);
        }
        if self.site.node.is_draining() {
            // What was pushed before is accepted, and nothing more is read.
            return match self.next.poll_settled(cx) {
                Poll::Ready(_) => self.rest(cx),
                Poll::Pending => self.pend(Spent::WaitingForRoom, Doing::WaitForRoom),
            };
        }
        if self.site.node.poll_resumed(cx).is_pending() {
            // What was pushed before goes on.
            let _ = self.next.poll_settled(cx);
            return self.pend(Spent::WaitingForRoom, Doing::WaitForRoom);
        }
        for _ in 0..BUDGET {
            match self.next.poll_room(cx) {
                Poll::Ready(Flowing::On) => {}
                Poll::Ready(Flowing::Over) => return self.end(),
                Poll::Pending => return self.pend(Spent::WaitingForRoom, Doing::WaitForRoom),
            }
            match self.items.poll_read(cx) {
                Poll::Ready(Some(item)) => {
                    self.sent += 1;
                    self.next.push(item, ());
                    let is_due = self.pace.item();
                    if (is_due || !self.pace.is_cheap()) && self.should_yield() {
                        break;
                    }
                }
                Poll::Ready(None) => return self.rest(cx),
                Poll::Pending => return self.pend(Spent::WaitingForInput, Doing::WaitForInput),
            }
        }
        self.publish();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The next item may take long: nothing is kept back, and who was woken gets a turn.
    fn should_yield(&mut self) -> bool {
        if !self.pace.is_cheap() {
            self.next.flush();
        }
        self.pace.woke(self.next.take_woken());
        self.pace.should_yield(&self.site.run.rt)
    }

    /// Moves on what fused steps have kept back.
    fn rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.has_ended = true;
        match self.next.poll_rest(cx) {
            Poll::Ready(()) => self.end(),
            Poll::Pending => self.pend(Spent::WaitingForRoom, Doing::WaitForRoom),
        }
    }

    fn end(&mut self) -> Poll<()> {
        self.next.end();
        self.publish();
        Poll::Ready(())
    }

    fn pend(&mut self, what: Spent, doing: Doing) -> Poll<()> {
        self.publish();
        let now = self.site.run.rt.now();
        self.stopwatch.turn(&self.site.node.counts, what, now);
        self.pace.sample(now);
        self.site.node.set_doing(doing);
        Poll::Pending
    }

    fn publish(&mut self) {
        self.next.flush();
        self.site.node.counts.out.add(std::mem::take(&mut self.sent));
    }
}

impl<R, N> Drop for Pump<R, N> {
    fn drop(&mut self) {
        let Site { run, node } = &self.site;
        node.counts.out.add(self.sent);
        self.stopwatch.stop(&node.counts, run.rt.now());
    }
}
