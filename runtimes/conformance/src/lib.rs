//! The suite that every runtime adapter passes: small cases about spawn, drop, cancel, panics, destructors, time, blocking
//! calls, the current runtime, shutdown and wakers.
//!
//! An adapter implements [`Host`] in its tests, runs each of [`cases`], and asserts that none has failed:
//!
//! ```no_run
//! # fn check(host: fn() -> Box<dyn conformance::Host>) {
//! for case in conformance::cases() {
//!     let outcome = case.run(std::time::Duration::from_secs(10), host);
//!     assert!(!outcome.is_failed(), "{}: {outcome}", case.full_name());
//! }
//! # }
//! ```
//!
//! A case neither panics nor hangs its caller, whatever the runtime does: it has an [`Outcome`]. On a clock it asserts lower
//! bounds only, so it holds on a machine that is busy.

mod ambient;
mod blocking;
mod cancel;
mod case;
mod destructor;
mod drop;
mod panic;
mod shutdown;
mod spawn;
mod support;
mod time;
mod wake;

pub use case::{Case, Host, Outcome, Verdict, VerdictFuture};

/// Every case, by topic.
pub fn cases() -> Vec<Case> {
    let topics = [
        spawn::cases(),
        drop::cases(),
        cancel::cases(),
        panic::cases(),
        destructor::cases(),
        time::cases(),
        blocking::cases(),
        ambient::cases(),
        shutdown::cases(),
        wake::cases(),
    ];
    topics.into_iter().flatten().collect()
}
