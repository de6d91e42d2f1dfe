//! When a task should publish what it has made, and yield to a neighbour that it has woken, before it computes on.
//!
//! A task that is woken by another sits where only the thread that woke it will run it (tokio's LIFO slot, which other
//! threads cannot steal from: tokio-rs/tokio#4941). If the waker then computes for long, the two run in turn on one core. A
//! yield lets the woken one run here, or the yielding one elsewhere. It costs about as much as a wake, so it is done only
//! where items are not known to be cheap. The clock is read at wakes, and once for many items, never for each.

use std::time::Duration;

use crate::runtime::{Instant, Rt};

/// Items that cost no more than this are not worth a yield, nor a lock for each of their outputs.
const CHEAP: Duration = Duration::from_micros(1);

/// Items after which the clock is read where nobody was woken: what they cost is worth knowing, too.
const SAMPLE: u32 = 16;

/// A decayed maximum of what an item costs, and what was woken since.
pub(crate) struct Pace {
    mark: Instant,
    items: u32,
    /// Unknown at first: that counts as dear.
    cost: Option<Duration>,
    has_woken: bool,
}

impl Pace {
    pub(crate) fn new(rt: &Rt) -> Pace {
        Pace { mark: rt.now(), items: 0, cost: None, has_woken: false }
    }

    /// A body begins that is measured by itself, without what its stage does for it.
    pub(crate) fn begin(&mut self, rt: &Rt) {
        self.mark = rt.now();
        self.items = 0;
    }

    /// The body that [has begun](Self::begin) has ended without a wait.
    pub(crate) fn end(&mut self, rt: &Rt) {
        self.items = 1;
        self.sample(rt);
    }

    /// A body has ended without a wait.
    pub(crate) fn item(&mut self) {
        self.items += 1;
    }

    /// Time was spent waiting until `now`, or others have run: that is no cost of an item.
    pub(crate) fn waited(&mut self, now: Instant) {
        self.mark = now;
        self.items = 0;
        self.has_woken = false;
    }

    pub(crate) fn woke(&mut self, has_woken: bool) {
        self.has_woken |= has_woken;
    }

    /// Whether items are known to cost so little that outputs may be kept back until there are several. Nobody may wait for
    /// an output while a body computes for long.
    pub(crate) fn is_cheap(&self) -> bool {
        self.cost.is_some_and(|cost| cost <= CHEAP)
    }

    /// Like [`is_cheap`](Self::is_cheap), with a look at the clock once in a while.
    pub(crate) fn is_still_cheap(&mut self, rt: &Rt) -> bool {
        if self.items >= SAMPLE {
            self.sample(rt);
        }
        self.is_cheap()
    }

    /// Whether to yield before the next body.
    pub(crate) fn should_yield(&mut self, rt: &Rt) -> bool {
        let has_woken = std::mem::take(&mut self.has_woken);
        if has_woken || self.items >= SAMPLE {
            self.sample(rt);
        }
        has_woken && !self.is_cheap()
    }

    fn sample(&mut self, rt: &Rt) {
        let now = rt.now();
        if self.items > 0 {
            let sample = now.duration_since(self.mark) / self.items;
            let faded = self.cost.unwrap_or_default();
            self.cost = Some(sample.max(faded - faded / 8));
            self.items = 0;
        }
        self.mark = now;
    }
}
