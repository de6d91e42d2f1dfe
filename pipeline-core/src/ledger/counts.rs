//! The counters of one stage while it runs.
//!
//! All of them only rise. What is waiting, in work or finished is the difference of two of them, so a reading needs no
//! lock. A writer adds at the points where it synchronises anyway, never for each item that is ready at once.
//!
//! A writer counts an item's steps in their order, each with a release; a reader reads them in the opposite order, each
//! with an acquire. So a reading that is made while the run goes on balances, too.
//!
//! No decision reads a count, so the atomics are std's also where those of `sync.rs` are not: each would be a step of the
//! schedule.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::Fate;

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
    busy_ns: Count,
    input_wait_ns: Count,
    room_wait_ns: Count,
}

/// Where the time of a worker goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    Busy,
    WaitingForInput,
    WaitingForRoom,
}

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

    pub(crate) fn spent(&self, on: Spent) -> Duration {
        Duration::from_nanos(self.time(on).get())
    }

    fn time(&self, on: Spent) -> &Count {
        match on {
            Spent::Busy => &self.busy_ns,
            Spent::WaitingForInput => &self.input_wait_ns,
            Spent::WaitingForRoom => &self.room_wait_ns,
        }
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
