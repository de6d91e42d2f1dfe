//! A flow whose type does not tell how it was made.

use std::fmt;

use super::Flow;
use crate::lineage::Lineage;
use crate::plan::{Build, Outline};
use crate::push::{Outlet, Push};

/// A flow of `T`, as a type that one can write down. What every stage that awaits returns.
///
/// ```
/// use taktline_core::flow::{BoxFlow, Flow, iter};
///
/// fn evens() -> BoxFlow<u64> {
///     iter(0..10u64).filter(|x| x % 2 == 0).boxed()
/// }
///
/// let plan = evens().count();
/// assert_eq!(plan.bound(), 1);
/// ```
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
pub struct BoxFlow<T, L = ()>(Box<dyn Erased<T, L>>);

impl<T: Send + 'static, L: Lineage> BoxFlow<T, L> {
    pub(crate) fn new(flow: impl Flow<Item = T, Lineage = L>) -> Self {
        BoxFlow(Box::new(flow))
    }
}

impl<T, L> Clone for BoxFlow<T, L> {
    fn clone(&self) -> Self {
        BoxFlow(self.0.clone_box())
    }
}

impl<T, L> fmt::Debug for BoxFlow<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxFlow")
    }
}

trait Erased<T, L>: Send {
    fn build_box(self: Box<Self>, build: &mut Build, next: Outlet<T, L>);
    fn outline_box(&self, outline: &mut Outline, next: usize);
    fn edge_buffer_box(&self) -> Option<usize>;
    fn clone_box(&self) -> Box<dyn Erased<T, L>>;
}

impl<F: Flow> Erased<F::Item, F::Lineage> for F {
    fn build_box(self: Box<Self>, build: &mut Build, next: Outlet<F::Item, F::Lineage>) {
        self.build(build, next);
    }

    fn outline_box(&self, outline: &mut Outline, next: usize) {
        self.outline(outline, next);
    }

    fn edge_buffer_box(&self) -> Option<usize> {
        self.edge_buffer()
    }

    fn clone_box(&self) -> Box<dyn Erased<F::Item, F::Lineage>> {
        Box::new(self.clone())
    }
}

impl<T: Send + 'static, L: Lineage> Flow for BoxFlow<T, L> {
    type Item = T;
    type Lineage = L;

    fn build<N: Push<T, L>>(self, build: &mut Build, next: N) {
        self.0.build_box(build, next.into_outlet());
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        self.0.outline_box(outline, next);
    }

    fn edge_buffer(&self) -> Option<usize> {
        self.0.edge_buffer_box()
    }

    fn boxed(self) -> Self {
        self
    }
}
