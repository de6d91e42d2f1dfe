//! Operators that wait: each has an edge before it and a task of its own.
//!
//! A task takes items from its edge as long as its operator wants them, also while there is no room behind it, and moves
//! on what is due as soon as there is room. An item is in work from the moment it was taken until what was made of it
//! moves on.
//!
//! ```text
//! waiting in the edge -> taken: in work -> due, and there is room -> finished -> accepted: done
//!                                     \-> thrown away: dropped
//! ```

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::edge::{DEFAULT_BUFFER, Next, Rx, edge, wake};
use crate::error::BoxError;
use crate::flow::Flow;
use crate::ledger::{Kind, Spent, Stopwatch, Tally};
use crate::lineage::Lineage;
use crate::plan::{Build, Outline};
use crate::push::{Flowing, Push};
use crate::run::{Doing, Stop};
use crate::runtime::{Instant, Rt, Sleep};
use crate::stage::{BUDGET, Failing, Pace, Site};

/// What an operator with a task of its own does with items.
pub(crate) trait Tasked<T, L>: Send + 'static {
    type Out: Send + 'static;

    /// Whether it takes another item now.
    fn wants(&self) -> bool;

    /// Takes an item. An error fails it, once what was taken before has moved on.
    fn take(&mut self, item: T, lineage: L, books: &mut Books<'_>) -> Result<(), BoxError>;

    /// When something is to move on.
    fn due(&self) -> Due;

    /// Gives what is due. Called where there is room for it.
    fn give(&mut self, now: Instant) -> Given<Self::Out, L>;

    /// No item follows: nothing is kept back for later ones any more.
    fn end(&mut self);

    /// Ready when no more is to be taken, whatever comes.
    fn poll_over(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    /// Why [`Due::Fails`].
    fn error(&self) -> BoxError {
        "its time is over".into()
    }
}

/// When something is to move on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Due {
    Now,
    /// As soon as no item is ready to be taken.
    Idle,
    At(Instant),
    /// Nothing is to move on, and the operator fails then if no item has come.
    Fails(Instant),
    Never,
}

pub(crate) struct Given<U, L> {
    pub(crate) output: U,
    pub(crate) lineage: L,
    /// How many of the items that were taken it ends.
    pub(crate) items: u64,
}

impl<T, L> Given<T, L> {
    /// The item that an operator had in hand.
    pub(crate) fn one(in_hand: Option<(T, L)>) -> Self {
        let (output, lineage) = in_hand.expect("something is due only while an item is in hand");
        Given { output, lineage, items: 1 }
    }
}

/// What an operator may tell, and ask for, as it takes an item.
pub(crate) struct Books<'a> {
    rt: &'a Rt,
    held: &'a mut u64,
    tally: &'a mut Tally,
}

impl Books<'_> {
    pub(crate) fn now(&self) -> Instant {
        self.rt.now()
    }

    /// Throws an item away that was taken.
    pub(crate) fn drop<T>(&mut self, item: T) {
        // First: should its destructor panic, the item that is being taken fails, and the others are abandoned.
        drop(item);
        *self.held -= 1;
        self.tally.now.ended += 1;
        self.tally.now.dropped += 1;
    }
}

/// Makes an edge and a task behind `upstream`, for the operator that `make` makes when the task begins.
pub(crate) fn build<P, O, N>(
    upstream: P,
    build: &mut Build,
    mut next: N,
    name: &str,
    make: impl FnOnce(Instant) -> O + Send + 'static,
) where
    P: Flow,
    O: Tasked<P::Item, P::Lineage>,
    N: Push<O::Out, P::Lineage>,
{
    let site = build.site(name, Kind::Stage);
    next.bind(&site.node);
    let (tx, rx) = edge(room_before(&upstream), &site.node);
    let here = site.clone();
    build.task(&site, async move {
        let start = here.run.rt.now();
        Task::new(make(start), rx, next, here).run().await;
    });
    upstream.build(build, tx);
}

/// The places of the edge before an operator that waits.
pub(crate) fn room_before(upstream: &impl Flow) -> usize {
    upstream.edge_buffer().unwrap_or(DEFAULT_BUFFER)
}

/// Adds the edge, and what the operator holds.
pub(crate) fn outline(upstream: &impl Flow, outline: &mut Outline, name: &str, holds: usize) {
    outline.hold(holds);
    let at = outline.node(name, Kind::Stage);
    outline.edge(at, name, room_before(upstream));
    upstream.outline(outline, room_before(upstream));
}

struct Task<T, L, O, N> {
    op: O,
    rx: Rx<T, L>,
    next: N,
    site: Site,
    tally: Tally,
    /// Taken, and not moved on or thrown away.
    held: u64,
    /// Moved on together, and not yet accepted.
    unsettled: u64,
    taken: u64,
    /// Whether the last item is being taken. If that never ends, the item has failed by a panic.
    is_taking: bool,
    has_ended: bool,
    /// Its turn comes when everything that is held has moved on.
    failure: Option<(Option<u64>, BoxError)>,
    timer: Option<Sleep>,
    stopwatch: Stopwatch,
    pace: Pace,
}

/// Why a task of an operator ends.
enum Ended {
    /// Everything has moved on.
    Drained,
    /// Nobody takes more, or it was told to stop.
    Over,
}

/// What trying to move on has come to.
enum Moved {
    On,
    NoRoom,
    Over,
}

impl<T, L, O, N> Task<T, L, O, N>
where
    T: Send + 'static,
    L: Lineage,
    O: Tasked<T, L>,
    N: Push<O::Out, L>,
{
    fn new(op: O, rx: Rx<T, L>, next: N, site: Site) -> Self {
        site.node.counts.workers.raise_to(1);
        let (stopwatch, pace) = (Stopwatch::alone(&site.node.counts, site.run.rt.now()), Pace::new(&site.run.rt));
        Task {
            op,
            rx,
            next,
            site,
            tally: Tally::default(),
            held: 0,
            unsettled: 0,
            taken: 0,
            is_taking: false,
            has_ended: false,
            failure: None,
            timer: None,
            stopwatch,
            pace,
        }
    }

    async fn run(mut self) {
        let ended = poll_fn(|cx| self.poll(cx)).await;
        let site = self.site.clone();
        let failing = self.failure.take().map(|(item, error)| Failing::new(&site, item, error));
        if let Ended::Drained = ended {
            poll_fn(|cx| self.poll_rest(cx)).await;
        }
        match (failing, ended) {
            // Enough was taken before its turn came.
            (Some(failing), Ended::Over) if !site.run.is_cancelled() => {
                failing.forgive();
                self.next.end();
            }
            (Some(failing), _) => drop(failing),
            (None, _) => self.next.end(),
        }
        self.rx.close(site.reason_to_close());
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let mut now = self.resume();
        if self.unsettled == 0 && self.next.poll_room(cx) == Poll::Ready(Flowing::Over) {
            return Poll::Ready(Ended::Over);
        }
        if !self.has_ended && self.op.poll_over(cx).is_ready() {
            self.end(Stop::Over);
        }
        for _ in 0..BUDGET {
            let mut waits_for_room = false;
            if self.unsettled > 0 {
                match self.poll_settled(cx) {
                    Poll::Ready(Flowing::On) => {}
                    Poll::Ready(Flowing::Over) => return Poll::Ready(Ended::Over),
                    Poll::Pending => waits_for_room = true,
                }
            }
            if self.site.node.is_stopped() {
                return Poll::Ready(Ended::Over);
            }
            let due = self.op.due();
            let is_due = due == Due::Now || matches!(due, Due::At(at) if at <= now);
            if is_due && !waits_for_room {
                match self.move_on(cx) {
                    Moved::On => {
                        if self.pace.should_yield(&self.site.run.rt) {
                            break;
                        }
                        continue;
                    }
                    Moved::NoRoom => waits_for_room = true,
                    Moved::Over => return Poll::Ready(Ended::Over),
                }
            }
            if !self.has_ended && self.op.wants() {
                match self.rx.poll_next(cx.waker()) {
                    Poll::Pending => {}
                    Poll::Ready(Next::End) if self.site.run.is_cancelled() => return Poll::Ready(Ended::Over),
                    Poll::Ready(Next::End) => {
                        self.end(Stop::Over);
                        continue;
                    }
                    Poll::Ready(Next::Item(item, lineage)) => {
                        self.take(item, lineage);
                        continue;
                    }
                }
            }
            if due == Due::Idle && !waits_for_room {
                match self.move_on(cx) {
                    Moved::On => continue,
                    Moved::NoRoom => waits_for_room = true,
                    Moved::Over => return Poll::Ready(Ended::Over),
                }
            }
            if waits_for_room {
                return self.pend(Spent::WaitingForRoom, Doing::WaitForRoom);
            }
            if self.has_ended && due == Due::Never {
                return Poll::Ready(Ended::Drained);
            }
            if let Due::At(at) | Due::Fails(at) = due {
                if self.poll_timer(at, cx).is_ready() {
                    now = self.site.run.rt.now();
                    if due == Due::Fails(at) && at <= now {
                        let error = self.op.error();
                        self.fail(None, error);
                    }
                    continue;
                }
            }
            return self.pend(Spent::WaitingForInput, Doing::WaitForInput);
        }
        self.publish();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn take(&mut self, item: T, lineage: L) {
        self.rx.start();
        self.taken += 1;
        self.tally.now.started += 1;
        self.held += 1;
        self.is_taking = true;
        let mut books = Books { rt: &self.site.run.rt, held: &mut self.held, tally: &mut self.tally };
        let outcome = if lineage.is_cancelled() {
            books.drop(item);
            Ok(())
        } else {
            self.op.take(item, lineage, &mut books)
        };
        self.is_taking = false;
        self.pace.item();
        if let Err(error) = outcome {
            self.held -= 1;
            self.tally.now.ended += 1;
            self.tally.now.failed += 1;
            self.fail(Some(self.taken - 1), error);
        }
    }

    /// It is the failure's turn when all that is held has moved on.
    fn fail(&mut self, item: Option<u64>, error: BoxError) {
        self.failure = Some((item, error));
        self.end(Stop::Cut);
    }

    /// Takes no more: what waits is abandoned.
    fn end(&mut self, reason: Stop) {
        self.has_ended = true;
        self.rx.close(reason);
        self.op.end();
    }

    fn move_on(&mut self, cx: &mut Context<'_>) -> Moved {
        match self.next.poll_room(cx) {
            Poll::Pending => return Moved::NoRoom,
            Poll::Ready(Flowing::Over) => return Moved::Over,
            Poll::Ready(Flowing::On) => {}
        }
        let Given { output, lineage, items } = self.op.give(self.site.run.rt.now());
        self.held -= items;
        self.tally.now.ended += items;
        // Before the push: a fused step may panic in it, and it has counted the output by then.
        self.tally.now.out += 1;
        self.unsettled = items;
        self.next.push(output, lineage);
        self.pace.item();
        self.pace.woke(self.next.take_woken());
        Moved::On
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        let settled = ready!(self.next.poll_settled(cx));
        self.tally.now.done += std::mem::take(&mut self.unsettled);
        Poll::Ready(settled)
    }

    /// Moves on what fused steps have kept back, unless the operator is told to stop.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.resume();
        if self.site.node.is_stopped() || self.next.poll_rest(cx).is_ready() {
            return Poll::Ready(());
        }
        self.pend(Spent::WaitingForRoom, Doing::WaitForRoom)
    }

    fn poll_timer(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| self.site.run.rt.sleep_until(at));
        if timer.deadline() != at {
            timer.reset(at);
        }
        Pin::new(timer).poll(cx)
    }

    fn resume(&mut self) -> Instant {
        let Site { run, node } = &self.site;
        let now = run.rt.now();
        if !self.stopwatch.is(Spent::Busy) {
            self.stopwatch.turn(&node.counts, Spent::Busy, now);
        }
        self.pace.waited(now);
        now
    }

    fn pend<R>(&mut self, what: Spent, doing: Doing) -> Poll<R> {
        self.publish();
        let Site { run, node } = &self.site;
        self.stopwatch.turn(&node.counts, what, run.rt.now());
        node.set_doing(doing);
        Poll::Pending
    }

    fn publish(&mut self) {
        wake(self.rx.release());
        self.next.flush();
        self.site.node.counts.work_peak.raise_to(self.held);
        self.site.node.trace.drops(self.tally.dropped());
        self.tally.flush(&self.site.node.counts);
    }
}

impl<T, L, O, N> Drop for Task<T, L, O, N> {
    fn drop(&mut self) {
        let counts = &self.site.node.counts;
        let failed = u64::from(self.is_taking);
        self.tally.now.ended += self.held;
        self.tally.now.failed += failed;
        self.tally.flush(counts);
        counts.abandoned.add(self.held - failed + self.unsettled);
        self.stopwatch.stop(counts, self.site.run.rt.now());
    }
}
