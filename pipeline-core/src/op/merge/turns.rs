//! Whose turn it is: inputs of one type, each asked only when it may have something.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::edge::{Next, Rx, arm, wake};
use crate::lineage::Lineage;
use crate::op::join::{Inputs, Taken};
use crate::run::Stop;
use crate::sync::Mutex;

/// Inputs that take turns: one item from each that is ready, in rotation, or always the first that is ready.
pub(crate) struct Turns<T, L> {
    inputs: Vec<Option<Input<T, L>>>,
    /// The places of those that have ended.
    free: Vec<usize>,
    open: usize,
    shared: Arc<Mutex<Ready>>,
    prefers_first: bool,
    /// Inputs whose started items have not been given back to their edges.
    touched: Vec<usize>,
    ended: Option<usize>,
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

impl Ready {
    fn next(&mut self, prefers_first: bool) -> Option<usize> {
        if !prefers_first {
            return self.turns.pop_front();
        }
        let at = (0..self.turns.len()).min_by_key(|at| self.turns[*at])?;
        self.turns.swap_remove_front(at)
    }
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

impl<T: Send + 'static, L: Lineage> Turns<T, L> {
    /// No input yet.
    pub(crate) fn new() -> Self {
        Turns {
            inputs: Vec::new(),
            free: Vec::new(),
            open: 0,
            shared: Arc::default(),
            prefers_first: false,
            touched: Vec::new(),
            ended: None,
        }
    }

    /// The earlier ones go first whenever they are ready.
    pub(super) fn preferring_the_first() -> Self {
        Turns { prefers_first: true, ..Turns::new() }
    }

    /// One input.
    pub(crate) fn of(rx: Rx<T, L>) -> Self {
        let mut turns = Turns::new();
        turns.add(rx);
        turns
    }

    /// Says which input it is. The number of one that has ended is given again.
    pub(crate) fn add(&mut self, rx: Rx<T, L>) -> usize {
        let input = self.free.pop().unwrap_or(self.inputs.len());
        let waker = Waker::from(Arc::new(Turn { input, shared: self.shared.clone() }));
        if input == self.inputs.len() {
            self.inputs.push(None);
        }
        self.inputs[input] = Some(Input { rx, waker });
        self.open += 1;
        self.shared.lock().turns.push_back(input);
        input
    }

    /// The input that was found to have ended when an item was asked for last.
    pub(crate) fn take_ended(&mut self) -> Option<usize> {
        self.ended.take()
    }
}

impl<T: Send + 'static, L: Lineage> Inputs for Turns<T, L> {
    type Item = T;
    type Lineage = L;

    fn is_over(&self) -> bool {
        self.open == 0
    }

    /// The next item of the input whose turn it is, which then waits for its next turn.
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Taken<T, L>> {
        let (turn, _former) = {
            let mut ready = self.shared.lock();
            let turn = ready.next(self.prefers_first);
            let former = if turn.is_none() { arm(&mut ready.task, cx.waker()) } else { None };
            (turn, former)
        };
        let Some(at) = turn else { return Poll::Pending };
        let Some(input) = &mut self.inputs[at] else { return Poll::Ready(Taken::Nothing) };
        match input.rx.poll_next(&input.waker) {
            Poll::Pending => {}
            Poll::Ready(Next::End) => {
                self.inputs[at] = None;
                self.free.push(at);
                self.open -= 1;
                self.ended = Some(at);
            }
            Poll::Ready(Next::Item(item, lineage)) => {
                input.rx.start();
                self.touched.push(at);
                self.shared.lock().turns.push_back(at);
                return Poll::Ready(Taken::Made { item, lineage, from: 1 });
            }
        }
        Poll::Ready(Taken::Nothing)
    }

    fn release(&mut self) {
        for at in self.touched.drain(..) {
            if let Some(input) = &mut self.inputs[at] {
                wake(input.rx.release());
            }
        }
    }

    fn close(&mut self, reason: Stop) {
        for input in self.inputs.iter_mut().flatten() {
            input.rx.close(reason);
        }
    }
}
