//! How many further attempts a stage may make.

use crate::sync::atomic::{AtomicU64, Ordering};

/// Items that pay for one further attempt: load rises by a tenth at most, whatever fails.
const PRICE: u64 = 10;

/// Further attempts that may be made before any item has paid, so that a short run can retry, too.
const FLOOR: u64 = 10;

/// Further attempts that may be saved up, so that a long calm does not pay for a long storm.
const MOST: u64 = 100;

/// The further attempts of a stage in one run, shared by its workers. In tenths of an attempt.
#[derive(Debug)]
pub(super) struct Budget(AtomicU64);

impl Budget {
    pub(super) fn new() -> Budget {
        Budget(AtomicU64::new(FLOOR * PRICE))
    }

    /// An item is tried for the first time.
    pub(super) fn pay(&self) {
        let paid = |tenths: u64| (tenths < MOST * PRICE).then_some(tenths + 1);
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, paid);
    }

    /// Whether an item may be tried again. If so, the attempt is taken.
    pub(super) fn take(&self) -> bool {
        let taken = |tenths: u64| tenths.checked_sub(PRICE);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(budget: &Budget) -> u64 {
        (0..10_000).take_while(|_| budget.take()).count() as u64
    }

    #[test]
    fn a_tenth_of_the_items_is_tried_again() {
        let budget = Budget::new();
        assert_eq!(taken(&budget), FLOOR);
        for _ in 0..10 {
            (0..50).for_each(|_| budget.pay());
            assert_eq!(taken(&budget), 5);
        }
    }

    #[test]
    fn what_is_saved_up_has_a_limit() {
        let budget = Budget::new();
        (0..100_000).for_each(|_| budget.pay());
        assert_eq!(taken(&budget), MOST);
    }
}
