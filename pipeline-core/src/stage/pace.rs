//! When a task should publish what it has made, and let a neighbour that it has woken run, before it computes on.
//!
//! A task that is woken by another sits where only the thread that woke it will run it (tokio's LIFO slot, which other
//! threads cannot steal from: tokio-rs/tokio#4941). If the waker then computes for long, the two run in turn on one core. So
//! before it does, the runtime is told to let other threads have what was woken, and after a while the task yields, for a
//! runtime with one thread. A yield for each item would be worse than none where there are several: the two would follow
//! each other on one thread, since each item takes less time than another thread needs to wake up.
//!
//! The clock is read at wakes of dear items and before waits, and else once for many items, never for each.

use std::sync::Arc;
use std::time::Duration;

use super::worker::Site;
use crate::ledger::{SAMPLED, ns};
use crate::run::Node;
use crate::runtime::{Instant, Rt};

/// Items that cost no more than this are not worth a yield, nor a lock for each of their outputs.
const CHEAP: Duration = Duration::from_micros(1);

/// Items after which their cost counts as known. Who was woken before is shared with other threads, whatever it costs.
const KNOWN: u32 = 16;

/// Cheap items after which the clock is read: they may have become dear.
const SAMPLE: u32 = 64;

/// What waking somebody may take on top of the items: that of a thread is a system call.
const WAKE: Duration = Duration::from_micros(3);

/// How long a neighbour that was woken waits for a turn on this thread.
const PATIENCE: Duration = Duration::from_micros(100);

/// A decayed maximum of what an item costs, and what was woken since.
pub(crate) struct Pace {
    mark: Instant,
    items: u32,
    cost: Duration,
    /// Items that are left until the cost is known. Till then it counts as dear.
    unknown: u32,
    /// Whether items are known to cost so little that outputs may be kept back until there are several. Nobody may wait for
    /// an output while a body computes for long.
    is_cheap: bool,
    has_woken: bool,
    /// Since when this task has run without a break.
    turn: Instant,
    /// Whether somebody was woken in this turn.
    owes_turn: bool,
    /// The stage whose books are told what its items cost, if the items are a stage's.
    stage: Option<Arc<Node>>,
    /// Measurements of bodies that were ready at once, since one was told.
    untold: u32,
    /// Of the items since the mark, those that were told already: 1 for a body that had waited.
    told: u32,
}

impl Pace {
    pub(crate) fn new(rt: &Rt) -> Pace {
        let now = rt.now();
        Pace {
            mark: now,
            items: 0,
            cost: Duration::ZERO,
            unknown: KNOWN,
            is_cheap: false,
            has_woken: false,
            turn: now,
            owes_turn: false,
            stage: None,
            untold: 0,
            told: 0,
        }
    }

    /// For the bodies of a stage, which tells its books what they cost.
    pub(crate) fn of_stage(site: &Site) -> Pace {
        Pace { stage: Some(site.node.clone()), ..Pace::new(&site.run.rt) }
    }

    /// A body begins at `now` that is measured by itself, without what its stage does for it.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.restart(now);
    }

    /// The body that [has begun](Self::begin) has ended without a wait.
    pub(crate) fn end(&mut self, now: Instant) {
        self.items = 1;
        self.tell_sampled(now, 1);
        self.learn(now);
    }

    /// A body waits. What it costs is not to be mixed up with what others did that have ended without a wait.
    pub(crate) fn pend(&mut self, rt: &Rt) {
        if self.items > self.told {
            let now = rt.now();
            self.tell(now, self.items - self.told, 1);
            self.restart(now);
        }
    }

    /// A body has ended that [had waited](Self::pend).
    pub(crate) fn served(&mut self, now: Instant) {
        self.tell(now, 1, 1);
        self.waited(now);
        self.told = 1;
    }

    /// Tells one of several measurements, in the place of all of them.
    fn tell_sampled(&mut self, now: Instant, items: u32) {
        self.untold = (self.untold + 1) % SAMPLED;
        if self.untold == SAMPLED / 2 {
            self.tell(now, items, SAMPLED);
        }
    }

    /// So many items have been served since the mark, and count for `times` as many.
    fn tell(&self, now: Instant, items: u32, times: u32) {
        if let Some(stage) = &self.stage {
            let time = ns(now).saturating_sub(ns(self.mark));
            stage.counts.service.record_ns(time / u64::from(items), u64::from(items * times));
        }
    }

    /// The items that follow are measured from now on.
    fn restart(&mut self, now: Instant) {
        self.told = self.told.saturating_sub(self.items);
        (self.mark, self.items) = (now, 0);
    }

    /// A body has ended without a wait. Says whether it is time to [read the clock](Self::sample).
    pub(crate) fn item(&mut self) -> bool {
        self.items += 1;
        self.items >= SAMPLE
    }

    /// Time was spent waiting until `now`, or others have run: that is no cost of an item.
    pub(crate) fn waited(&mut self, now: Instant) {
        self.restart(now);
        self.has_woken = false;
        self.turn = now;
        self.owes_turn = false;
    }

    pub(crate) fn woke(&mut self, has_woken: bool) {
        self.has_woken |= has_woken;
    }

    /// Whoever was woken need not be thought of any more.
    pub(crate) fn forget_woken(&mut self) {
        self.has_woken = false;
    }

    /// See the field.
    pub(crate) fn is_cheap(&self) -> bool {
        self.is_cheap
    }

    /// Before the next body: shares what was woken with other threads if it may take long. Says whether to yield.
    pub(crate) fn should_yield(&mut self, rt: &Rt) -> bool {
        if !self.has_woken && !self.owes_turn && self.items < SAMPLE {
            return false;
        }
        let now = rt.now();
        self.sample(now);
        let has_woken = std::mem::take(&mut self.has_woken);
        if self.is_cheap {
            return false;
        }
        if has_woken {
            rt.share_woken();
            self.owes_turn = true;
        }
        self.owes_turn && now.duration_since(self.turn) >= PATIENCE
    }

    /// Learns from the items since the last call what one costs.
    pub(crate) fn sample(&mut self, now: Instant) {
        if self.items > self.told {
            let items = self.items - self.told;
            if self.is_cheap { self.tell_sampled(now, items) } else { self.tell(now, items, 1) }
        }
        self.learn(now);
    }

    fn learn(&mut self, now: Instant) {
        if self.items > 0 {
            let of_wake = if self.has_woken { WAKE } else { Duration::ZERO };
            let sample = now.duration_since(self.mark).saturating_sub(of_wake) / self.items;
            self.cost = sample.max(self.cost - self.cost / 8);
            self.unknown = self.unknown.saturating_sub(self.items);
            self.is_cheap = self.unknown == 0 && self.cost <= CHEAP;
        }
        self.restart(now);
    }
}
