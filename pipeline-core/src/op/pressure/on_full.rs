//! Buffers that do not wait when they are full.

use std::collections::VecDeque;

use crate::error::{BoxError, Overflow};
use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused_flow;
use crate::op::tasked::{self, Books, Due, Given, Tasked};
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::runtime::Instant;

/// What a full [`buffer`](Flow::buffer) does when one more item comes: see [`on_full`](crate::op::Buffer::on_full).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnFull {
    /// Upstream waits, as it does without a policy.
    Wait,
    /// The item that has waited longest is thrown away.
    DropOldest,
    /// The item that comes is thrown away.
    DropNewest,
    /// The run fails with an [`Overflow`], once what has waited has moved on.
    Fail,
}

fused_flow! {
    /// The flow of [`on_full`](crate::op::Buffer::on_full).
    BufferOnFull<P> { items: usize, policy: OnFull }
}

impl<P: Flow> Flow for BufferOnFull<P> {
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let BufferOnFull { upstream, items, policy } = self;
        match policy {
            OnFull::Wait => upstream.build(build, next),
            _ => tasked::build(upstream, build, next, "buffer", move |_| Queue::new(items, policy)),
        }
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        if self.items == 0 {
            outline.problem("`buffer(0)` has no place for an item; give it 1 or more".to_owned());
        }
        match self.policy {
            OnFull::Wait => self.upstream.outline(outline, next),
            // One more for as long as it takes the place of another one.
            _ => tasked::outline(&self.upstream, outline, "buffer", self.items.saturating_add(1)),
        }
    }

    fn edge_buffer(&self) -> Option<usize> {
        if self.policy == OnFull::Wait { Some(self.items) } else { Some(1) }
    }
}

fused_flow! {
    /// The flow of [`latest`](crate::flow::PressureExt::latest).
    Latest<P> {}
}

impl<P: Flow> Flow for Latest<P> {
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        tasked::build(self.upstream, build, next, "latest", |_| Queue::new(1, OnFull::DropOldest));
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        tasked::outline(&self.upstream, outline, "latest", 2);
    }

    fn edge_buffer(&self) -> Option<usize> {
        Some(1)
    }
}

struct Queue<T, L> {
    places: usize,
    policy: OnFull,
    items: VecDeque<(T, L)>,
}

impl<T, L> Queue<T, L> {
    fn new(places: usize, policy: OnFull) -> Self {
        Queue { places, policy, items: VecDeque::new() }
    }
}

impl<T: Send + 'static, L: Lineage> Tasked<T, L> for Queue<T, L> {
    type Out = T;

    fn wants(&self) -> bool {
        self.policy != OnFull::Wait || self.items.len() < self.places
    }

    fn take(&mut self, item: T, lineage: L, books: &mut Books<'_>) -> Result<(), BoxError> {
        let is_full = self.items.len() >= self.places;
        match self.policy {
            OnFull::DropNewest if is_full => books.drop((item, lineage)),
            OnFull::Fail if is_full => return Err(Box::new(Overflow::new(self.places))),
            _ => {
                let oldest = if is_full { self.items.pop_front() } else { None };
                self.items.push_back((item, lineage));
                if let Some(oldest) = oldest {
                    books.drop(oldest);
                }
            }
        }
        Ok(())
    }

    fn due(&self) -> Due {
        if self.items.is_empty() { Due::Never } else { Due::Now }
    }

    fn give(&mut self, _: Instant) -> Given<T, L> {
        Given::one(self.items.pop_front())
    }

    /// What is held is due already.
    fn end(&mut self) {}
}
