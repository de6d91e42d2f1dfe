//! A stage with one worker: a loop between two edges, without a pool.
//!
//! ```text
//! wait for input -> in work -> finished -> wait for room -> done
//! ```
//! While a finished item waits for room the stage starts nothing: its window is 1.

use std::borrow::BorrowMut;
use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::outlet_port::Port;
use super::pace::Pace;
use super::worker::{BUDGET, Desk, End, Failing, Site, guarded, poll_body};
use super::{Out, Stage, hooks};
use crate::edge::{Next, Rx, wake};
use crate::error::{Attempted, BoxError, Fate};
use crate::ledger::Spent;
use crate::lineage::Lineage;
use crate::push::{Flowing, Outlet, Push};
use crate::run::{Doing, Job, Stop};
use crate::runtime::yield_now;

/// Runs `stage`, between its hooks, over everything that `rx` gives.
pub(crate) fn drive<S: Stage, L: Lineage>(stage: S, rx: Rx<S::In, L>, outlet: Outlet<S::Out, L>, site: Site) -> Job {
    // Two futures, so that a stage without hooks has no memory for them.
    if S::HOOKS {
        Box::pin(drive_hooked(stage, rx, outlet, site))
    } else {
        Box::pin(drive_items::<S, S, L>(stage, rx, outlet, site))
    }
}

async fn drive_hooked<S: Stage, L: Lineage>(mut stage: S, mut rx: Rx<S::In, L>, outlet: Outlet<S::Out, L>, site: Site) {
    if hooks::init(&mut stage, &site, || ()).await {
        hooks::caught(drive_items::<S, &mut S, L>(&mut stage, rx, outlet, site.clone()), &site).await;
    } else {
        rx.close(site.reason_to_close());
        drop((rx, outlet));
    }
    hooks::close(&mut stage, &site).await;
}

async fn drive_items<S: Stage, B: BorrowMut<S>, L: Lineage>(
    mut stage: B,
    rx: Rx<S::In, L>,
    outlet: Outlet<S::Out, L>,
    site: Site,
) {
    let mut port = Port::new(outlet, &site.node);
    let mut line = Line::new(rx, &site);
    // Guarded as a whole: to catch the panics of each body by itself costs more than a cheap body does.
    let ended = match guarded(line.run(stage.borrow_mut(), &mut port)).await {
        Err(panic) if line.desk.is_in_work() => {
            line.sent += count_sent::<S, L>(&mut port, &mut line.desk);
            port.end_of::<()>(Err(panic))
        }
        Err(panic) => resume_unwind(panic),
        Ok(Ok(())) => End::Cut,
        Ok(Err(error)) => End::Returned(Err(error)),
    };
    if let End::Returned(Err(error)) = ended {
        let item = line.desk.item();
        line.desk.finish();
        line.desk.fail(Fate::Fails);
        line.rx.close(Stop::Cut);
        // What has failed by a panic is what the port follows still.
        let _failing = Failing::new(&site, Some(item), port.tell(&site.node.name, error));
        if line.sent > 0 {
            // What the item has sent goes on. Then it is the failure's turn.
            line.emit(&mut port, None).await;
        }
        line.desk.flush();
        port.settle(&site.node).await;
    } else {
        line.rx.close(site.reason_to_close());
        port.end();
    }
}

/// Books what the body has sent since the last call, before each wait: it may never be polled again. Gives how much it was.
fn count_sent<S: Stage, L: Lineage>(port: &mut Port<S::Out, L>, desk: &mut Desk) -> u64 {
    let sent = if S::SENDS { port.take_sent() } else { 0 };
    desk.sent(sent);
    sent
}

/// What is kept of what a body has returned.
enum Kept<U> {
    Last(Option<U>),
    /// The item has failed, and the run goes on without it.
    Nothing(Fate),
}

/// # Errors
/// The error of an item without which the run does not go on.
#[inline]
fn kept<U>(returned: Result<Option<U>, BoxError>) -> Result<Kept<U>, BoxError> {
    match returned {
        Ok(last) => Ok(Kept::Last(last)),
        Err(error) => match Attempted::fate(&error) {
            Fate::Fails => Err(error),
            fate => Ok(Kept::Nothing(fate)),
        },
    }
}

impl<U> Kept<U> {
    fn last(self) -> Option<U> {
        match self {
            Kept::Last(last) => last,
            Kept::Nothing(_) => None,
        }
    }
}

/// What became of the last output of an item.
enum Passed<U, L> {
    /// It was accepted, or there was none.
    Done,
    /// Nobody takes more.
    Over,
    /// There was no room for it.
    Refused(U, L),
    /// It was pushed, and not yet accepted by all that follows.
    Unsettled,
}

impl<U, L> Passed<U, L> {
    /// What was not pushed.
    fn left(self) -> Option<(U, L)> {
        match self {
            Passed::Refused(output, lineage) => Some((output, lineage)),
            Passed::Done | Passed::Over | Passed::Unsettled => None,
        }
    }
}

/// The items on their way through a stage with one worker.
struct Line<'a, T, L> {
    rx: Rx<T, L>,
    desk: Desk,
    pace: Pace,
    site: &'a Site,
    /// What the body in work, or the last one, has sent.
    sent: u64,
    budget: u32,
}

impl<'a, T: Send + 'static, L: Lineage> Line<'a, T, L> {
    fn new(rx: Rx<T, L>, site: &'a Site) -> Self {
        let (desk, pace) = (Desk::new(site.clone()), Pace::of_stage(site));
        Line { rx, desk, pace, site, sent: 0, budget: BUDGET }
    }

    /// Ready at the end of the input, when nobody reads on, and when the stage is told to stop.
    ///
    /// # Errors
    /// The error of the item that is in work still.
    async fn run<S: Stage<In = T>>(&mut self, stage: &mut S, port: &mut Port<S::Out, L>) -> Result<(), BoxError> {
        let node = &*self.site.node;
        loop {
            if self.budget == 0 {
                self.turn(port).await;
            }
            self.budget -= 1;
            // First what was taken together with others: an await costs more than the rest.
            let leased = if node.is_stopped() { None } else { self.rx.next_leased() };
            let (item, lineage) = match leased {
                Some(leased) => leased,
                None => match self.next(port).await {
                    Some(next) => next,
                    None => {
                        self.desk.flush();
                        port.settle(node).await;
                        return Ok(());
                    }
                },
            };
            if !self.pace.is_cheap() && !self.prepare(port).await {
                return Ok(());
            }
            self.rx.start();
            self.desk.start();
            if lineage.is_cancelled() {
                drop(item);
                self.desk.finish();
                self.desk.fail(Fate::Dropped);
                continue;
            }
            if !self.pace.is_cheap() {
                // The body may take long without a wait. Nobody is to wait for the item's place meanwhile.
                wake(self.rx.release());
            }
            // What has no size is the lineage of a flow that is not tracked.
            let is_followed = S::SENDS || size_of::<L>() > 0;
            if is_followed {
                port.follow(lineage.clone());
            }
            let returned = {
                // The call itself is a part of the body: a closure may panic before it has made its future.
                let mut body = pin!(stage.call(item, Out::new(&*port)));
                let polled = poll_fn(|cx| Poll::Ready(body.as_mut().poll(cx))).await;
                // What is moved before an await is not kept across it, and so not copied for each item.
                if matches!(polled, Poll::Pending) {
                    drop(polled);
                    self.wait(body, &*port).await
                } else {
                    polled
                }
            };
            if S::SENDS {
                self.sent += count_sent::<S, L>(port, &mut self.desk);
            }
            if is_followed {
                // Nothing more is made from the item by the body.
                port.follow(L::default());
            }
            let Poll::Ready(returned) = returned else { return Ok(()) };
            let kept = kept(returned.map_err(|error| lineage.tell(&node.name, error)))?;
            self.desk.finish();
            if let Kept::Nothing(fate) = kept {
                self.desk.fail(fate);
                if self.sent > 0 {
                    // What the item has sent goes on.
                    self.emit(port, None).await;
                    self.sent = 0;
                }
                if port.is_over() {
                    return Ok(());
                }
                continue;
            }
            let passed = self.pass_on(port, kept.last(), lineage);
            if matches!(passed, Passed::Over) {
                return Ok(());
            }
            if !matches!(passed, Passed::Done) {
                if self.emit(port, passed.left()).await == Flowing::Over {
                    return Ok(());
                }
                self.desk.done();
            }
            if S::SENDS {
                self.sent = 0;
            }
            if port.is_over() {
                return Ok(());
            }
            if self.pace.item() {
                self.look(port);
            }
        }
    }

    /// Passes the last output of a finished item on, if there is room now, as there is nearly always.
    #[inline]
    fn pass_on<U: Send + 'static>(&mut self, port: &mut Port<U, L>, last: Option<U>, lineage: L) -> Passed<U, L> {
        // Without a waker: who waits for what is left asks again.
        let cx = &mut Context::from_waker(Waker::noop());
        let outlet = port.outlet_mut();
        match last {
            None if self.sent == 0 => {
                self.desk.filtered();
                return Passed::Done;
            }
            None => {}
            Some(output) => match outlet.poll_room(cx) {
                Poll::Ready(Flowing::On) => {
                    self.desk.sent(1);
                    outlet.push(output, lineage);
                }
                Poll::Ready(Flowing::Over) => return Passed::Over,
                Poll::Pending => return Passed::Refused(output, lineage),
            },
        }
        match outlet.poll_settled(cx) {
            Poll::Ready(flowing) => {
                self.desk.done();
                // This one was accepted, the next will not be.
                if flowing == Flowing::Over { Passed::Over } else { Passed::Done }
            }
            Poll::Pending => Passed::Unsettled,
        }
    }

    /// Before a body that may take long: nothing is kept back, and who was woken gets a turn. False if the stage was told
    /// to stop meanwhile.
    async fn prepare<U: Send + 'static>(&mut self, port: &mut Port<U, L>) -> bool {
        self.desk.set_waiting(true);
        let outlet = port.outlet_mut();
        outlet.flush();
        self.pace.woke(outlet.take_woken());
        if self.pace.should_yield(&self.site.run.rt) {
            self.turn(port).await;
            if self.site.node.is_stopped() {
                return false;
            }
        }
        self.desk.set_waiting(false);
        true
    }

    /// Looks what the items cost.
    #[cold]
    fn look<U: Send + 'static>(&mut self, port: &mut Port<U, L>) {
        self.pace.woke(port.outlet_mut().take_woken());
        self.pace.sample(self.site.run.rt.now());
        self.pace.forget_woken();
    }

    /// Lets others run.
    async fn turn<U: Send + 'static>(&mut self, port: &Port<U, L>) {
        self.budget = BUDGET;
        wake(self.rx.release());
        port.flush();
        self.desk.flush();
        yield_now().await;
        self.pace.waited(self.site.run.rt.now());
    }

    /// Waits for a body that was pending. It still is if it was cut.
    async fn wait<U: Send + 'static, R>(
        &mut self,
        body: Pin<&mut impl Future<Output = R>>,
        port: &Port<U, L>,
    ) -> Poll<R> {
        let Line { rx, desk, pace, sent, site, .. } = self;
        let node = &site.node;
        pace.pend(&site.run.rt);
        let returned = poll_body(body, node, false, |cx| {
            desk.wait_in_body(port.waits());
            wake(rx.release());
            let _ = port.poll_settled(cx);
            let more = port.take_sent();
            *sent += more;
            desk.sent(more);
            desk.flush();
            node.stop_reason() == Stop::Cut || port.is_over()
        })
        .await;
        desk.wait_in_body(false);
        pace.served(site.run.rt.now());
        returned.map_or(Poll::Pending, Poll::Ready)
    }

    /// The next item, or `None` at the end of the input or when the stage is told to stop.
    async fn next<U: Send + 'static>(&mut self, port: &Port<U, L>) -> Option<(T, L)> {
        let Line { rx, desk, pace, site, .. } = self;
        let mut has_waited = false;
        let next = poll_fn(|cx| {
            if site.node.is_stopped() {
                return Poll::Ready(Next::End);
            }
            let next = rx.poll_next(cx.waker());
            if next.is_pending() {
                port.flush();
                desk.flush();
                if !has_waited {
                    has_waited = true;
                    pace.sample(desk.turn(Spent::WaitingForInput));
                }
                site.node.set_doing(Doing::WaitForInput);
            }
            next
        })
        .await;
        if has_waited {
            // Whoever was woken before the wait has had his turn.
            port.forget_woken();
            pace.waited(desk.turn(Spent::Busy));
        }
        match next {
            Next::Item(item, lineage) => Some((item, lineage)),
            Next::End => None,
        }
    }

    /// Moves the last output of a finished item on as soon as there is room, and waits until all its outputs were accepted.
    /// `output` is gone if it was pushed before.
    async fn emit<U: Send + 'static>(&mut self, port: &mut Port<U, L>, mut output: Option<(U, L)>) -> Flowing {
        let Line { rx, desk, pace, site, .. } = self;
        let mut has_waited = false;
        let flowing = poll_fn(|cx| {
            let polled = port.poll_emit(&mut output, desk, cx);
            if polled.is_ready() {
                return polled;
            }
            if site.node.is_stopped() {
                return Poll::Ready(Flowing::Over);
            }
            port.outlet_mut().flush();
            wake(rx.release());
            desk.flush();
            if !has_waited {
                has_waited = true;
                pace.sample(desk.turn(Spent::WaitingForRoom));
            }
            site.node.set_doing(Doing::WaitForRoom);
            Poll::Pending
        })
        .await;
        if has_waited {
            pace.waited(desk.turn(Spent::Busy));
        }
        flowing
    }
}
