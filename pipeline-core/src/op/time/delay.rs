//! Items, so much later.

use std::collections::VecDeque;
use std::time::Duration;

use crate::error::BoxError;
use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused_flow;
use crate::op::tasked::{self, Books, Due, Given, Tasked};
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::runtime::Instant;

fused_flow! {
    /// The flow of [`delay`](crate::flow::TimeExt::delay).
    Delay<P> { time: Duration }
}

impl<P: Flow> Flow for Delay<P> {
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let Delay { upstream, time } = self;
        let places = tasked::room_before(&upstream);
        tasked::build(upstream, build, next, "delay", move |_| Delayed { time, places, items: VecDeque::new() });
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        tasked::outline(&self.upstream, outline, "delay", tasked::room_before(&self.upstream));
    }
}

struct Delayed<T, L> {
    time: Duration,
    places: usize,
    /// With the instants at which they go on.
    items: VecDeque<(Instant, T, L)>,
}

impl<T: Send + 'static, L: Lineage> Tasked<T, L> for Delayed<T, L> {
    type Out = T;

    fn wants(&self) -> bool {
        self.items.len() < self.places
    }

    fn take(&mut self, item: T, lineage: L, books: &mut Books<'_>) -> Result<(), BoxError> {
        self.items.push_back((books.now() + self.time, item, lineage));
        Ok(())
    }

    fn due(&self) -> Due {
        self.items.front().map_or(Due::Never, |(at, ..)| Due::At(*at))
    }

    fn give(&mut self, _: Instant) -> Given<T, L> {
        let (_, output, lineage) = self.items.pop_front().expect("it is due only while it holds an item");
        Given { output, lineage, items: 1 }
    }

    /// What is held waits for its time.
    fn end(&mut self) {}
}
