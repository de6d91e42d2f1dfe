//! A handle that looks at a run, and does nothing to it.

use std::fmt;
use std::sync::{Arc, Weak};

use super::Shared;
use crate::ledger::Snapshot;

/// Takes snapshots of a run, from anywhere: a page of a service, a task that exports metrics. It can be cloned, and keeps
/// neither the run nor anything of it.
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let running = iter(0..100u64).then(|x| async move { sleep(Duration::from_secs(1)).await; x }).count().start();
/// let view = running.view().expect("it was started");
/// let monitor = taktline::spawn(async move {
///     let mut seen = 0;
///     while let Some(snapshot) = view.snapshot() {
///         println!("{snapshot}");
///         seen += 1;
///         sleep(Duration::from_secs(10)).await;
///     }
///     seen
/// });
/// running.join().await?;
/// // At 0, 10, .. and 90 seconds. At 100 the run may be over or not.
/// assert!((10..=11).contains(&monitor.await.expect("it does not panic")));
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct View(Weak<Shared>);

impl View {
    pub(super) fn of(run: &Arc<Shared>) -> View {
        View(Arc::downgrade(run))
    }

    /// What goes on now. `None` once the handle of the run is gone.
    pub fn snapshot(&self) -> Option<Snapshot> {
        Some(self.0.upgrade()?.snapshot())
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("View")
    }
}
