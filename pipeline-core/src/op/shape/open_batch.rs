//! A batch that is being filled.

use crate::lineage::Lineage;
use crate::op::tasked::Given;

pub(super) struct OpenBatch<T, L: Lineage> {
    items: Vec<T>,
    parts: L::Parts,
    /// How long the last batch was: the next one may need as much memory.
    length: usize,
}

impl<T, L: Lineage> OpenBatch<T, L> {
    pub(super) fn new() -> Self {
        OpenBatch { items: Vec::new(), parts: L::Parts::default(), length: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn add(&mut self, item: T, lineage: L) {
        if self.items.is_empty() {
            self.items.reserve_exact(self.length);
        }
        self.items.push(item);
        lineage.add_to(&mut self.parts);
    }

    /// The batch, and a new one that is empty.
    pub(super) fn give(&mut self) -> Given<Vec<T>, L> {
        self.length = self.items.len();
        let output = std::mem::take(&mut self.items);
        Given { output, lineage: L::batch(std::mem::take(&mut self.parts)), items: self.length as u64 }
    }
}
