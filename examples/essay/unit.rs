//! One unit of time of the essay, and what the programs print.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

static UNIT_US: AtomicU64 = AtomicU64::new(20_000);
static IS_LOUD: AtomicBool = AtomicBool::new(false);

/// `n` units. On a real clock a unit is 20 ms, on the virtual one a second.
pub(crate) fn units(n: f64) -> Duration {
    // Whole microseconds: sums of them are exact.
    Duration::from_micros((n * UNIT_US.load(Relaxed) as f64).round() as u64)
}

pub(crate) fn set_unit(unit: Duration) {
    UNIT_US.store(unit.as_micros() as u64, Relaxed);
}

pub(crate) fn in_units(time: Duration) -> f64 {
    time.as_micros() as f64 / UNIT_US.load(Relaxed) as f64
}

/// Prints what a program says, with its time, if the driver was asked to (`-- --loud`).
pub(crate) fn say(what: impl Display) {
    if IS_LOUD.load(Relaxed) {
        println!("      {what}");
    }
}

pub(crate) fn be_loud() {
    IS_LOUD.store(true, Relaxed);
}
