//! Where the time of a node goes: what is booked already, and what each of its tasks does right now.
//!
//! A task reads the clock when it begins to wait and when it goes on, and never in between. So a long wait, or a long body,
//! is booked only at its end. What is going on is told by a *spell*: since when a task does what it does. A reader adds
//! the spells to what is booked.
//!
//! A turn shows the new spell before it books the former one, and a reader reads what is booked before it reads spells.
//! So no time is seen twice; between the two a reading lacks the former spell.
//!
//! No decision reads a spell, so the atomics are std's, as those of the counters are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Counts;
use crate::runtime::Instant;

/// Where time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    Busy = 1,
    WaitingForInput = 2,
    /// The next edge is full, or the window of a pool.
    WaitingForRoom = 3,
    /// A task that moves results on for workers waits for room: a time of the stage, and of no worker.
    Blocked = 4,
    /// Backoff, and attempts after the first. Busy at the same time.
    Retrying = 5,
}

impl Spent {
    pub(crate) const KINDS: usize = 5;

    pub(super) fn index(self) -> usize {
        self as usize - 1
    }

    fn from_code(code: u64) -> Option<Spent> {
        match code {
            1 => Some(Spent::Busy),
            2 => Some(Spent::WaitingForInput),
            3 => Some(Spent::WaitingForRoom),
            4 => Some(Spent::Blocked),
            _ => None,
        }
    }
}

/// How much time went where.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spending([u64; Spent::KINDS]);

impl Spending {
    pub(super) fn of(booked: [u64; Spent::KINDS]) -> Spending {
        Spending(booked)
    }

    pub(crate) fn on(&self, what: Spent) -> Duration {
        Duration::from_nanos(self.0[what.index()])
    }

    pub(crate) fn since(&self, earlier: &Spending) -> Spending {
        let mut left = *self;
        left.0.iter_mut().zip(earlier.0).for_each(|(ns, before)| *ns = ns.saturating_sub(before));
        left
    }

    /// Adds what goes on.
    pub(super) fn add_spell(&mut self, spell: &Spell, now: Instant, room_until: u64) {
        let code = spell.0.load(Ordering::Acquire);
        if let Some(what) = Spent::from_code(code & KIND) {
            self.add(what, code >> KIND_BITS, ns(now), room_until);
        }
    }

    fn add(&mut self, what: Spent, since: u64, now: u64, room_until: u64) {
        let input = waited_for_input(what, since, now, room_until);
        self.0[what.index()] += now.saturating_sub(since) - input;
        self.0[Spent::WaitingForInput.index()] += input;
    }
}

const KIND_BITS: u32 = 3;
const KIND: u64 = (1 << KIND_BITS) - 1;

/// What a task does, and since when. Only that task writes it.
#[derive(Debug, Default)]
pub(crate) struct Spell(AtomicU64);

impl Spell {
    pub(crate) fn begin(&self, what: Spent, now: Instant) {
        self.begin_at(what, ns(now));
    }

    fn begin_at(&self, what: Spent, now: u64) {
        self.0.store(now << KIND_BITS | what as u64, Ordering::Release);
    }

    pub(crate) fn end(&self) {
        self.0.store(0, Ordering::Release);
    }
}

/// The nanoseconds since the epoch: enough for five centuries, or for seventy years beside a kind.
pub(crate) fn ns(now: Instant) -> u64 {
    let time = now.since_epoch();
    time.as_secs().wrapping_mul(1_000_000_000).wrapping_add(u64::from(time.subsec_nanos()))
}

/// How much of a wait for room in the window of a pool was one for input, because there was room: the last part of it.
/// `room_until` is the nanosecond after the one in which there was room, or 0.
fn waited_for_input(what: Spent, since: u64, now: u64, room_until: u64) -> u64 {
    // Room that was found at the instant at which the wait began was found after it.
    if what == Spent::WaitingForRoom && room_until > since { now.saturating_sub(room_until - 1) } else { 0 }
}

/// The clock of one task: it books what the task did whenever it begins to do something else.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    /// The spell of one of several workers; that of a task alone is with the counts.
    own: Option<Arc<Spell>>,
    doing: Spent,
    /// In nanoseconds since the epoch.
    since: u64,
}

impl Stopwatch {
    /// For a task that is the only worker of its node.
    pub(crate) fn alone(counts: &Counts, now: Instant) -> Stopwatch {
        let stopwatch = Stopwatch { own: None, doing: Spent::Busy, since: ns(now) };
        stopwatch.spell(counts).begin(Spent::Busy, now);
        stopwatch
    }

    /// For one of several workers.
    pub(crate) fn of_worker(counts: &Counts, now: Instant) -> Stopwatch {
        let own = Arc::new(Spell::default());
        own.begin(Spent::Busy, now);
        counts.spells().push(own.clone());
        Stopwatch { own: Some(own), doing: Spent::Busy, since: ns(now) }
    }

    pub(crate) fn is(&self, what: Spent) -> bool {
        self.doing == what
    }

    /// The task does something else from now on.
    pub(crate) fn turn(&mut self, counts: &Counts, to: Spent, now: Instant) {
        let now = ns(now);
        self.spell(counts).begin_at(to, now);
        self.book(counts, now);
        (self.doing, self.since) = (to, now);
    }

    /// The task ends.
    pub(crate) fn stop(&mut self, counts: &Counts, now: Instant) {
        let now = ns(now);
        self.spell(counts).end();
        self.book(counts, now);
        self.since = now;
        if let Some(own) = &self.own {
            counts.spells().retain(|spell| !Arc::ptr_eq(spell, own));
        }
    }

    fn spell<'a>(&'a self, counts: &'a Counts) -> &'a Spell {
        self.own.as_deref().unwrap_or(&counts.spell)
    }

    fn book(&self, counts: &Counts, now: u64) {
        let input = match self.doing {
            Spent::WaitingForRoom => {
                waited_for_input(self.doing, self.since, now, counts.room_until.load(Ordering::Relaxed))
            }
            _ => 0,
        };
        counts.time(Spent::WaitingForInput).add(input);
        counts.time(self.doing).add(now.saturating_sub(self.since) - input);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ns: u64) -> Instant {
        Instant::from_epoch(Duration::from_nanos(ns))
    }

    fn spent(counts: &Counts, now: u64) -> [u64; 3] {
        let spending = counts.spending(at(now));
        [Spent::Busy, Spent::WaitingForInput, Spent::WaitingForRoom].map(|what| spending.on(what).as_nanos() as u64)
    }

    #[test]
    fn what_goes_on_counts_as_what_is_booked_does() {
        let counts = Counts::default();
        let mut stopwatch = Stopwatch::alone(&counts, at(10));
        assert_eq!(spent(&counts, 15), [5, 0, 0]);
        stopwatch.turn(&counts, Spent::WaitingForInput, at(20));
        assert_eq!(spent(&counts, 25), [10, 5, 0]);
        stopwatch.turn(&counts, Spent::WaitingForRoom, at(30));
        stopwatch.stop(&counts, at(31));
        assert_eq!(spent(&counts, 99), [10, 10, 1]);
    }

    #[test]
    fn workers_add_up() {
        let counts = Counts::default();
        let mut one = Stopwatch::of_worker(&counts, at(0));
        let mut other = Stopwatch::of_worker(&counts, at(5));
        other.turn(&counts, Spent::WaitingForInput, at(7));
        assert_eq!(spent(&counts, 10), [10 + 2, 3, 0]);
        one.stop(&counts, at(10));
        other.stop(&counts, at(10));
        assert_eq!(spent(&counts, 99), [12, 3, 0]);
        assert!(counts.spells().is_empty());
    }

    #[test]
    fn a_wait_for_the_window_is_one_for_input_once_there_is_room() {
        let counts = Counts::default();
        let mut stopwatch = Stopwatch::of_worker(&counts, at(0));
        stopwatch.turn(&counts, Spent::WaitingForRoom, at(0));
        assert_eq!(spent(&counts, 10), [0, 0, 10]);
        counts.has_room(at(10));
        assert_eq!(spent(&counts, 14), [0, 4, 10]);
        stopwatch.turn(&counts, Spent::Busy, at(15));
        assert_eq!(spent(&counts, 15), [0, 5, 10]);
        // What was long before does not count for another wait.
        stopwatch.turn(&counts, Spent::WaitingForRoom, at(20));
        stopwatch.stop(&counts, at(22));
        assert_eq!(spent(&counts, 99), [5, 5, 12]);
    }
}
