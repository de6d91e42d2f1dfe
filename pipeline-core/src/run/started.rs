//! A flow that runs and is read by the user's own loop.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_core::Stream;

use super::node::{Doing, Node, Stop};
use super::pipeline::Watched;
use super::running::{Tasks, launch};
use super::stall::{Detector, Stall};
use super::token::StopToken;
use super::view::View;
use crate::edge::{DEFAULT_BUFFER, Next, Rx, edge, wake};
use crate::error::{Error, Result};
use crate::flow::Flow;
use crate::ledger::{Kind, Report, Snapshot};
use crate::op::Adder;
use crate::plan::{Build, Outline};
use crate::runtime::Rt;
use crate::stage::BUDGET;
use std::sync::Arc;

/// A flow that was started. It reads ahead while the body of the loop awaits, as far as its edge has room.
///
/// Also a [`Stream`] of `Result<T>`. A drop aborts every task of the flow.
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let start = taktline::now();
/// let slow = |x: u64| async move { sleep(Duration::from_secs(1)).await; x };
/// let mut xs = iter(0..3u64).then(slow).start();
/// while let Some(_x) = xs.next().await? {
///     sleep(Duration::from_secs(2)).await;
/// }
/// // 7 seconds, and not 9: the next item is made while the body sleeps.
/// assert_eq!(taktline::now() - start, Duration::from_secs(7));
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
///
/// # Ordering
/// That of the flow.
///
/// # Backpressure
/// Up to [`buffer`](Flow::buffer) items wait before the loop, 16 by default; then the flow waits.
#[must_use = "a drop of it aborts the run"]
pub struct Started<T> {
    launched: Result<Launched<T>, Option<Error>>,
    has_ended: bool,
    /// Read since the loop has last waited.
    looked_at: u32,
}

type Launched<T> = (Tasks, Box<dyn Reads<T>>);

impl<T: Send + 'static> Started<T> {
    pub(crate) fn new(flow: impl Flow<Item = T>, rt: Result<Rt>) -> Self {
        let launched = rt
            .and_then(|rt| Self::check(&flow).map(|()| rt))
            .and_then(|rt| launch(rt, Watched::default(), |build| Self::build(flow, build)))
            .map_err(Some);
        Started { launched, has_ended: false, looked_at: 0 }
    }

    pub(crate) fn outline(flow: &impl Flow<Item = T>, outline: &mut Outline) {
        let buffer = flow.edge_buffer().unwrap_or(DEFAULT_BUFFER);
        let at = outline.node("next", Kind::Sink);
        outline.edge(at, "next", buffer);
        flow.outline(outline, buffer);
    }

    fn check(flow: &impl Flow<Item = T>) -> Result<()> {
        let mut outline = Outline::default();
        Self::outline(flow, &mut outline);
        outline.check()
    }

    fn build<P: Flow<Item = T>>(flow: P, build: &mut Build) -> Box<dyn Reads<T>> {
        let node = build.site("next", Kind::Sink).node;
        let (tx, rx) = edge::<T, P::Lineage>(flow.edge_buffer().unwrap_or(DEFAULT_BUFFER), &node);
        flow.build(build, tx);
        Box::new(Reader { rx, node, adder: build.handle() })
    }

    /// The next item; `None` when the flow has ended and no task of it is left. After `None` it stays `None`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let mut xs = iter(0..3u64).then(|x| async move { sleep(Duration::from_secs(9)).await; x }).start();
    /// assert!(taktline::timeout(Duration::from_secs(1), xs.next()).await.is_err());
    /// assert_eq!(xs.next().await?, Some(0));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// The failure of the run, after the items that were before it. A plan that cannot run, or no runtime, is told by the
    /// first call.
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped, so it can be used with a timeout or in a select.
    pub async fn next(&mut self) -> Result<Option<T>> {
        poll_fn(|cx| self.poll_read(cx)).await
    }

    /// Tells every stage to stop, and waits until no task is left. What was accepted and cut is counted as abandoned in the
    /// report of the error.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let mut xs = iter(0u64..).start();
    /// assert_eq!(xs.next().await?, Some(0));
    /// assert!(xs.cancel().await.is_err_and(|error| error.is_cancelled()));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// The outcome is an error that says so ([`is_cancelled`](Error::is_cancelled)), unless the run had ended before and
    /// every item was read.
    ///
    /// # Cancel safety
    /// A drop of the future aborts what is left.
    pub async fn cancel(mut self) -> Result<Report> {
        match &mut self.launched {
            Err(error) => Err(error.take().unwrap_or_else(|| Error::invalid(Vec::new()))),
            Ok((tasks, reader)) => {
                // Also when all tasks have ended, if there are items that the loop has not read: they are cut.
                if !tasks.run.is_over() || reader.has_waiting() {
                    tasks.run.cancel();
                }
                reader.close(Stop::Cut);
                tasks.over().await;
                tasks.outcome()
            }
        }
    }

    /// A handle that adds flows to the [`merge_growing`](crate::op::merge_growing) in this flow whose items are of the type of
    /// the flow's; to the last one, if there are several. `None` if there is none, or the flow could not be started.
    ///
    /// [`merge_growing`](crate::op::merge_growing) has an example.
    pub fn adder(&self) -> Option<Adder<T>> {
        self.launched.as_ref().ok().and_then(|(_, reader)| reader.adder())
    }

    /// Ends the sources, as [`Running::drain`](super::Running::drain) does: the loop reads on until `next` gives `None`. What
    /// is not over `within` that time is cancelled. Does nothing if the flow could not be started.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let mut xs = iter(0u64..).start();
    /// assert_eq!(xs.next().await?, Some(0));
    /// xs.drain(Duration::from_secs(25));
    /// let mut read = 1;
    /// while xs.next().await?.is_some() {
    ///     read += 1;
    /// }
    /// // Nothing that was accepted is lost.
    /// assert_eq!(xs.report().and_then(|report| Some(report.stage("iter")?.items_out)), Some(read));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn drain(&self, within: Duration) {
        if let Ok((tasks, _)) = &self.launched {
            tasks.run.drain(within);
        }
    }

    /// Lets the sources make no more items until [`resume`](Self::resume), as [`Running::pause`](super::Running::pause) does. What is in
    /// flight comes to the loop.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let mut xs = iter(0u64..).buffer(2).start();
    /// assert_eq!(xs.next().await?, Some(0));
    /// xs.pause();
    /// let mut read = 1;
    /// while taktline::timeout(Duration::from_secs(1), xs.next()).await.is_ok() {
    ///     read += 1;
    /// }
    /// xs.resume();
    /// assert_eq!(xs.next().await?, Some(read));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn pause(&self) {
        self.set_paused(true);
    }

    /// Lets the sources go on. Does nothing if the flow is not paused.
    pub fn resume(&self) {
        self.set_paused(false);
    }

    fn set_paused(&self, is_paused: bool) {
        if let Ok((tasks, _)) = &self.launched {
            tasks.run.set_paused(is_paused).into_iter().for_each(Waker::wake);
        }
    }

    /// Lets `token` stop the flow, also if it was used already.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let stop = StopToken::new();
    /// let mut xs = iter(0u64..).start().stop_on(&stop);
    /// while let Some(x) = xs.next().await? {
    ///     if x == 9 {
    ///         stop.drain(Duration::from_secs(25));
    ///     }
    /// }
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn stop_on(self, token: &StopToken) -> Self {
        if let Ok((tasks, _)) = &self.launched {
            token.attach(&tasks.run);
        }
        self
    }

    /// Calls `tell` when nothing has moved for a while, as [`Pipeline::on_stall`](super::Pipeline::on_stall) does. Does nothing if the flow could not
    /// be started.
    pub fn on_stall(self, after: Duration, tell: impl Fn(&Stall) + Send + Sync + 'static) -> Self {
        if let Ok((tasks, _)) = &self.launched {
            Detector::new(after, tell).begin(&tasks.run);
        }
        self
    }

    /// The ledger as it stands now, also after the end. `None` if the flow could not be started.
    pub fn report(&self) -> Option<Report> {
        self.launched.as_ref().ok().map(|(tasks, _)| tasks.run.report())
    }

    /// What goes on now, also after the end, as [`Running::snapshot`](super::Running::snapshot) tells it. `None` if the flow
    /// could not be started.
    pub fn snapshot(&self) -> Option<Snapshot> {
        self.launched.as_ref().ok().map(|(tasks, _)| tasks.run.snapshot())
    }

    /// A handle that takes snapshots, for another task. `None` if the flow could not be started.
    pub fn view(&self) -> Option<View> {
        self.launched.as_ref().ok().map(|(tasks, _)| View::of(&tasks.run))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<T>>> {
        if self.has_ended {
            return Poll::Ready(Ok(None));
        }
        let (tasks, reader) = match &mut self.launched {
            Ok(launched) => launched,
            Err(error) => {
                self.has_ended = true;
                return Poll::Ready(error.take().map_or(Ok(None), Err));
            }
        };
        if self.looked_at == BUDGET {
            self.looked_at = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match reader.poll_read(cx) {
            Poll::Ready(None) => {}
            Poll::Ready(Some(item)) => {
                self.looked_at += 1;
                return Poll::Ready(Ok(Some(item)));
            }
            Poll::Pending => {
                self.looked_at = 0;
                return Poll::Pending;
            }
        }
        ready!(tasks.poll_over(cx));
        self.has_ended = true;
        Poll::Ready(tasks.outcome().map(|_| None))
    }
}

impl<T: Send + 'static> Stream for Started<T> {
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.get_mut().poll_read(cx).map(Result::transpose)
    }
}

// No field is pinned.
impl<T> Unpin for Started<T> {}

impl<T> fmt::Debug for Started<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Started")
    }
}

/// The edge before the loop, whatever travels with its items.
trait Reads<T>: Send {
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>>;
    fn has_waiting(&self) -> bool;
    fn adder(&self) -> Option<Adder<T>>;
    fn close(&mut self, reason: Stop);
}

struct Reader<T, L> {
    rx: Rx<T, L>,
    node: Arc<Node>,
    adder: Option<Adder<T>>,
}

impl<T: Send + 'static, L: crate::lineage::Lineage> Reads<T> for Reader<T, L> {
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        // Only a cancel stops the last node: what waits is cut.
        if self.node.is_stopped() {
            self.rx.close(Stop::Cut);
        }
        match self.rx.poll_one(cx.waker()).next {
            Poll::Pending => {
                self.node.set_doing(Doing::WaitForInput);
                Poll::Pending
            }
            Poll::Ready(Next::End) => {
                self.node.set_doing(Doing::Nothing);
                Poll::Ready(None)
            }
            Poll::Ready(Next::Item(item, _)) => {
                // What becomes of the item is the loop's business: it is done when it is handed over.
                self.node.counts.started.add(1);
                self.node.counts.ended.add(1);
                self.node.counts.done.add(1);
                self.node.set_doing(Doing::Work);
                self.rx.start();
                wake(self.rx.release());
                Poll::Ready(Some(item))
            }
        }
    }

    fn has_waiting(&self) -> bool {
        self.rx.has_waiting()
    }

    fn adder(&self) -> Option<Adder<T>> {
        self.adder.clone()
    }

    fn close(&mut self, reason: Stop) {
        self.rx.close(reason);
    }
}
