//! A stage with one worker: a loop between two edges, without a pool.
//!
//! ```text
//! wait for input -> in work -> finished -> wait for room -> done
//! ```
//! While a finished item waits for room the stage starts nothing: its window is 1.

use std::any::Any;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::pin;
use std::task::{Context, Poll, Waker, ready};

use super::pace::Pace;
use super::worker::{BUDGET, Desk, End, Failing, Site, drop_body, poll_body};
use super::{Out, OutPort, Stage};
use crate::edge::{Next, Rx, wake};
use crate::ledger::Spent;
use crate::lineage::Lineage;
use crate::push::{Flowing, Outlet, Push};
use crate::run::{Doing, Node, Stop};
use crate::runtime::yield_now;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// The outlet of a worker, shared with the [`Out`] of the body that it polls. Never contended.
pub(crate) struct Port<U, L> {
    state: Mutex<PortState<U, L>>,
    is_over: AtomicBool,
    /// Whether the body waits in a send, or for a permit.
    waits: AtomicBool,
}

struct PortState<U, L> {
    outlet: Outlet<U, L>,
    lineage: L,
    sent: u64,
    /// Looked at since the last yield.
    looked_at: u32,
}

impl<U: Send + 'static, L: Lineage> Port<U, L> {
    pub(crate) fn new(outlet: Outlet<U, L>) -> Self {
        let state = Mutex::new(PortState { outlet, lineage: L::default(), sent: 0, looked_at: 0 });
        Port { state, is_over: AtomicBool::new(false), waits: AtomicBool::new(false) }
    }

    /// What the next outputs are made from.
    pub(crate) fn follow(&self, lineage: L) {
        let former = std::mem::replace(&mut self.state.lock().lineage, lineage);
        drop(former);
    }

    /// Adds to what the next outputs are made from.
    pub(crate) fn join(&self, lineage: L) {
        self.state.lock().lineage.join(lineage);
    }

    pub(crate) fn flush(&self) {
        self.state.lock().outlet.flush();
    }

    /// Moves on and publishes what was put, before every wait: what filled a permit may still be in a fused step that
    /// makes several items of it. Ready when all of it was accepted.
    pub(crate) fn poll_settled(&self, cx: &mut Context<'_>) -> Poll<Flowing> {
        let mut state = self.state.lock();
        let settled = state.outlet.poll_settled(cx);
        state.outlet.flush();
        drop(state);
        if settled == Poll::Ready(Flowing::Over) {
            self.is_over.store(true, Ordering::Relaxed);
        }
        settled
    }

    /// Waits at the end until all that was put was accepted, also what fused steps have kept back, unless `node` is told to
    /// stop.
    pub(crate) async fn settle(&self, node: &Node) {
        poll_fn(|cx| {
            if node.is_stopped() || ready!(self.poll_settled(cx)) == Flowing::Over {
                return Poll::Ready(());
            }
            let mut state = self.state.lock();
            let rest = state.outlet.poll_rest(cx);
            state.outlet.flush();
            rest
        })
        .await;
    }

    pub(crate) fn end(&self) {
        self.state.lock().outlet.end();
    }

    /// How many items were sent since the last call.
    pub(crate) fn take_sent(&self) -> u64 {
        std::mem::take(&mut self.state.lock().sent)
    }

    /// The outlet, while no body has the port.
    fn outlet_mut(&mut self) -> &mut Outlet<U, L> {
        &mut self.state.get_mut().outlet
    }

    fn forget_woken(&self) {
        self.state.lock().outlet.take_woken();
    }

    /// Pushes `output`, if it was not pushed yet, and says whether it was accepted (on) or never will be (over).
    fn poll_emit(&mut self, output: &mut Option<(U, L)>, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Flowing> {
        let outlet = &mut self.state.get_mut().outlet;
        if output.is_some() {
            if ready!(outlet.poll_room(cx)) == Flowing::Over {
                return Poll::Ready(Flowing::Over);
            }
            if let Some((item, lineage)) = output.take() {
                desk.sent(1);
                outlet.push(item, lineage);
            }
        }
        let flowing = ready!(outlet.poll_settled(cx));
        // Over here means: this one was accepted, the next will not be.
        self.is_over.store(flowing == Flowing::Over, Ordering::Relaxed);
        Poll::Ready(Flowing::On)
    }

    /// Whether nobody takes more, so that a pending send will never resume.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Whether the body waits for room.
    pub(crate) fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    /// Never ready if nobody takes more: the body is dropped at this await.
    fn on(&self, polled: Poll<Flowing>) -> Poll<()> {
        self.waits.store(polled.is_pending(), Ordering::Relaxed);
        match polled {
            Poll::Ready(Flowing::On) => Poll::Ready(()),
            Poll::Ready(Flowing::Over) => {
                self.is_over.store(true, Ordering::Relaxed);
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<U: Send + 'static, L: Lineage> OutPort<U> for Port<U, L> {
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.looked_at >= BUDGET {
            state.looked_at = 0;
            state.outlet.flush();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = state.outlet.poll_room(cx);
        drop(state);
        self.on(polled)
    }

    fn put(&self, item: U) {
        let mut state = self.state.lock();
        let lineage = state.lineage.clone();
        // Before the push: a fused step may panic in it, and it has counted the item by then.
        state.sent += 1;
        state.looked_at += 1;
        state.outlet.push(item, lineage);
        // What the body does next may take long, and is not measured.
        state.outlet.flush();
    }

    fn poll_accepted(&self, cx: &mut Context<'_>) -> Poll<()> {
        let polled = self.state.lock().outlet.poll_settled(cx);
        self.on(polled)
    }

    fn retract(&self) {}

    fn hold(&self) -> Box<dyn Any + Send> {
        Box::new(self.state.lock().lineage.clone())
    }
}

/// Runs `stage` over everything that `rx` gives.
pub(crate) async fn drive<S: Stage, L: Lineage>(
    mut stage: S,
    mut rx: Rx<S::In, L>,
    outlet: Outlet<S::Out, L>,
    site: Site,
) {
    let node = site.node.clone();
    let mut port = Port::new(outlet);
    let mut desk = Desk::new(site.clone());
    let mut pace = Pace::new(&site.run.rt);
    let mut budget = BUDGET;
    loop {
        // First what was taken together with others: an await costs more than the rest.
        let leased = if node.is_stopped() { None } else { rx.next_leased() };
        let (item, lineage) = match leased {
            Some(leased) => leased,
            None => match next_item(&mut rx, &port, &mut desk, &mut pace, &site).await {
                Some(next) => next,
                None => {
                    desk.flush();
                    port.settle(&node).await;
                    break;
                }
            },
        };
        desk.take();
        let outlet = port.outlet_mut();
        if !pace.is_cheap() {
            outlet.flush();
        }
        pace.woke(outlet.take_woken());
        if pace.should_yield(&site.run.rt) {
            wake(rx.release());
            port.flush();
            desk.flush();
            yield_now().await;
            pace.waited(site.run.rt.now());
            if node.is_stopped() {
                break;
            }
        }
        rx.start();
        let seq = desk.start();
        if !pace.is_cheap() {
            // The body may take long without a wait. Nobody is to wait for the item's place meanwhile.
            wake(rx.release());
        }
        let mut has_waited = false;
        // What has no size is the lineage of a flow that is not tracked.
        let is_followed = S::SENDS || size_of::<L>() > 0;
        if is_followed {
            port.follow(lineage.clone());
        }
        let (mut end, mut sent) = (End::Cut, 0);
        {
            // The call itself is a part of the body: a closure may panic before it has made its future.
            let mut body = pin!(Some(async { stage.call(item, Out::new(&port)).await }));
            let mut on_pending = |cx: &mut Context<'_>| {
                desk.wait_in_body(port.waits());
                has_waited = true;
                wake(rx.release());
                let _ = port.poll_settled(cx);
                sent += count_sent::<S, L>(&port, &mut desk);
                desk.flush();
                node.stop_reason() == Stop::Cut || port.is_over()
            };
            poll_fn(|cx| poll_body(body.as_mut(), &mut end, &node, cx, &mut on_pending)).await;
            drop_body(body, &mut end);
        }
        if has_waited {
            desk.wait_in_body(false);
            pace.waited(site.run.rt.now());
        } else {
            pace.item();
        }
        sent += count_sent::<S, L>(&port, &mut desk);
        if is_followed {
            // Nothing more is made from the item by the body.
            port.follow(L::default());
        }
        match end {
            End::Cut => break,
            End::Unwound(panic) => resume_unwind(panic),
            End::Returned(Err(error)) => {
                desk.finish();
                desk.fail();
                rx.close(Stop::Cut);
                let _failing = Failing::new(&site, Some(seq), error);
                if sent > 0 {
                    // What the item has sent goes on. Then it is the failure's turn.
                    emit(&mut port, None, &mut rx, &mut desk, &site).await;
                }
                desk.flush();
                port.settle(&node).await;
                break;
            }
            End::Returned(Ok(last)) => {
                desk.finish();
                let is_filtered = last.is_none() && sent == 0;
                if !is_filtered {
                    let mut last = last.map(|last| (last, lineage));
                    // First without a waker: there is room nearly always.
                    let now = port.poll_emit(&mut last, &mut desk, &mut Context::from_waker(Waker::noop()));
                    let flowing = match now {
                        Poll::Ready(flowing) => flowing,
                        Poll::Pending => emit(&mut port, last, &mut rx, &mut desk, &site).await,
                    };
                    if flowing == Flowing::Over {
                        break;
                    }
                }
                desk.done(is_filtered);
            }
        }
        if port.is_over() {
            break;
        }
        budget -= 1;
        if budget == 0 {
            budget = BUDGET;
            wake(rx.release());
            port.flush();
            desk.flush();
            yield_now().await;
        }
    }
    desk.clock(Spent::Busy);
    rx.close(site.reason_to_close());
    port.end();
}

/// Books what the body has sent since the last call, before each wait: it may never be polled again. Gives how much it was.
fn count_sent<S: Stage, L: Lineage>(port: &Port<S::Out, L>, desk: &mut Desk) -> u64 {
    let sent = if S::SENDS { port.take_sent() } else { 0 };
    desk.sent(sent);
    sent
}

/// The next item, or `None` at the end of the input or when the stage is told to stop.
async fn next_item<T, U: Send + 'static, L: Lineage>(
    rx: &mut Rx<T, L>,
    port: &Port<U, L>,
    desk: &mut Desk,
    pace: &mut Pace,
    site: &Site,
) -> Option<(T, L)> {
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
                desk.clock(Spent::Busy);
            }
            site.node.set_doing(Doing::WaitForInput);
        }
        next
    })
    .await;
    if has_waited {
        // Whoever was woken before the wait has had his turn.
        port.forget_woken();
        pace.waited(desk.clock(Spent::WaitingForInput));
    }
    match next {
        Next::Item(item, lineage) => Some((item, lineage)),
        Next::End => None,
    }
}

/// Moves the last output of a finished item on as soon as there is room, and waits until all its outputs were accepted.
/// `output` is gone if it was pushed before.
async fn emit<T, U: Send + 'static, L: Lineage>(
    port: &mut Port<U, L>,
    mut output: Option<(U, L)>,
    rx: &mut Rx<T, L>,
    desk: &mut Desk,
    site: &Site,
) -> Flowing {
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
            desk.clock(Spent::Busy);
        }
        site.node.set_doing(Doing::WaitForRoom);
        Poll::Pending
    })
    .await;
    if has_waited {
        desk.clock(Spent::WaitingForRoom);
    }
    flowing
}
