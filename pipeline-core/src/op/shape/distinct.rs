//! Each item once, as far as a bounded memory tells.

use std::collections::VecDeque;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};

use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused::pass_on;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::Push;

fused_flow! {
    /// The flow of [`distinct`](crate::flow::ShapeExt::distinct).
    Distinct<P> { limit: usize }
}

impl<P> Flow for Distinct<P>
where
    P: Flow,
    P::Item: Hash + Eq + Clone,
{
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "distinct");
        self.upstream.build(build, DistinctPush { memory: Memory::new(self.limit), next, count });
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        if self.limit == 0 {
            outline.problem("`distinct(0)` can remember no item; give it 1 or more".to_owned());
        }
        outline.fused("distinct");
        self.upstream.outline(outline, next);
    }
}

struct DistinctPush<T, N> {
    memory: Memory<T>,
    next: N,
    count: FusedCount,
}

impl<T, L, N> Push<T, L> for DistinctPush<T, N>
where
    T: Hash + Eq + Clone + Send + 'static,
    L: Lineage,
    N: Push<T, L>,
{
    fn push(&mut self, item: T, lineage: L) {
        if self.count.call(|| self.memory.is_new(&item)) {
            self.count.out();
            self.next.push(item, lineage);
        } else {
            self.count.drop(item);
            self.count.filtered();
        }
    }

    pass_on!();
}

#[allow(clippy::disallowed_types, reason = "the hasher is not random")]
type Known<T> = std::collections::HashSet<T, BuildHasherDefault<DefaultHasher>>;

/// The items that were seen last, each once.
struct Memory<T> {
    limit: usize,
    known: Known<T>,
    /// In the order in which they are forgotten.
    order: VecDeque<T>,
}

impl<T: Hash + Eq + Clone> Memory<T> {
    fn new(limit: usize) -> Self {
        Memory { limit, known: Known::default(), order: VecDeque::new() }
    }

    fn is_new(&mut self, item: &T) -> bool {
        if self.known.contains(item) {
            return false;
        }
        if self.order.len() >= self.limit {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
        self.order.push_back(item.clone());
        self.known.insert(item.clone());
        true
    }
}
