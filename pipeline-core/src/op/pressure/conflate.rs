//! One item made of those that found no room.

use crate::error::BoxError;
use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused_flow;
use crate::op::tasked::{self, Books, Due, Given, Tasked};
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::runtime::Instant;

fused_flow! {
    /// The flow of [`conflate`](crate::flow::PressureExt::conflate).
    Conflate<P, F> { f: F }
}

impl<P, F> Flow for Conflate<P, F>
where
    P: Flow,
    F: FnMut(P::Item, P::Item) -> P::Item + Clone + Send + 'static,
{
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let Conflate { upstream, f } = self;
        tasked::build(upstream, build, next, "conflate", move |_| Conflated { f, held: None });
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        // Two for as long as one is made of them.
        tasked::outline(&self.upstream, outline, "conflate", 2);
    }

    fn edge_buffer(&self) -> Option<usize> {
        Some(1)
    }
}

struct Conflated<T, L, F> {
    f: F,
    held: Option<Given<T, L>>,
}

impl<T, L, F> Tasked<T, L> for Conflated<T, L, F>
where
    T: Send + 'static,
    L: Lineage,
    F: FnMut(T, T) -> T + Send + 'static,
{
    type Out = T;

    fn wants(&self) -> bool {
        true
    }

    fn take(&mut self, item: T, lineage: L, _: &mut Books<'_>) -> Result<(), BoxError> {
        self.held = Some(match self.held.take() {
            None => Given { output: item, lineage, items: 1 },
            Some(Given { output, lineage: mut former, items }) => {
                former.join(lineage);
                Given { output: (self.f)(output, item), lineage: former, items: items + 1 }
            }
        });
        Ok(())
    }

    fn due(&self) -> Due {
        if self.held.is_some() { Due::Now } else { Due::Never }
    }

    fn give(&mut self, _: Instant) -> Given<T, L> {
        self.held.take().expect("it is due only while something is held")
    }

    /// What is held is due already.
    fn end(&mut self) {}
}
