//! Items in the order of their numbers.

use std::collections::BTreeMap;

use crate::error::{BoxError, OutOfSequence};
use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused_flow;
use crate::op::tasked::{self, Books, Due, Given, Tasked};
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::runtime::Instant;

fused_flow! {
    /// The flow of [`resequence`](crate::flow::OrderExt::resequence).
    Resequence<P, F> { number: F }
}

impl<P, F> Flow for Resequence<P, F>
where
    P: Flow,
    F: FnMut(&P::Item) -> u64 + Clone + Send + 'static,
{
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let Resequence { upstream, number } = self;
        let places = tasked::room_before(&upstream);
        let make =
            move |_| Sequence { number, places, next: 0, held: BTreeMap::new(), has_ended: false, is_broken: false };
        tasked::build(upstream, build, next, "resequence", make);
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        // One more: the item that all the others wait for.
        let holds = tasked::room_before(&self.upstream).saturating_add(1);
        tasked::outline(&self.upstream, outline, "resequence", holds);
    }
}

struct Sequence<T, L, F> {
    number: F,
    places: usize,
    /// The number that is to move on next.
    next: u64,
    held: BTreeMap<u64, (T, L)>,
    has_ended: bool,
    /// An item had no place in the order: those behind it do not go on.
    is_broken: bool,
}

impl<T, L, F> Sequence<T, L, F> {
    fn is_next_here(&self) -> bool {
        self.held.first_key_value().is_some_and(|(number, _)| *number == self.next)
    }
}

impl<T, L, F> Tasked<T, L> for Sequence<T, L, F>
where
    T: Send + 'static,
    L: Lineage,
    F: FnMut(&T) -> u64 + Send + 'static,
{
    type Out = T;

    fn wants(&self) -> bool {
        self.held.len() < self.places || !self.is_next_here()
    }

    fn take(&mut self, item: T, lineage: L, _: &mut Books<'_>) -> Result<(), BoxError> {
        let number = (self.number)(&item);
        let is_too_late = number < self.next || self.held.contains_key(&number);
        let is_too_early = number != self.next && self.held.len() >= self.places;
        if is_too_late || is_too_early {
            self.is_broken = true;
            return Err(Box::new(OutOfSequence::new(number, self.next)));
        }
        self.held.insert(number, (item, lineage));
        Ok(())
    }

    fn due(&self) -> Due {
        let is_due = self.is_next_here() || self.has_ended && !self.is_broken && !self.held.is_empty();
        if is_due { Due::Now } else { Due::Never }
    }

    fn give(&mut self, _: Instant) -> Given<T, L> {
        let first = self.held.pop_first();
        self.next = first.as_ref().map_or(self.next, |(number, _)| number.saturating_add(1));
        Given::one(first.map(|(_, item)| item))
    }

    fn end(&mut self) {
        self.has_ended = true;
    }
}
