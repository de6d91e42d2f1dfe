//! The task of a join: it moves items from several edges on into one.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::edge::{Next, Rx, arm, wake};
use crate::ledger::{Spent, Tally};
use crate::lineage::Lineage;
use crate::push::{Flowing, Push};
use crate::run::{Doing, Stop};
use crate::runtime::Instant;
use crate::stage::{BUDGET, Pace, Site};
use crate::sync::Mutex;

pub(crate) struct Mover<T, L, N> {
    inputs: Vec<Option<Input<T, L>>>,
    open: usize,
    shared: Arc<Mutex<Ready>>,
    next: N,
    site: Site,
    tally: Tally,
    /// Inputs whose started items have not been given back to their edges.
    touched: Vec<usize>,
    /// Whether the last item was pushed and is not yet accepted.
    is_unsettled: bool,
    mark: Instant,
    waits: Option<Spent>,
    pace: Pace,
}

struct Input<T, L> {
    rx: Rx<T, L>,
    waker: Waker,
}

/// Inputs that may have something, in the order of their turns.
#[derive(Default)]
struct Ready {
    turns: VecDeque<usize>,
    task: Option<Waker>,
}

struct Turn {
    input: usize,
    shared: Arc<Mutex<Ready>>,
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        let task = {
            let mut ready = self.shared.lock();
            ready.turns.push_back(self.input);
            ready.task.take()
        };
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl<T: Send + 'static, L: Lineage, N: Push<T, L>> Mover<T, L, N> {
    pub(crate) fn new(next: N, site: Site) -> Self {
        let (mark, pace) = (site.run.rt.now(), Pace::new(&site.run.rt));
        Mover {
            inputs: Vec::new(),
            open: 0,
            shared: Arc::default(),
            next,
            site,
            tally: Tally::default(),
            touched: Vec::new(),
            is_unsettled: false,
            mark,
            waits: None,
            pace,
        }
    }

    pub(crate) fn add(&mut self, rx: Rx<T, L>) {
        let input = self.inputs.len();
        let waker = Waker::from(Arc::new(Turn { input, shared: self.shared.clone() }));
        self.inputs.push(Some(Input { rx, waker }));
        self.open += 1;
        self.shared.lock().turns.push_back(input);
    }

    /// No item follows: what fused steps have kept back moves on.
    pub(crate) async fn end(&mut self) {
        poll_fn(|cx| self.poll_rest(cx)).await;
        self.next.end();
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(what) = self.waits.take() {
            self.clock(what);
        }
        if self.site.node.is_stopped() || self.next.poll_rest(cx).is_ready() {
            return Poll::Ready(());
        }
        self.pend(Spent::WaitingForRoom, Doing::WaitForRoom).map(|_| ())
    }

    /// Moves items until all inputs have ended (true), or nobody takes more (false).
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if let Some(what) = self.waits.take() {
            self.clock(what);
        }
        self.pace.waited(self.site.run.rt.now());
        for _ in 0..BUDGET {
            if self.is_unsettled {
                match self.next.poll_settled(cx) {
                    Poll::Pending => return self.pend(Spent::WaitingForRoom, Doing::WaitForRoom),
                    Poll::Ready(_) => {
                        self.is_unsettled = false;
                        self.tally.ended += 1;
                        self.tally.done += 1;
                    }
                }
            }
            if self.site.node.is_stopped() {
                return self.stop();
            }
            if self.open == 0 {
                self.publish();
                self.clock(Spent::Busy);
                return Poll::Ready(true);
            }
            match self.next.poll_room(cx) {
                Poll::Ready(Flowing::On) => {}
                Poll::Ready(Flowing::Over) => return self.stop(),
                Poll::Pending => return self.pend(Spent::WaitingForRoom, Doing::WaitForRoom),
            }
            let (turn, _former) = {
                let mut ready = self.shared.lock();
                let turn = ready.turns.pop_front();
                let former = if turn.is_none() { arm(&mut ready.task, cx.waker()) } else { None };
                (turn, former)
            };
            match turn {
                None => return self.pend(Spent::WaitingForInput, Doing::WaitForInput),
                Some(input) => self.serve(input),
            }
            if self.pace.should_yield(&self.site.run.rt) {
                break;
            }
        }
        self.publish();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Moves the next item of an input, which then waits for its next turn.
    fn serve(&mut self, at: usize) {
        let Some(input) = &mut self.inputs[at] else {
            return;
        };
        match input.rx.poll_next(&input.waker) {
            Poll::Pending => {}
            Poll::Ready(Next::End) => {
                self.inputs[at] = None;
                self.open -= 1;
            }
            Poll::Ready(Next::Item(item, lineage)) => {
                input.rx.start();
                self.tally.started += 1;
                // Before the push: a fused step may panic in it, and it has counted the item by then.
                self.tally.out += 1;
                self.is_unsettled = true;
                self.next.push(item, lineage);
                self.pace.item();
                self.pace.woke(self.next.take_woken());
                self.touched.push(at);
                self.shared.lock().turns.push_back(at);
            }
        }
    }

    fn stop(&mut self) -> Poll<bool> {
        let reason = self.site.node.stop_reason().max(Stop::Over);
        for input in self.inputs.iter_mut().flatten() {
            input.rx.close(reason);
        }
        self.publish();
        Poll::Ready(false)
    }

    fn pend(&mut self, what: Spent, doing: Doing) -> Poll<bool> {
        self.publish();
        if self.site.node.is_stopped() {
            return self.stop();
        }
        self.clock(Spent::Busy);
        self.waits = Some(what);
        self.site.node.set_doing(doing);
        Poll::Pending
    }

    fn publish(&mut self) {
        for at in self.touched.drain(..) {
            if let Some(input) = &mut self.inputs[at] {
                wake(input.rx.release());
            }
        }
        self.next.flush();
        self.tally.flush(&self.site.node.counts);
    }

    fn clock(&mut self, what: Spent) {
        let now = self.site.run.rt.now();
        self.site.node.counts.spend(what, now.duration_since(self.mark));
        self.mark = now;
    }
}

impl<T, L, N> Drop for Mover<T, L, N> {
    fn drop(&mut self) {
        let counts = &self.site.node.counts;
        self.tally.ended += u64::from(self.is_unsettled);
        self.tally.flush(counts);
        counts.abandoned.add(u64::from(self.is_unsettled));
    }
}
