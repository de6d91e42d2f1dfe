//! What every worker does: poll one body, keep its books, watch the clock where it waits.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::error::{BoxError, Failure, Panicked};
use crate::ledger::{Kind, Spent, Tally};
use crate::run::{Doing, Node, Shared, Stop, is_blamed};
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
}

impl Drop for Failing<'_> {
    fn drop(&mut self) {
        if let Some(failure) = self.failure.take() {
            self.run.fail(failure);
        }
    }
}

/// How a body ended.
pub(crate) enum End<R> {
    Returned(Result<R, BoxError>),
    /// It was told to stop and had not ended.
    Cut,
    /// A fused step behind it has panicked in a send. It is that step's failure: once the books are made up, the panic
    /// goes on to what supervises the task.
    Unwound(Box<dyn Any + Send>),
}

impl<R> End<R> {
    fn panicked(panic: Box<dyn Any + Send>) -> End<R> {
        End::Returned(Err(Box::new(Panicked::new(panic))))
    }
}

/// Polls `body` to its end. See [`poll_body`].
pub(crate) async fn run_body<R>(
    body: impl Future<Output = Result<R, BoxError>>,
    node: &Node,
    mut on_pending: impl FnMut(&mut Context<'_>) -> bool,
) -> End<R> {
    let (mut slot, mut end) = (pin!(Some(body)), End::Cut);
    poll_fn(|cx| poll_body(slot.as_mut(), &mut end, node, cx, &mut on_pending)).await;
    drop_body(slot, &mut end);
    end
}

/// Polls the body in `slot`; ready once `end`, which was [`End::Cut`], says how it has ended. A panic is an error.
/// `on_pending` runs before each wait and says whether the body is to be cut; what was told to stop by a failure or a cancel
/// was polled once more by then, if it is no source.
///
/// The end is set in place, and the body stays where it was made: to hand them on would copy them for each item.
pub(crate) fn poll_body<R>(
    slot: Pin<&mut Option<impl Future<Output = Result<R, BoxError>>>>,
    end: &mut End<R>,
    node: &Node,
    cx: &mut Context<'_>,
    mut on_pending: impl FnMut(&mut Context<'_>) -> bool,
) -> Poll<()> {
    let Some(body) = slot.as_pin_mut() else {
        return Poll::Ready(());
    };
    let is_cut = match node.stop_reason() {
        Stop::No => false,
        Stop::Over => true,
        Stop::Cut => node.kind == Kind::Source,
    };
    if is_cut {
        return Poll::Ready(());
    }
    let mut is_over = true;
    // Fused steps may be moved on before a wait, so a panic in them is caught there, too.
    let polled = catch_unwind(AssertUnwindSafe(|| match body.poll(cx) {
        Poll::Ready(returned) => *end = End::Returned(returned),
        Poll::Pending => is_over = on_pending(cx),
    }));
    match polled {
        Ok(()) if is_over => {}
        Ok(()) => return Poll::Pending,
        Err(panic) if is_blamed() => *end = End::Unwound(panic),
        Err(panic) => *end = End::panicked(panic),
    }
    Poll::Ready(())
}

/// Drops the body. A panic in a destructor of it is an error.
pub(crate) fn drop_body<F, R>(mut slot: Pin<&mut Option<F>>, end: &mut End<R>) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| slot.set(None))) {
        *end = End::panicked(panic);
    }
}

/// The books of a worker that holds one item at a time. What it holds when it is dropped counts as abandoned.
pub(crate) struct Desk {
    site: Site,
    tally: Tally,
    holds: Holds,
    mark: Instant,
    seq: u64,
    /// Whether the body was last seen to wait for room.
    waits_for_room: bool,
}

#[derive(PartialEq)]
enum Holds {
    Nothing,
    /// An item that was taken, and still waits.
    Waiting,
    InWork,
    Finished,
}

impl Desk {
    pub(crate) fn new(site: Site) -> Desk {
        site.node.counts.workers.raise_to(1);
        let mark = site.run.rt.now();
        Desk { site, tally: Tally::default(), holds: Holds::Nothing, mark, seq: 0, waits_for_room: false }
    }

    /// An item was taken, and is not started yet.
    pub(crate) fn take(&mut self) {
        self.holds = Holds::Waiting;
    }

    /// An item is in work from now on. Says which of the stage's items it is.
    pub(crate) fn start(&mut self) -> u64 {
        self.holds = Holds::InWork;
        self.tally.started += 1;
        self.seq += 1;
        self.seq - 1
    }

    pub(crate) fn finish(&mut self) {
        self.holds = Holds::Finished;
        self.tally.ended += 1;
    }

    /// Counts outputs that the next edge has accepted.
    pub(crate) fn sent(&mut self, outputs: u64) {
        self.tally.out += outputs;
    }

    /// All outputs of the item were accepted; `is_filtered` if there was none.
    pub(crate) fn done(&mut self, is_filtered: bool) {
        self.holds = Holds::Nothing;
        self.tally.done += 1;
        self.tally.filtered += u64::from(is_filtered && self.site.node.kind == Kind::Stage);
    }

    pub(crate) fn fail(&mut self) {
        self.holds = Holds::Nothing;
        self.tally.failed += 1;
    }

    pub(crate) fn flush(&mut self) {
        let counts = &self.site.node.counts;
        if self.tally.started > 0 {
            counts.work_peak.raise_to(1);
            counts.window_peak.raise_to(1);
        }
        self.tally.flush(counts);
    }

    /// The body waits: in a send if `for_room`, else for something of its own, which counts as busy.
    pub(crate) fn wait_in_body(&mut self, for_room: bool) {
        self.site.node.set_doing(if for_room { Doing::WaitForRoom } else { Doing::Work });
        if std::mem::replace(&mut self.waits_for_room, for_room) {
            self.clock(Spent::WaitingForRoom);
        } else if for_room {
            self.clock(Spent::Busy);
        }
    }

    /// Books the time since the last call on `what`. Gives the time.
    pub(crate) fn clock(&mut self, what: Spent) -> Instant {
        let now = self.site.run.rt.now();
        self.site.node.counts.spend(what, now.duration_since(self.mark));
        self.mark = now;
        now
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.tally.ended += u64::from(self.holds == Holds::InWork);
        self.flush();
        let counts = &self.site.node.counts;
        match self.holds {
            Holds::Nothing => {}
            Holds::Waiting => counts.abandoned_waiting.add(1),
            Holds::InWork | Holds::Finished => counts.abandoned.add(1),
        }
    }
}
