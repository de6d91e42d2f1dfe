//! The outlet of a worker, as the [`Out`](super::Out) of the body that it polls.

use std::any::Any;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::OutPort;
use super::worker::{BUDGET, Desk, End, Panic};
use crate::error::BoxError;
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::push::{Flowing, Outlet, Push};
use crate::run::{Node, is_blamed};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// The outlet of a worker, shared with the [`Out`] of the body that it polls. Never contended.
pub(crate) struct Port<U, L> {
    state: Mutex<PortState<U, L>>,
    is_over: AtomicBool,
    /// Whether the body waits in a send, or for a permit.
    waits: AtomicBool,
    node: Arc<Node>,
    /// The body has asked to be told of a drain.
    is_told: AtomicBool,
    /// The run drains, and the last send of the source has its place.
    has_sent_last: AtomicBool,
}

struct PortState<U, L> {
    outlet: Outlet<U, L>,
    lineage: L,
    sent: u64,
    /// Looked at since the last yield.
    looked_at: u32,
}

impl<U: Send + 'static, L: Lineage> Port<U, L> {
    pub(crate) fn new(outlet: Outlet<U, L>, node: &Arc<Node>) -> Self {
        let state = Mutex::new(PortState { outlet, lineage: L::default(), sent: 0, looked_at: 0 });
        let flag = || AtomicBool::new(false);
        let (is_over, waits, is_told, has_sent_last) = (flag(), flag(), flag(), flag());
        Port { state, is_over, waits, node: node.clone(), is_told, has_sent_last }
    }

    /// Whether the body is that of a source that a drain ends at its next await, but for a send that it is in.
    fn is_ending(&self) -> bool {
        self.node.is_draining() && self.node.kind == Kind::Source && !self.is_told.load(Ordering::Relaxed)
    }

    /// Whether the body is that of a source that a drain ends here.
    pub(crate) fn has_ended(&self) -> bool {
        self.is_ending() && !self.waits()
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
    pub(super) fn outlet_mut(&mut self) -> &mut Outlet<U, L> {
        &mut self.state.get_mut().outlet
    }

    /// Tells those who wait for what is in work, if it has failed.
    pub(super) fn tell(&self, stage: &str, error: BoxError) -> BoxError {
        let lineage = self.state.lock().lineage.clone();
        lineage.tell(stage, error)
    }

    /// How a [guarded](super::worker::guarded) body ended. A panic of a fused step behind it is that step's: once the books are made up, it
    /// goes on to what supervises the task.
    pub(crate) fn end_of<R>(&self, ended: Result<Option<Result<R, BoxError>>, Panic>) -> End<R> {
        match ended {
            Err(panic) => {
                self.own_up();
                if is_blamed() { resume_unwind(panic) } else { End::of(Err(panic)) }
            }
            ended => End::of(ended),
        }
    }

    pub(super) fn forget_woken(&self) {
        self.state.lock().outlet.take_woken();
    }

    /// Pushes `output`, if it was not pushed yet, and says whether it was accepted (on) or never will be (over).
    pub(super) fn poll_emit(
        &mut self,
        output: &mut Option<(U, L)>,
        desk: &mut Desk,
        cx: &mut Context<'_>,
    ) -> Poll<Flowing> {
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
        let is_told = self.node.is_told();
        if is_told && self.node.poll_resumed(cx).is_pending() {
            return self.on(Poll::Pending);
        }
        let mut state = self.state.lock();
        if state.looked_at >= BUDGET {
            state.looked_at = 0;
            state.outlet.flush();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = state.outlet.poll_room(cx);
        drop(state);
        if is_told && self.is_ending() {
            let is_last = polled == Poll::Ready(Flowing::On);
            if self.has_sent_last.fetch_or(is_last, Ordering::Relaxed) {
                self.give_up();
                return Poll::Pending;
            }
        }
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
        if polled.is_ready() && self.is_ending() {
            // It was accepted, and the source ends at this await.
            self.give_up();
            return Poll::Pending;
        }
        self.on(polled)
    }

    fn retract(&self) {}

    fn own_up(&self) {
        self.state.lock().outlet.own_up();
    }

    fn give_up(&self) {
        self.waits.store(false, Ordering::Relaxed);
    }

    fn poll_closing(&self, _: &mut Context<'_>) -> Poll<()> {
        self.is_told.store(true, Ordering::Relaxed);
        // A drain asks for a poll of every task.
        if self.node.is_draining() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn hold(&self) -> Box<dyn Any + Send> {
        Box::new(self.state.lock().lineage.clone())
    }
}
