//! What the tests of the promises share: independent witnesses, and runs on every runtime.
//!
//! A count that the code reports about itself is no witness. [`Witness`] counts items as they are made and dropped,
//! [`counted`] wraps a runtime and counts the tasks that it was given and that have ended.

mod counted;
#[cfg(feature = "clocks")]
mod everywhere;
#[cfg(doctest)]
mod pages;
pub mod random;
mod witness;

pub use counted::{Tasks, counted};
#[cfg(feature = "clocks")]
pub use everywhere::{everywhere, on_sim};
pub use witness::{Bomb, Family, Item, Witness};

use std::time::Duration;

/// One unit of virtual time.
pub const UNIT: Duration = Duration::from_secs(1);

/// `n` units, exact to the microsecond.
pub fn units(n: f64) -> Duration {
    Duration::from_micros((n * 1e6).round() as u64)
}
