//! tokio with a clock that stands still: what a run does then depends on no time, so its instructions can be counted.

use std::pin::Pin;

use taktline::Rt;
use taktline::runtime::{Instant, Runtime, Timer};
use tokio::runtime::Handle;

/// The tokio runtime of the caller, without its clock.
pub(crate) fn fixed_clock() -> Rt {
    Rt::new(FixedClock(Handle::current()))
}

#[derive(Debug)]
struct FixedClock(Handle);

impl Runtime for FixedClock {
    fn name(&self) -> &'static str {
        "tokio with a fixed clock"
    }

    fn spawn(&self, job: Pin<Box<dyn Future<Output = ()> + Send>>) {
        drop(self.0.spawn(job));
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        drop(self.0.spawn_blocking(job));
    }

    fn timer(&self, _: Instant) -> Pin<Box<dyn Timer>> {
        unreachable!("where no time passes, no workload sleeps")
    }

    fn now(&self) -> Instant {
        Instant::from_epoch(std::time::Duration::ZERO)
    }

    fn random(&self) -> u64 {
        0
    }
}
