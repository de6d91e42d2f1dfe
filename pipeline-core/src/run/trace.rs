//! What a run tells of itself through `tracing`, if that feature is on: a span for each stage, and events for what goes wrong.
//!
//! Nothing of an item is told, and no text of an error, which may quote one: only stages, numbers and times.

use std::time::Duration;

use crate::error::{Failure, Fate};
use crate::ledger::Kind;

/// The span of a stage; that of nothing without the feature.
#[cfg(feature = "tracing")]
#[derive(Debug)]
pub(crate) struct Trace(tracing::Span);

#[cfg(not(feature = "tracing"))]
#[derive(Debug)]
pub(crate) struct Trace;

#[cfg(feature = "tracing")]
impl Trace {
    pub(crate) fn none() -> Trace {
        Trace(tracing::Span::none())
    }

    /// It lies within the span in which the run is started.
    pub(crate) fn of(stage: &str, kind: Kind) -> Trace {
        Trace(tracing::info_span!(target: "taktline", "stage", stage, %kind))
    }

    /// A task of the stage is polled.
    pub(crate) fn within<R>(&self, poll: impl FnOnce() -> R) -> R {
        self.0.in_scope(poll)
    }

    /// There will be another attempt, after a pause.
    pub(crate) fn retries(&self, failed_attempts: u32, pause: Duration) {
        tracing::warn!(target: "taktline", parent: &self.0, failed_attempts, ?pause, "tries again");
    }

    /// An item has failed for good, and the run goes on without it.
    pub(crate) fn gives_up(&self, attempts: u32, fate: Fate) {
        tracing::warn!(target: "taktline", parent: &self.0, attempts, ?fate, "gives an item up");
    }

    /// A policy has thrown items away.
    pub(crate) fn drops(&self, items: u64) {
        if items > 0 {
            tracing::debug!(target: "taktline", parent: &self.0, items, "drops items");
        }
    }
}

#[cfg(not(feature = "tracing"))]
impl Trace {
    pub(crate) fn none() -> Trace {
        Trace
    }

    pub(crate) fn of(_: &str, _: Kind) -> Trace {
        Trace
    }

    #[inline]
    pub(crate) fn within<R>(&self, poll: impl FnOnce() -> R) -> R {
        poll()
    }

    pub(crate) fn retries(&self, _: u32, _: Duration) {}

    pub(crate) fn gives_up(&self, _: u32, _: Fate) {}

    pub(crate) fn drops(&self, _: u64) {}
}

/// The run has failed.
pub(super) fn fails(failure: &Failure) {
    #[cfg(feature = "tracing")]
    {
        let (stage, item, attempts) = (failure.stage(), failure.item(), failure.attempts());
        tracing::error!(target: "taktline", stage, item, attempts, "fails the run");
    }
    #[cfg(not(feature = "tracing"))]
    let _ = failure;
}
