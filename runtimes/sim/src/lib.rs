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
//! **Ends.** A program in which nothing is ready and no timer is left panics as a deadlock. One that goes on for a million
//! polls and gets nowhere panics too, and says which tasks were polled most: no item has moved, no task was made or has
//! ended, and no time has passed but what tasks wait that ask again and again.
//!
//! **Blocking calls** run in place, as an entry of the schedule, and take no virtual time.
//!
//! **Faults.** [`explore`] runs a program with many seeds. Each switches some [faults](Fault) on: wakes that come late, twice
//! or from nobody, a cancel or a drop between any two polls, and, where the program asks for them at its
//! [fail points](FailPoint), errors, panics and stalls. Sizes and shapes come from the seed too: see [`Case`]. A seed that
//! fails is made smaller, and tells its story.
//!
//! ```
//! use taktline::prelude::*;
//! use taktline::sim::{self, End, FailPoint, Fault, Injected};
//!
//! #[stage(concurrency = 3)]
//! async fn fetch(page: u64, point: &FailPoint) -> Result<u64, Injected> {
//!     let _held = point.hit().await?;
//!     Ok(2 * page)
//! }
//!
//! sim::explore(0..200, |case| async move {
//!     let pages = case.draw(0..=30);
//!     let fetch = fetch(case.fail_point("fetch")).buffer(case.size());
//!     match case.run(iter(0..pages).then(fetch).collect::<Vec<_>>()).await {
//!         End::Well(done) => assert_eq!(done.value, (0..pages).map(|page| 2 * page).collect::<Vec<_>>()),
//!         End::Failed(error) => assert!(error.is_cancelled() || error.stage() == Some("fetch")),
//!         End::Dropped => assert!(case.has(Fault::DropRun)),
//!     }
//! });
//! ```
//!
//! **Probes** are a source and a sink that are driven by hand: see [`probe`].
//!
//! **Marbles** say in one line of text what comes when: see [`marbles`].

mod attempt;
mod case;
mod coverage;
mod end;
mod executor;
mod explore;
mod failed;
mod fault;
mod inject;
pub mod marbles;
mod panics;
mod point;
pub mod probe;
mod random;
mod shrink;
mod sim;
mod spin;
mod story;
mod tape;
mod timer;
mod trace;

pub use case::{Case, Moment};
pub use coverage::{Coverage, Passed};
pub use end::{End, audit};
pub use explore::{Explore, Outcome, explore, run, test};
pub use failed::Failed;
pub use fault::{Fault, Faults};
pub use point::{FailPoint, Held, Injected};
pub use sim::Sim;
