//! One flow after the other.

use std::future::poll_fn;

use crate::edge::{DEFAULT_BUFFER, edge};
use crate::flow::Flow;
use crate::ledger::Kind;
use crate::op::fused_flow;
use crate::op::join::{Mover, outline_input};
use crate::op::merge::Turns;
use crate::plan::{Build, Outline};
use crate::push::Push;

fused_flow! {
    /// The flow of [`chain`](Flow::chain).
    Chain<P, B> { other: B }
}

impl<P, B> Flow for Chain<P, B>
where
    P: Flow,
    B: Flow<Item = P::Item, Lineage = P::Lineage>,
{
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, mut next: N) {
        let Chain { upstream, other } = self;
        let site = build.site("chain", Kind::Join);
        next.bind(&site.node);
        let (tx, first) = edge(upstream.edge_buffer().unwrap_or(DEFAULT_BUFFER), &site.node);
        let here = site.clone();
        // Built now, so that a source that cannot be read is told before anything runs; started when the first has ended.
        let (last, second) = edge(other.edge_buffer().unwrap_or(DEFAULT_BUFFER), &site.node);
        let later = build.later(|build| other.build(build, last));
        build.task(&site, async move {
            let mut mover = Mover::new(Turns::of(first), next, here);
            if !poll_fn(|cx| mover.poll(cx)).await {
                mover.end().await;
                return;
            }
            later.begin();
            mover.inputs().add(second);
            poll_fn(|cx| mover.poll(cx)).await;
            mover.end().await;
        });
        upstream.build(build, tx);
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline.hold(1);
        let at = outline.node("chain", Kind::Join);
        outline_input(&self.other, at, "chain", outline);
        outline_input(&self.upstream, at, "chain", outline);
    }
}
