//! What every worker does: poll one body, keep its books, watch the clock where it waits.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::error::{BoxError, Failure, Fate, Panicked};
use crate::ledger::{Kind, Spent, Steps, Stopwatch, Tally};
use crate::lineage::Lineage;
use crate::run::{Doing, Node, Shared, Stop};
use crate::runtime::Instant;

/// Looked-at items after which a loop yields.
pub(crate) const BUDGET: u32 = 128;

/// Where a task works: its run and its row in the books.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) run: Arc<Shared>,
    pub(crate) node: Arc<Node>,
}

impl Site {
    /// Why the node reads no more, once it has ended: what is upstream is polled once more only after a failure or a cancel.
    pub(crate) fn reason_to_close(&self) -> Stop {
        if self.run.has_failed() { Stop::Cut } else { self.node.stop_reason().max(Stop::Over) }
    }
}

/// A failure whose turn has not come. It is recorded when this is dropped, so also by a panic meanwhile.
pub(crate) struct Failing<'a> {
    run: &'a Shared,
    failure: Option<Failure>,
}

impl<'a> Failing<'a> {
    pub(crate) fn new(site: &'a Site, item: Option<u64>, error: BoxError) -> Self {
        Failing::of(site, Failure::new(&site.node.name, item, error))
    }

    pub(crate) fn of(site: &'a Site, failure: Failure) -> Self {
        Failing { run: &site.run, failure: Some(failure) }
    }

    /// It is none after all.
    pub(crate) fn forgive(mut self) {
        self.failure = None;
    }
}

impl Drop for Failing<'_> {
    fn drop(&mut self) {
        if let Some(failure) = self.failure.take() {
            self.run.fail(failure);
        }
    }
}

/// A panic that was caught.
pub(crate) type Panic = Box<dyn Any + Send>;

/// How a body ended.
pub(crate) enum End<R> {
    Returned(Result<R, BoxError>),
    /// It was told to stop and had not ended.
    Cut,
}

impl<R> End<R> {
    /// The end of a [guarded](guarded) [body](run_body). A panic is an error like any other.
    pub(crate) fn of(ended: Result<Option<Result<R, BoxError>>, Panic>) -> End<R> {
        match ended {
            Ok(Some(returned)) => End::Returned(returned),
            Ok(None) => End::Cut,
            Err(panic) => End::Returned(Err(panicked(panic))),
        }
    }

    /// This, once those who wait for what is made of the item know of its error.
    pub(crate) fn told(self, lineage: &impl Lineage, stage: &str) -> End<R> {
        match self {
            End::Returned(Err(error)) => End::Returned(Err(lineage.tell(stage, error))),
            end => end,
        }
    }
}

/// The error that a panic of a body is.
pub(crate) fn panicked(panic: Panic) -> BoxError {
    Box::new(Panicked::new(panic))
}

pin_project! {
    /// The future of [`guarded`]. Written by hand: an async fn would keep room for its argument beside it.
    pub(crate) struct Guarded<F> {
        #[pin]
        work: Option<F>,
    }
}

/// Polls `work` to its end, and drops it. Gives a panic of it, or of a destructor in it, back.
pub(crate) fn guarded<F: Future>(work: F) -> Guarded<F> {
    Guarded { work: Some(work) }
}

impl<F: Future> Future for Guarded<F> {
    type Output = Result<F::Output, Panic>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = self.project().work;
        let Some(work) = slot.as_mut().as_pin_mut() else { return Poll::Pending };
        let ended = match catch_unwind(AssertUnwindSafe(|| work.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panic) => Err(panic),
        };
        let dropped = catch_unwind(AssertUnwindSafe(|| slot.set(None)));
        Poll::Ready(dropped.and(ended))
    }
}

/// Polls `body` to its end. `None` if it was cut: `on_pending` runs before each wait and says so. What was told to stop by a
/// failure or a cancel was polled once more by then, if it is no source.
pub(crate) async fn run_body<R>(
    body: impl Future<Output = R>,
    node: &Node,
    on_pending: impl FnMut(&mut Context<'_>) -> bool,
) -> Option<R> {
    poll_body(pin!(body), node, true, on_pending).await
}

/// Polls a body that was begun to its end. See [`run_body`]. The first poll is left out unless `is_woken`.
pub(crate) fn poll_body<R>(
    mut body: Pin<&mut impl Future<Output = R>>,
    node: &Node,
    mut is_woken: bool,
    mut on_pending: impl FnMut(&mut Context<'_>) -> bool,
) -> impl Future<Output = Option<R>> {
    poll_fn(move |cx| {
        if std::mem::replace(&mut is_woken, true) {
            let is_cut = match node.stop_reason() {
                Stop::No => false,
                Stop::Over => true,
                Stop::Cut => node.kind == Kind::Source,
            };
            if is_cut {
                return Poll::Ready(None);
            }
            if let Poll::Ready(returned) = body.as_mut().poll(cx) {
                return Poll::Ready(Some(returned));
            }
        }
        if on_pending(cx) { Poll::Ready(None) } else { Poll::Pending }
    })
}

/// The books of a worker that holds one item at a time. What it holds when it is dropped counts as abandoned.
pub(crate) struct Desk {
    site: Site,
    tally: Tally,
    /// An item was taken that still waits.
    has_waiting: bool,
    stopwatch: Stopwatch,
}

impl Desk {
    pub(crate) fn new(site: Site) -> Desk {
        site.node.counts.workers.raise_to(1);
        let stopwatch = Stopwatch::alone(&site.node.counts, site.run.rt.now());
        Desk { site, tally: Tally::default(), has_waiting: false, stopwatch }
    }

    /// Whether an item was taken that is not started yet.
    pub(crate) fn set_waiting(&mut self, has_waiting: bool) {
        self.has_waiting = has_waiting;
    }

    /// An item is in work from now on. Says which of the stage's items it is.
    pub(crate) fn start(&mut self) -> u64 {
        self.tally.now.started += 1;
        self.tally.now.started - 1
    }

    pub(crate) fn is_in_work(&self) -> bool {
        self.tally.now.started != self.tally.now.ended
    }

    /// The item in work, or the last one.
    pub(crate) fn item(&self) -> u64 {
        self.tally.now.started - 1
    }

    pub(crate) fn finish(&mut self) {
        self.tally.now.ended += 1;
    }

    /// Counts outputs that the next edge has accepted.
    pub(crate) fn sent(&mut self, outputs: u64) {
        self.tally.now.out += outputs;
    }

    /// All outputs of the item were accepted.
    pub(crate) fn done(&mut self) {
        self.tally.now.done += 1;
    }

    /// The item has ended, and there were no outputs.
    pub(crate) fn filtered(&mut self) {
        self.done();
        self.tally.now.filtered += u64::from(self.site.node.kind == Kind::Stage);
    }

    pub(crate) fn fail(&mut self, fate: Fate) {
        self.tally.fail(fate);
    }

    pub(crate) fn flush(&mut self) {
        let counts = &self.site.node.counts;
        if self.tally.now.started > 0 {
            counts.work_peak.raise_to(1);
            counts.window_peak.raise_to(1);
        }
        self.tally.flush(counts);
    }

    /// The body waits: in a send if `for_room`, else for something of its own, which counts as busy.
    pub(crate) fn wait_in_body(&mut self, for_room: bool) {
        self.site.node.set_doing(if for_room { Doing::WaitForRoom } else { Doing::Work });
        let what = if for_room { Spent::WaitingForRoom } else { Spent::Busy };
        if !self.stopwatch.is(what) {
            self.turn(what);
        }
    }

    /// The worker does `what` from now on. Gives the time.
    pub(crate) fn turn(&mut self, what: Spent) -> Instant {
        let now = self.site.run.rt.now();
        self.stopwatch.turn(&self.site.node.counts, what, now);
        now
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.tally.now.ended = self.tally.now.started;
        let Steps { ended, done, failed, dropped, .. } = self.tally.now;
        self.flush();
        let counts = &self.site.node.counts;
        counts.abandoned_waiting.add(u64::from(self.has_waiting));
        counts.abandoned.add(ended - done - failed - dropped);
        self.stopwatch.stop(counts, self.site.run.rt.now());
    }
}
