//! taktline on a simulated runtime: one thread, a virtual clock, a seeded schedule.
//!
//! A test runs hours in milliseconds, asserts exact times, tries many interleavings, and replays one by its seed. A
//! deadlock is reported with who waits for whom.
//!
//! ```
//! use std::time::Duration;
//! use taktline_core::runtime::{now, sleep};
//!
//! let elapsed = taktline_sim::run(7, async {
//!     let start = now();
//!     sleep(Duration::from_secs(3600)).await;
//!     now() - start
//! });
//! assert_eq!(elapsed, Duration::from_secs(3600));
//! ```
//!
//! **Schedule.** The tasks that are ready form a round, which runs in a random order that comes from the seed. What becomes
//! ready meanwhile runs in the next round, so no ready task is starved. Only when nothing is ready the clock jumps to the
//! next timer; all timers of that instant fire together, in a random order, before anything is polled.
//!
//! **Blocking calls** run in place, as an entry of the schedule, and take no virtual time.

mod executor;
mod explore;
mod timer;
mod trace;

pub use executor::Sim;
pub use explore::{Outcome, explore, run, test};
