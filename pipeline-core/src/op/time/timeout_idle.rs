//! Items, as long as they keep coming.

use std::time::Duration;

use crate::error::{BoxError, Idle};
use crate::flow::Flow;
use crate::lineage::Lineage;
use crate::op::fused_flow;
use crate::op::tasked::{self, Books, Due, Given, Tasked};
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::runtime::Instant;

fused_flow! {
    /// The flow of [`timeout_idle`](crate::flow::TimeExt::timeout_idle).
    TimeoutIdle<P> { time: Duration }
}

impl<P: Flow> Flow for TimeoutIdle<P> {
    type Item = P::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<P::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let TimeoutIdle { upstream, time } = self;
        let make = move |start: Instant| Watched { time, until: start + time, in_hand: None, has_ended: false };
        tasked::build(upstream, build, next, "timeout_idle", make);
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        tasked::outline(&self.upstream, outline, "timeout_idle", 1);
    }
}

struct Watched<T, L> {
    time: Duration,
    until: Instant,
    in_hand: Option<(T, L)>,
    has_ended: bool,
}

impl<T: Send + 'static, L: Lineage> Tasked<T, L> for Watched<T, L> {
    type Out = T;

    fn wants(&self) -> bool {
        self.in_hand.is_none()
    }

    fn take(&mut self, item: T, lineage: L, _: &mut Books<'_>) -> Result<(), BoxError> {
        self.in_hand = Some((item, lineage));
        Ok(())
    }

    fn due(&self) -> Due {
        match self.in_hand {
            Some(_) => Due::Now,
            None if self.has_ended => Due::Never,
            None => Due::Fails(self.until),
        }
    }

    fn give(&mut self, now: Instant) -> Given<T, L> {
        // While it had no room, upstream could not send.
        self.until = now + self.time;
        Given::one(self.in_hand.take())
    }

    fn end(&mut self) {
        self.has_ended = true;
    }

    fn error(&self) -> BoxError {
        Box::new(Idle::new(self.time))
    }
}
