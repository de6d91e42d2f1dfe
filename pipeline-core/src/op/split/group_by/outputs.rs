//! The join of a `group_by`: it takes what the flows of the keys yield, in rotation.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::gate::{Gate, Opened};
use crate::error::Failure;
use crate::lineage::Lineage;
use crate::op::join::{Inputs, Taken};
use crate::op::merge::Turns;
use crate::run::{Inner, Node, Stop};
use crate::stage::Site;

pub(super) struct Outputs<U, M> {
    turns: Turns<U, M>,
    gate: Arc<Gate<U, M>>,
    site: Site,
    /// The flows that are read, each where `turns` has its input.
    groups: Vec<Option<Group>>,
    /// Flows that are read to their end and have tasks left.
    ending: Vec<Group>,
    is_complete: bool,
    /// Whether it was looked for new keys since the last wait.
    has_looked: bool,
}

struct Group {
    place: usize,
    run: Inner,
    split: Arc<Node>,
}

impl<U: Send + 'static, M: Lineage> Outputs<U, M> {
    pub(super) fn new(gate: Arc<Gate<U, M>>, site: Site) -> Self {
        let (groups, ending) = (Vec::new(), Vec::new());
        Outputs { turns: Turns::new(), gate, site, groups, ending, is_complete: false, has_looked: false }
    }

    fn look(&mut self, cx: &mut Context<'_>) {
        if std::mem::replace(&mut self.has_looked, true) {
            return;
        }
        let news = self.gate.look_as_join(cx.waker());
        self.is_complete |= news.is_complete;
        for Opened { place, rx, run, split } in news.opened {
            let at = self.turns.add(rx);
            if at == self.groups.len() {
                self.groups.push(None);
            }
            self.groups[at] = Some(Group { place, run, split });
        }
        for group in std::mem::take(&mut self.ending) {
            self.end(group, cx);
        }
    }

    /// A flow was read to its end: its place is free once no task of it is left.
    fn end(&mut self, mut group: Group, cx: &mut Context<'_>) {
        match group.run.poll_outcome(cx) {
            Poll::Pending => self.ending.push(group),
            Poll::Ready(Ok(())) => self.gate.end(group.place),
            Poll::Ready(Err(error)) => {
                self.site.run.fail(Failure::new(&group.split.name, None, Box::new(error)));
                // The flows of other keys finish what they have got.
                self.gate.refuse();
            }
        }
    }
}

impl<U: Send + 'static, M: Lineage> Inputs for Outputs<U, M> {
    type Item = U;
    type Lineage = M;

    fn is_over(&self) -> bool {
        self.is_complete && self.turns.is_over() && self.ending.is_empty()
    }

    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Taken<U, M>> {
        self.look(cx);
        if self.turns.is_over() {
            return if self.is_over() { Poll::Ready(Taken::Nothing) } else { Poll::Pending };
        }
        let taken = self.turns.poll_take(cx);
        if let Some(group) = self.turns.take_ended().and_then(|at| self.groups[at].take()) {
            self.end(group, cx);
        }
        taken
    }

    fn release(&mut self) {
        self.has_looked = false;
        self.turns.release();
    }

    fn close(&mut self, reason: Stop) {
        self.gate.shut();
        self.turns.close(reason);
    }
}

impl<U, M> Drop for Outputs<U, M> {
    fn drop(&mut self) {
        self.gate.shut();
    }
}
