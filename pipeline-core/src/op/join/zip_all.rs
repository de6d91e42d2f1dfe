//! One item of each of several flows, as a list.

use std::task::{Context, Poll};

use super::{Head, Inputs, Taken, input, join, outline_input};
use crate::flow::{BoxFlow, Flow};
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::run::Stop;

const NAME: &str = "zip";

/// The flow of [`Branches::zip`](crate::op::Branches::zip), before its split is put before it.
pub(crate) struct ZipAll<T, L> {
    pub(crate) flows: Vec<BoxFlow<T, L>>,
}

impl<T, L> Clone for ZipAll<T, L> {
    fn clone(&self) -> Self {
        ZipAll { flows: self.flows.clone() }
    }
}

impl<T: Send + 'static, L: Lineage> Flow for ZipAll<T, L> {
    type Item = Vec<T>;
    type Lineage = L;

    fn build<N: Push<Vec<T>, L>>(self, build: &mut Build, next: N) {
        join(NAME, build, next, |build, site| {
            let heads = self.flows.into_iter().map(|flow| Head::new(input(flow, build, site), site)).collect();
            Lists { heads, is_over: false }
        });
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline.hold(1);
        let at = outline.node(NAME, Kind::Join);
        self.flows.iter().for_each(|flow| outline_input(flow, at, NAME, outline));
    }
}

struct Lists<T, L> {
    heads: Vec<Head<T, L>>,
    is_over: bool,
}

impl<T: Send + 'static, L: Lineage> Inputs for Lists<T, L> {
    type Item = Vec<T>;
    type Lineage = L;

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Taken<Vec<T>, L>> {
        let mut waits = false;
        for head in &mut self.heads {
            // Each, so that the end of any is heard of.
            waits |= head.poll(cx.waker()).is_pending();
        }
        if self.heads.iter().any(Head::is_over) {
            self.is_over = true;
            return Poll::Ready(Taken::Nothing);
        }
        if waits {
            return Poll::Pending;
        }
        let mut lineage = L::default();
        let taken = self.heads.iter_mut().filter_map(Head::take).map(|(item, of_item)| {
            lineage.join(of_item);
            item
        });
        let item: Vec<T> = taken.collect();
        let from = item.len() as u64;
        Poll::Ready(Taken::Made { item, lineage, from })
    }

    fn release(&mut self) {
        self.heads.iter_mut().for_each(Head::release);
    }

    fn close(&mut self, reason: Stop) {
        self.heads.iter_mut().for_each(|head| head.close(reason));
    }
}
