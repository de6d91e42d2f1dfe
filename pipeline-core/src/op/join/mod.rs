//! Joins: several flows to one.
//!
//! A join has an edge for each input and a task, the [`Mover`], that moves what it makes of their items on into the next edge
//! as soon as there is room. What an operator takes and when is told by its [`Inputs`].
//!
//! An item that a join has looked at and not used yet still waits, and keeps its place in the edge ([`Head`]).

mod head;
mod interleave;
mod mover;
mod sorted;
mod zip;
mod zip_all;
mod zip_latest;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use head::Head;
pub use interleave::{Interleave, interleave};
pub(crate) use mover::{Fate, Mover};
pub use sorted::{MergeSorted, merge_sorted};
pub use zip::Zip;
pub(crate) use zip_all::ZipAll;
pub use zip_latest::ZipLatest;

use crate::describe::At;
use crate::edge::{DEFAULT_BUFFER, Rx, edge};
use crate::flow::Flow;
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::plan::{Build, Outline};
use crate::push::{Ending, Push};
use crate::run::Stop;
use crate::stage::Site;

/// What a join takes its items from.
pub(crate) trait Inputs: Send + 'static {
    type Item: Send + 'static;
    type Lineage: Lineage;

    /// Whether nothing will come any more.
    fn is_over(&self) -> bool;

    /// Takes the next items, for which there is room.
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Taken<Self::Item, Self::Lineage>>;

    /// Gives back the places of what was taken, before every wait.
    fn release(&mut self);

    /// Reads no more.
    fn close(&mut self, reason: Stop);
}

/// What a join has taken.
pub(crate) enum Taken<T, L> {
    /// Nothing this time; it may be over.
    Nothing,
    /// An item of which nothing is made now.
    Kept,
    /// Nothing follows, unless something is added before the reader is told.
    Quiet(Arc<dyn Ending>),
    /// Something that was made `from` so many items.
    Made { item: T, lineage: L, from: u64 },
}

/// Makes the edge of one input of a join, and builds what is before it.
pub(crate) fn input<F: Flow>(flow: F, build: &mut Build, site: &Site) -> Rx<F::Item, F::Lineage> {
    let (tx, rx) = edge(flow.edge_buffer().unwrap_or(DEFAULT_BUFFER), &site.node);
    flow.build(build, tx);
    rx
}

/// Says the edge of an input of the join `name`, which is `at`, and what is before it.
pub(crate) fn outline_input<F: Flow>(flow: &F, at: At, name: &str, outline: &mut Outline) {
    let buffer = flow.edge_buffer().unwrap_or(DEFAULT_BUFFER);
    outline.edge(at, name, buffer);
    flow.outline(outline, buffer);
}

/// Makes the task of a join, with the inputs that `inputs` builds. Gives where it is.
pub(crate) fn join<I, N>(
    name: &str,
    build: &mut Build,
    mut next: N,
    inputs: impl FnOnce(&mut Build, &Site) -> I,
) -> Site
where
    I: Inputs,
    N: Push<I::Item, I::Lineage>,
{
    let site = build.site(name, Kind::Join);
    next.bind(&site.node);
    let inputs = inputs(build, &site);
    let mut mover = Mover::new(inputs, next, site.clone());
    build.task(&site, async move {
        poll_fn(|cx| mover.poll(cx)).await;
        mover.end().await;
    });
    site
}
