//! The adapter.

use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use taktline_core::runtime::{Instant, Runtime, Timer};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::Instant as TokioInstant;

use crate::timer::TokioTimer;

#[derive(Debug)]
pub(crate) struct Tokio {
    handle: Handle,
    random: AtomicU64,
}

impl Tokio {
    pub(crate) fn new(handle: Handle) -> Tokio {
        let seed = RandomState::new().build_hasher().finish();
        Tokio { handle, random: AtomicU64::new(seed) }
    }
}

/// The epoch of all instants of this process.
fn epoch() -> TokioInstant {
    static EPOCH: OnceLock<TokioInstant> = OnceLock::new();
    *EPOCH.get_or_init(TokioInstant::now)
}

/// An instant that tokio cannot tell is some 30 years away: as good as never.
pub(crate) fn to_tokio(instant: Instant) -> TokioInstant {
    const FAR: std::time::Duration = std::time::Duration::from_secs(86_400 * 365 * 30);
    epoch().checked_add(instant.since_epoch()).unwrap_or_else(|| epoch() + FAR)
}

impl Runtime for Tokio {
    fn name(&self) -> &'static str {
        "tokio"
    }

    fn spawn(&self, job: Pin<Box<dyn Future<Output = ()> + Send>>) {
        drop(self.handle.spawn(job));
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        drop(self.handle.spawn_blocking(job));
    }

    /// A task that is woken by another goes to a slot that no other thread takes from (tokio-rs/tokio#4941), until the next
    /// one is woken: then it moves to the queue, and an idle thread is told.
    fn share_woken(&self) {
        if self.handle.runtime_flavor() == RuntimeFlavor::MultiThread {
            drop(self.handle.spawn(async {}));
        }
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        let _context = self.handle.enter();
        Box::pin(TokioTimer::new(to_tokio(deadline)))
    }

    fn now(&self) -> Instant {
        Instant::from_epoch(TokioInstant::now().saturating_duration_since(epoch()))
    }

    fn random(&self) -> u64 {
        // SplitMix64: its state is a counter.
        let z = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
