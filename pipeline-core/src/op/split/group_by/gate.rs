//! What the split and the join of a `group_by` tell each other.

use std::sync::Arc;
use std::task::Waker;

use crate::edge::{Rx, arm, wake};
use crate::run::{Inner, Node};
use crate::sync::Mutex;

pub(super) struct Gate<U, M> {
    state: Mutex<State<U, M>>,
}

struct State<U, M> {
    opened: Vec<Opened<U, M>>,
    /// The places of the keys whose flows have ended and are read.
    ended: Vec<usize>,
    /// No key is opened any more.
    is_complete: bool,
    /// The join takes no more keys.
    is_over: bool,
    split: Option<Waker>,
    join: Option<Waker>,
}

/// The flow of a key that has come.
pub(super) struct Opened<U, M> {
    pub(super) place: usize,
    pub(super) rx: Rx<U, M>,
    pub(super) run: Inner,
    /// The node of the split.
    pub(super) split: Arc<Node>,
}

/// What the split is told.
pub(super) struct ForSplit {
    pub(super) ended: Vec<usize>,
    pub(super) is_over: bool,
}

/// What the join is told.
pub(super) struct ForJoin<U, M> {
    pub(super) opened: Vec<Opened<U, M>>,
    pub(super) is_complete: bool,
}

impl<U, M> Gate<U, M> {
    pub(super) fn new() -> Self {
        let (split, join) = (None, None);
        let state = State { opened: Vec::new(), ended: Vec::new(), is_complete: false, is_over: false, split, join };
        Gate { state: Mutex::new(state) }
    }

    /// Hands the flow of a key to the join.
    pub(super) fn open(&self, opened: Opened<U, M>) {
        let (join, refused) = {
            let mut state = self.state.lock();
            let refused = if state.is_over {
                Some(opened)
            } else {
                state.opened.push(opened);
                None
            };
            (state.join.take(), refused)
        };
        wake(join);
        drop(refused);
    }

    /// No key is opened any more.
    pub(super) fn complete(&self) {
        let join = {
            let mut state = self.state.lock();
            state.is_complete = true;
            state.join.take()
        };
        wake(join);
    }

    /// The flow at `place` has ended, and all that it yielded was read.
    pub(super) fn end(&self, place: usize) {
        let split = {
            let mut state = self.state.lock();
            state.ended.push(place);
            state.split.take()
        };
        wake(split);
    }

    /// The join takes no more keys, but reads those that were opened.
    pub(super) fn refuse(&self) {
        let split = {
            let mut state = self.state.lock();
            state.is_over = true;
            state.split.take()
        };
        wake(split);
    }

    /// The join reads no more.
    pub(super) fn shut(&self) {
        self.refuse();
        let opened = std::mem::take(&mut self.state.lock().opened);
        drop(opened);
    }

    pub(super) fn look_as_split(&self, waker: &Waker) -> ForSplit {
        let mut state = self.state.lock();
        let news = ForSplit { ended: std::mem::take(&mut state.ended), is_over: state.is_over };
        let former = arm(&mut state.split, waker);
        drop(state);
        drop(former);
        news
    }

    pub(super) fn look_as_join(&self, waker: &Waker) -> ForJoin<U, M> {
        let mut state = self.state.lock();
        let news = ForJoin { opened: std::mem::take(&mut state.opened), is_complete: state.is_complete };
        let former = arm(&mut state.join, waker);
        drop(state);
        drop(former);
        news
    }
}
