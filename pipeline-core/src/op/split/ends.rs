//! What the branches of a split come to: pipelines whose values are gathered, or flows to be joined.

use std::fmt;

use super::deal::AnySplit;
use super::values::{self, Values};
use crate::flow::{BoxFlow, Flow};
use crate::lineage::Lineage;
use crate::op::{ZipAll, merge};
use crate::run::Pipeline;

/// A branch that ends in a sink: a [`Pipeline`], or a split whose branches all do. Programs do not implement it.
#[diagnostic::on_unimplemented(
    message = "this branch stays open, and those before it end in sinks",
    note = "end it in a sink: `|f| f.then(work()).sink(store())`",
    note = "or leave every branch open, and join them behind the last one with `.merge()`"
)]
pub trait EndedBranch {
    /// What the branch gives.
    type Value: Send + 'static;

    #[doc(hidden)]
    fn pipeline(self) -> Pipeline<Self::Value>;
}

impl<V: Send + 'static> EndedBranch for Pipeline<V> {
    type Value = V;

    fn pipeline(self) -> Pipeline<V> {
        self
    }
}

/// The branches of a split that was given some, with room for one more: either all end in sinks, or all stay open.
///
/// `B` is one more branch. `M` is inferred; no program names it. Programs do not implement it.
#[diagnostic::on_unimplemented(
    message = "`{B}` is no branch of a split",
    note = "a branch ends the flow that it is given in a sink, as in `|f| f.then(work()).sink(store())`, or leaves it open to be merged"
)]
pub trait Gather<B, M> {
    /// The branches with this one.
    type And;

    #[doc(hidden)]
    fn and(self, branch: B) -> Self::And;
}

/// A branch that stays open and yields `U`. Programs do not implement it.
#[diagnostic::on_unimplemented(
    message = "this branch has to stay open and to yield `{U}`, like those before it",
    note = "leave it open, and join all branches behind the last one with `.merge()`",
    note = "or end every branch in a sink: `|f| f.then(work()).sink(store())`"
)]
pub trait OpenBranch<U, M> {
    #[doc(hidden)]
    fn flow(self) -> BoxFlow<U, M>;
}

#[diagnostic::do_not_recommend]
impl<F: Flow> OpenBranch<F::Item, F::Lineage> for F {
    fn flow(self) -> BoxFlow<F::Item, F::Lineage> {
        self.boxed()
    }
}

/// No branch yet.
#[derive(Clone, Debug)]
pub struct NoBranch;

/// Branches that stay open and yield `U`.
pub struct OpenBranches<U, M> {
    flows: Vec<BoxFlow<U, M>>,
}

/// Marker: a branch that ends in a sink.
#[doc(hidden)]
#[derive(Debug)]
pub struct Ended;

/// Marker: a branch that stays open.
#[doc(hidden)]
#[derive(Debug)]
pub struct Open;

impl<B: EndedBranch> Gather<B, Ended> for NoBranch {
    type And = Pipeline<(B::Value,)>;

    fn and(self, branch: B) -> Self::And {
        values::and(values::none(), branch.pipeline())
    }
}

impl<F: Flow> Gather<F, Open> for NoBranch {
    type And = OpenBranches<F::Item, F::Lineage>;

    fn and(self, branch: F) -> Self::And {
        OpenBranches { flows: vec![branch.boxed()] }
    }
}

impl<V: Values<B::Value>, B: EndedBranch> Gather<B, Ended> for Pipeline<V> {
    type And = Pipeline<V::And>;

    fn and(self, branch: B) -> Self::And {
        values::and(self, branch.pipeline())
    }
}

impl<U, M, B: OpenBranch<U, M>> Gather<B, Open> for OpenBranches<U, M> {
    type And = Self;

    fn and(mut self, branch: B) -> Self {
        self.flows.push(branch.flow());
        self
    }
}

/// All branches of a split. Programs do not implement it.
pub trait Gathered {
    /// What the split is with them: a [`Pipeline`], or [`Branches`] to be joined.
    type Split;

    #[doc(hidden)]
    fn close(self, split: AnySplit) -> Self::Split;
}

impl<V: Send + 'static> Gathered for Pipeline<V> {
    type Split = Pipeline<V>;

    fn close(self, split: AnySplit) -> Pipeline<V> {
        split.closed(self)
    }
}

impl<U, M> Gathered for OpenBranches<U, M> {
    type Split = Branches<U, M>;

    fn close(self, split: AnySplit) -> Branches<U, M> {
        Branches { split, flows: self.flows }
    }
}

/// What each of several branches of one type may be: a pipeline, or a flow that stays open.
///
/// `M` is inferred; no program names it. Programs do not implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no branch of a split",
    note = "a branch ends the flow that it is given in a sink, as in `|_, f| f.then(work()).sink(store())`, or leaves it open to be merged"
)]
pub trait EachBranch<M>: Sized {
    /// What the split is with its branches: a [`Pipeline`] of a `Vec` of their values, or [`Branches`] to be joined.
    type Split;

    #[doc(hidden)]
    fn close(branches: Vec<Self>, split: AnySplit) -> Self::Split;
}

impl<B: EndedBranch> EachBranch<Ended> for B {
    type Split = Pipeline<Vec<B::Value>>;

    fn close(branches: Vec<Self>, split: AnySplit) -> Self::Split {
        split.closed(values::all(branches.into_iter().map(EndedBranch::pipeline).collect()))
    }
}

impl<F: Flow> EachBranch<Open> for F {
    type Split = Branches<F::Item, F::Lineage>;

    fn close(branches: Vec<Self>, split: AnySplit) -> Self::Split {
        Branches { split, flows: branches.into_iter().map(Flow::boxed).collect() }
    }
}

/// The branches of a split that all stay open: [`merge`](Self::merge) or [`zip`](Self::zip) joins them.
#[must_use = "branches that stay open have to be joined"]
pub struct Branches<U, M = ()> {
    split: AnySplit,
    flows: Vec<BoxFlow<U, M>>,
}

impl<U: Send + 'static, M: Lineage> Branches<U, M> {
    /// The flow of what all branches yield: fair, and each branch in its own order, as of [`merge`](fn@crate::op::merge).
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let flow = iter(0..9u64).balance(3, |_, f| f.then(|x| async move { x + 1 })).merge();
    /// assert_eq!(flow.fold(0, |sum, x| sum + x).run().await?.value, 45);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn merge(self) -> BoxFlow<U, M> {
        self.split.joined(merge(self.flows))
    }

    /// The flow of lists with one item of each branch, in the order of the branches. It ends with the first branch that ends.
    ///
    /// Behind a broadcast all branches have to yield the same number of items. A branch that [filters](Flow::filter) gets
    /// behind: the others wait in their edges for its next item, and once one of those edges is full, the broadcast gives
    /// nothing to any branch, and nothing moves any more. [`on_stall`](Pipeline::on_stall) tells of it.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let flow = iter(1..4u64).broadcast().to(|f| f.then(|x| async move { x * x })).to(|f| f.map(|x| x + 1)).zip();
    /// assert_eq!(flow.collect::<Vec<_>>().run().await?.value, [[1, 2], [4, 3], [9, 4]]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn zip(self) -> BoxFlow<Vec<U>, M> {
        self.split.joined(ZipAll { flows: self.flows })
    }
}

impl<U, M> Clone for OpenBranches<U, M> {
    fn clone(&self) -> Self {
        OpenBranches { flows: self.flows.clone() }
    }
}

impl<U, M> Clone for Branches<U, M> {
    fn clone(&self) -> Self {
        Branches { split: self.split.clone(), flows: self.flows.clone() }
    }
}

impl<U, M> fmt::Debug for OpenBranches<U, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenBranches").field("branches", &self.flows.len()).finish()
    }
}

impl<U, M> fmt::Debug for Branches<U, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Branches").field("branches", &self.flows.len()).finish()
    }
}
