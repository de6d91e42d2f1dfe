//! The source of a run that is fed from outside.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::gate::Gate;
use crate::edge::{Next, Rx, edge, wake};
use crate::error::Error;
use crate::flow::Flow;
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::op::{Inputs, Mover, Taken};
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::run::{Node, Stop};

const NAME: &str = "inlet";

/// The flow of [`inlet`](super::inlet).
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
pub struct InletFlow<T, L = ()> {
    buffer: usize,
    plan: Arc<Plan<T, L>>,
}

impl<T, L> InletFlow<T, L> {
    pub(super) fn new(buffer: usize, gate: Arc<Gate<T, L>>) -> Self {
        InletFlow { buffer, plan: Arc::new(Plan { gate }) }
    }
}

impl<T, L> Clone for InletFlow<T, L> {
    fn clone(&self) -> Self {
        InletFlow { buffer: self.buffer, plan: self.plan.clone() }
    }
}

impl<T, L> fmt::Debug for InletFlow<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InletFlow").field("buffer", &self.buffer).finish()
    }
}

impl<T: Send + 'static, L: Lineage> Flow for InletFlow<T, L> {
    type Item = T;
    type Lineage = L;

    fn build<N: Push<T, L>>(self, build: &mut Build, mut next: N) {
        let site = build.site(NAME, Kind::Source);
        next.bind(&site.node);
        let (tx, rx) = edge(self.buffer, &site.node);
        let gate = self.plan.gate.clone();
        if !gate.open(tx, &site.run.rt) {
            return build.refuse(Error::spent(NAME));
        }
        let end = Closes(gate);
        let mut mover = Mover::new(Reads { rx, is_over: false, node: site.node.clone() }, next, site.clone());
        build.task(&site.clone(), async move {
            poll_fn(|cx| {
                if site.node.is_draining() {
                    end.0.close();
                }
                mover.poll(cx)
            })
            .await;
            mover.end().await;
        });
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline.hold(1);
        let at = outline.node(NAME, Kind::Source);
        outline.edge(at, NAME, self.buffer);
        if self.plan.gate.has_opened() {
            outline.spent(NAME);
        }
    }
}

/// What the clones of a plan share.
struct Plan<T, L> {
    gate: Arc<Gate<T, L>>,
}

impl<T, L> Drop for Plan<T, L> {
    fn drop(&mut self) {
        self.gate.forsake();
    }
}

/// Closes the gate when the task of the source is gone, whatever has ended it.
struct Closes<T, L>(Arc<Gate<T, L>>);

impl<T, L> Drop for Closes<T, L> {
    fn drop(&mut self) {
        self.0.close();
    }
}

struct Reads<T, L> {
    rx: Rx<T, L>,
    is_over: bool,
    node: Arc<Node>,
}

impl<T: Send + 'static, L: Lineage> Inputs for Reads<T, L> {
    type Item = T;
    type Lineage = L;

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Taken<T, L>> {
        ready!(self.node.poll_resumed(cx));
        self.rx.poll_next(cx.waker()).map(|next| match next {
            Next::End => {
                self.is_over = true;
                Taken::Nothing
            }
            Next::Item(item, lineage) => {
                self.rx.start();
                Taken::Made { item, lineage, from: 1 }
            }
        })
    }

    fn release(&mut self) {
        wake(self.rx.release());
    }

    fn close(&mut self, reason: Stop) {
        self.rx.close(reason);
    }
}
