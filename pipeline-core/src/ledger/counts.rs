//! The counters of one stage while it runs.
//!
//! All of them only rise. What is waiting, in work or finished is the difference of two of them, so a reading needs no
//! lock. A writer adds at the points where it synchronises anyway, never for each item that is ready at once.
//!
//! A writer counts an item's steps in their order, each with a release; a reader reads them in the opposite order, each
//! with an acquire. So a reading that is made while the run goes on balances, too.
//!
//! No decision reads a count, so atomics and locks are std's also where those of `sync.rs` are not: each would be a step of
//! the schedule.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::histogram::Histogram;
use super::time::{Spell, Spending, Spent, ns};
use crate::error::Fate;
use crate::runtime::Instant;

/// A counter that only rises.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, n: u64) {
        if n > 0 {
            self.0.fetch_add(n, Ordering::Release);
        }
    }

    pub(crate) fn raise_to(&self, n: u64) {
        // Most calls raise nothing, and then a load is enough.
        if self.0.load(Ordering::Relaxed) < n {
            self.0.fetch_max(n, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Accepted by the stage's edge.
    pub(crate) accepted: Count,
    /// Bodies that were started.
    pub(crate) started: Count,
    /// Bodies that have ended, in whatever way.
    pub(crate) ended: Count,
    pub(crate) done: Count,
    pub(crate) filtered: Count,
    pub(crate) failed: Count,
    pub(crate) skipped: Count,
    pub(crate) dead_lettered: Count,
    pub(crate) retried: Count,
    /// Thrown away after they were started, by a policy that was asked for.
    pub(crate) dropped: Count,
    /// Cut after they were started.
    pub(crate) abandoned: Count,
    /// Cut before they were started.
    pub(crate) abandoned_waiting: Count,
    /// Thrown away by a policy that was asked for, before they were started.
    pub(crate) dropped_waiting: Count,
    pub(crate) out: Count,
    pub(crate) edge_peak: Count,
    pub(crate) work_peak: Count,
    pub(crate) window_peak: Count,
    pub(crate) workers: Count,
    /// Places of the edges before the stage.
    pub(crate) places: Count,
    spent_ns: [Count; Spent::KINDS],
    /// What the task of the node does, if it has one.
    pub(super) spell: Spell,
    /// What each of its workers does, if it has several.
    spells: Mutex<Vec<Arc<Spell>>>,
    /// Whether the task that moves results on for workers waits for room. Set for a pool.
    exit: OnceLock<Spell>,
    /// When workers that waited for room in the window of their pool were found to wait for input; a nanosecond later, so
    /// that 0 is never.
    pub(super) room_until: AtomicU64,
    /// When the last task of the node ended; 0 while one has not.
    over_at: AtomicU64,
    /// From a wake by new input to the poll that it asked for, of a sample.
    late_ns: Count,
    /// From the start of a body to its end.
    pub(crate) service: Histogram,
    /// From the arrival in the edge to the start of the body.
    pub(crate) queue: Histogram,
}

/// Of so many times that items are handed over, one is measured.
pub(crate) const SAMPLED: u32 = 16;

impl Counts {
    /// So many items have failed or were dropped, with one fate.
    pub(crate) fn fail(&self, items: u64, fate: Fate) {
        match fate {
            Fate::Fails => {}
            Fate::Skipped => self.skipped.add(items),
            Fate::DeadLettered => self.dead_lettered.add(items),
            Fate::Dropped => return self.dropped.add(items),
        }
        self.failed.add(items);
    }

    /// How far all items have come. It only rises.
    pub(crate) fn moved(&self) -> u64 {
        let ends = [&self.done, &self.failed, &self.dropped, &self.abandoned, &self.abandoned_waiting];
        let steps = [&self.accepted, &self.started, &self.ended, &self.retried, &self.out, &self.dropped_waiting];
        ends.into_iter().chain(steps).map(Count::get).sum()
    }

    /// The number of the oldest item that waits: how many were started before.
    pub(crate) fn oldest_waiting(&self) -> Option<u64> {
        let started = self.started.get();
        let gone = started + self.abandoned_waiting.get() + self.dropped_waiting.get();
        (self.accepted.get() > gone).then_some(started)
    }

    pub(crate) fn spend(&self, on: Spent, time: Duration) {
        self.time(on).add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn time(&self, on: Spent) -> &Count {
        &self.spent_ns[on.index()]
    }

    /// What was spent until now, with what goes on.
    pub(super) fn spending(&self, now: Instant) -> Spending {
        let mut spending = Spending::of(self.spent_ns.each_ref().map(Count::get));
        let room_until = self.room_until.load(Ordering::Relaxed);
        spending.add_spell(&self.spell, now, room_until);
        self.exit.get().into_iter().for_each(|exit| spending.add_spell(exit, now, room_until));
        self.spells().iter().for_each(|spell| spending.add_spell(spell, now, room_until));
        spending
    }

    /// What each of several workers does. Locked as one begins or ends, and to be read.
    pub(super) fn spells(&self) -> MutexGuard<'_, Vec<Arc<Spell>>> {
        self.spells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The spell of a task that moves results on for workers.
    pub(crate) fn exit(&self) -> &Spell {
        self.exit.get_or_init(Spell::default)
    }

    /// Whether results are moved on by a task of their own.
    pub(super) fn has_exit(&self) -> bool {
        self.exit.get().is_some()
    }

    /// Workers that waited for room in their window wait for input from now on.
    pub(crate) fn has_room(&self, now: Instant) {
        self.room_until.store(ns(now).saturating_add(1), Ordering::Relaxed);
    }

    /// The last task of the node has ended.
    pub(crate) fn is_over(&self, now: Instant) {
        self.over_at.store(ns(now).max(1), Ordering::Relaxed);
    }

    /// A new task of the node begins.
    pub(crate) fn goes_on(&self) {
        self.over_at.store(0, Ordering::Relaxed);
    }

    /// For how long no task of the node has been left; zero while one is.
    pub(super) fn over_for(&self, now: Instant) -> Duration {
        match self.over_at.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => Duration::from_nanos(ns(now).saturating_sub(since)),
        }
    }

    /// A task was polled so long after new input had woken it. Called for one of [`SAMPLED`].
    pub(crate) fn was_late(&self, by: Duration) {
        self.late_ns.add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX));
    }

    /// For how long tasks were ready and not polled, as the sample tells.
    pub(super) fn late(&self) -> Duration {
        Duration::from_nanos(self.late_ns.get().saturating_mul(u64::from(SAMPLED)))
    }
}

/// What a task counts for itself, to be shown where it synchronises anyway.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) now: Steps,
    /// What was shown last.
    shown: Steps,
}

/// How many items have come how far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps {
    pub(crate) started: u64,
    pub(crate) ended: u64,
    pub(crate) done: u64,
    pub(crate) filtered: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    pub(crate) dropped: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) out: u64,
}

impl Tally {
    /// An item has failed or was dropped.
    pub(crate) fn fail(&mut self, fate: Fate) {
        match fate {
            Fate::Fails => {}
            Fate::Skipped => self.now.skipped += 1,
            Fate::DeadLettered => self.now.dead_lettered += 1,
            Fate::Dropped => {
                self.now.dropped += 1;
                return;
            }
        }
        self.now.failed += 1;
    }

    /// How many were dropped since the last time that they were shown.
    pub(crate) fn dropped(&self) -> u64 {
        self.now.dropped - self.shown.dropped
    }

    pub(crate) fn flush(&mut self, counts: &Counts) {
        let Tally { now, shown } = self;
        counts.started.add(now.started - shown.started);
        counts.ended.add(now.ended - shown.ended);
        counts.out.add(now.out - shown.out);
        counts.done.add(now.done - shown.done);
        counts.filtered.add(now.filtered - shown.filtered);
        counts.failed.add(now.failed - shown.failed);
        counts.skipped.add(now.skipped - shown.skipped);
        counts.dropped.add(now.dropped - shown.dropped);
        counts.dead_lettered.add(now.dead_lettered - shown.dead_lettered);
        shown.clone_from(now);
    }
}
