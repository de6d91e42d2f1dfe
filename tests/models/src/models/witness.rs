//! What the models know of items and bodies apart from what core says of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Counts items that are alive. std's atomics: they add no step to the schedule, and are exact, since one thread runs at a
/// time.
#[derive(Clone, Default)]
pub(super) struct Items(Arc<AtomicUsize>);

impl Items {
    pub(super) fn item(&self, id: u64) -> Item {
        self.0.fetch_add(1, SeqCst);
        Item { id, items: self.clone() }
    }

    pub(super) fn left(&self) -> usize {
        self.0.load(SeqCst)
    }
}

pub(super) struct Item {
    pub(super) id: u64,
    items: Items,
}

impl Drop for Item {
    fn drop(&mut self) {
        self.items.0.fetch_sub(1, SeqCst);
    }
}

/// How many are inside of something, with a bound.
#[derive(Clone)]
pub(super) struct Gauge {
    inside: Arc<AtomicUsize>,
    max: usize,
    what: &'static str,
}

impl Gauge {
    pub(super) fn new(what: &'static str, max: usize) -> Gauge {
        Gauge { inside: Arc::default(), max, what }
    }

    pub(super) fn enter(&self) {
        let inside = self.inside.fetch_add(1, SeqCst) + 1;
        assert!(inside <= self.max, "{inside} {} where {} is the most", self.what, self.max);
    }

    pub(super) fn leave(&self) {
        self.inside.fetch_sub(1, SeqCst);
    }

    /// Inside until the guard is dropped.
    pub(super) fn guard(&self) -> Inside {
        self.enter();
        Inside(self.clone())
    }
}

pub(super) struct Inside(Gauge);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.leave();
    }
}
