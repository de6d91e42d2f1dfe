//! So many items from each flow in turn.

use std::fmt;
use std::task::{Context, Poll};

use super::{Head, Inputs, Taken, input, join, outline_input};
use crate::flow::{BoxFlow, Flow};
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::op::{Merge, MergeFlow};
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::run::Stop;

const NAME: &str = "interleave";

/// Yields `n` items of each flow in turn, and waits for each: where [`merge`](fn@crate::op::merge) takes what is ready, this keeps
/// to the order of the flows. A flow that has ended is passed over. `flows` is what `merge` takes.
///
/// ```
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let flow = interleave(2, [iter(0..5u64), iter(10..13u64)]);
/// assert_eq!(flow.collect::<Vec<_>>().run().await?.value, [0, 1, 10, 11, 2, 3, 12, 4]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// `n` of 0 makes the plan invalid: `run` says so.
///
/// # Ordering
/// One order only, which does not depend on timing.
///
/// # Backpressure
/// Each input waits in an edge of its own (see [`buffer`](Flow::buffer)) until it is its turn.
pub fn interleave<M, T, L>(n: usize, flows: impl Merge<M, Flow = MergeFlow<T, L>>) -> Interleave<T, L>
where
    T: Send + 'static,
    L: Lineage,
{
    Interleave { n, flows: flows.merge().flows }
}

/// The flow of [`interleave`].
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
pub struct Interleave<T, L = ()> {
    n: usize,
    flows: Vec<BoxFlow<T, L>>,
}

impl<T, L> Clone for Interleave<T, L> {
    fn clone(&self) -> Self {
        Interleave { n: self.n, flows: self.flows.clone() }
    }
}

impl<T, L> fmt::Debug for Interleave<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interleave").field("n", &self.n).field("inputs", &self.flows.len()).finish()
    }
}

impl<T: Send + 'static, L: Lineage> Flow for Interleave<T, L> {
    type Item = T;
    type Lineage = L;

    fn build<N: Push<T, L>>(self, build: &mut Build, next: N) {
        let Interleave { n, flows } = self;
        join(NAME, build, next, |build, site| {
            let heads: Vec<_> = flows.into_iter().map(|flow| Head::new(input(flow, build, site), site)).collect();
            Rounds { open: (0..heads.len()).collect(), heads, at: 0, left: n, n }
        });
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        if self.n == 0 {
            outline.problem("`interleave(0, ..)` takes nothing of any flow; give it 1 or more".to_owned());
        }
        outline.hold(1);
        let at = outline.node(NAME, Kind::Join);
        self.flows.iter().for_each(|flow| outline_input(flow, at, NAME, outline));
    }
}

struct Rounds<T, L> {
    heads: Vec<Head<T, L>>,
    /// Those that have not ended, in the order of their turns.
    open: Vec<usize>,
    /// Whose turn it is, of those.
    at: usize,
    /// How many items are left to take in this turn.
    left: usize,
    n: usize,
}

impl<T: Send + 'static, L: Lineage> Inputs for Rounds<T, L> {
    type Item = T;
    type Lineage = L;

    fn is_over(&self) -> bool {
        self.open.is_empty()
    }

    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Taken<T, L>> {
        let head = &mut self.heads[self.open[self.at]];
        if head.poll(cx.waker()).is_pending() {
            return Poll::Pending;
        }
        let taken = match head.take() {
            Some((item, lineage)) => {
                self.left -= 1;
                self.at += usize::from(self.left == 0);
                Taken::Made { item, lineage, from: 1 }
            }
            None => {
                self.open.remove(self.at);
                self.left = 0;
                Taken::Nothing
            }
        };
        if self.left == 0 {
            self.left = self.n;
        }
        if self.at == self.open.len() {
            self.at = 0;
        }
        Poll::Ready(taken)
    }

    fn release(&mut self) {
        self.heads.iter_mut().for_each(Head::release);
    }

    fn close(&mut self, reason: Stop) {
        self.heads.iter_mut().for_each(|head| head.close(reason));
    }
}
