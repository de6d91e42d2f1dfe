//! The adapter.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll};
use std::time::Instant as StdInstant;

use smol::{Executor, Timer as SmolSleep};
use taktline_core::runtime::{Instant, Runtime, Timer};

pub(crate) struct Smol {
    /// None is the global one. Weak, since a task holds its runtime: who runs the executor owns it.
    executor: Option<Weak<Executor<'static>>>,
    random: AtomicU64,
}

impl Smol {
    pub(crate) fn global() -> Smol {
        Smol { executor: None, random: AtomicU64::new(RandomState::new().build_hasher().finish()) }
    }

    pub(crate) fn on(executor: &Arc<Executor<'static>>) -> Smol {
        Smol { executor: Some(Arc::downgrade(executor)), ..Smol::global() }
    }
}

impl fmt::Debug for Smol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smol").field("is_global", &self.executor.is_none()).finish_non_exhaustive()
    }
}

/// The epoch of all instants of this process.
fn epoch() -> StdInstant {
    static EPOCH: OnceLock<StdInstant> = OnceLock::new();
    *EPOCH.get_or_init(StdInstant::now)
}

impl Runtime for Smol {
    fn name(&self) -> &'static str {
        "smol"
    }

    fn spawn(&self, job: Pin<Box<dyn Future<Output = ()> + Send>>) {
        match &self.executor {
            None => smol::spawn(job).detach(),
            Some(executor) => match executor.upgrade() {
                Some(executor) => executor.spawn(job).detach(),
                // Its task reports that it is lost.
                None => drop(job),
            },
        }
    }

    fn spawn_blocking(&self, job: Box<dyn FnOnce() + Send>) {
        match &self.executor {
            None => smol::unblock(job).detach(),
            Some(executor) => match executor.upgrade() {
                // It is kept until the call has woken its task: an executor that goes while another thread wakes a task of
                // it never drops that task.
                Some(executor) => smol::unblock(move || {
                    let _kept = executor;
                    job();
                })
                .detach(),
                // Its task reports that it is lost, as that of a job does.
                None => drop(job),
            },
        }
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(SmolTimer { sleep: sleep_until(deadline), deadline })
    }

    fn now(&self) -> Instant {
        Instant::from_epoch(StdInstant::now().saturating_duration_since(epoch()))
    }

    fn random(&self) -> u64 {
        // SplitMix64: its state is a counter.
        let z = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// An instant that the clock cannot tell never comes.
fn sleep_until(deadline: Instant) -> SmolSleep {
    match epoch().checked_add(deadline.since_epoch()) {
        Some(at) => SmolSleep::at(at),
        None => SmolSleep::never(),
    }
}

struct SmolTimer {
    sleep: SmolSleep,
    deadline: Instant,
}

impl Future for SmolTimer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.sleep).poll(cx).map(|_| ())
    }
}

impl Timer for SmolTimer {
    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.deadline = deadline;
        match epoch().checked_add(deadline.since_epoch()) {
            Some(at) => self.sleep.set_at(at),
            None => self.sleep = SmolSleep::never(),
        }
    }
}
