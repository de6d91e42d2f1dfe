//! The worker pool of a stage: workers that take one item at a time, and an emitter that moves results on.
//!
//! ```text
//! edge -> worker 0 \
//!         worker 1  -> results -> emitter -> next edge, or fused steps
//!         worker 2 /
//! ```
//!
//! Workers are tasks, made only when there is something to start and no idle one is left. A worker that finishes never
//! waits: its result goes to a place that was taken with the item. So a slow reader cannot keep a started item from being
//! polled, and no permit can leak.
//!
//! | invariant | ordered | unordered |
//! | --- | --- | --- |
//! | *in work* <= concurrency | by construction: a worker holds one item | the same |
//! | *occupied* = in work + finished | <= window | <= concurrency |
//! | order | by the place in the ring | as they finish |
//! | a failure | takes its item's place; later items are cut | at once; what is in work is cut |
//!
//! A stage whose items have keys is unordered, but a worker takes only an item whose key no other one has in work.
//!
//! Wakes: at most one worker is on its way at a time. Whoever arrives and leaves work behind calls the next. The intake is
//! armed whenever it was left empty, so an arrival is never missed while all workers are busy.

mod alone;
mod emitter;
mod keys;
mod place;
mod port;
mod results;
mod state;
mod work;

use std::sync::Arc;
use std::sync::OnceLock;
use std::task::{Wake, Waker};

use emitter::Exit;
pub(crate) use emitter::emit;
use state::State;

use super::Stage;
use super::worker::Site;
use crate::edge::Rx;
use crate::lineage::Lineage;
use crate::push::Outlet;
use crate::sync::Mutex;
use crate::sync::atomic::AtomicU64;

/// How wide a pool may get.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) workers: usize,
    /// Bound on in work + finished.
    pub(crate) window: usize,
    pub(crate) is_ordered: bool,
    /// Outputs that an item may hold back before its turn.
    pub(crate) held_back: usize,
}

pub(crate) struct Pool<S: Stage, L> {
    site: Site,
    limits: Limits,
    /// Each worker works with a clone of its own. A stage need not be `Sync`, so it is cloned under this lock, which guards
    /// nothing else.
    template: Mutex<S>,
    state: Mutex<State<S::In, S::Out, L>>,
    /// Items from this one on are cut by a failure.
    cut_from: AtomicU64,
    arrival: OnceLock<Waker>,
}

impl<S: Stage, L: Lineage> Pool<S, L> {
    /// A pool between `intake` and `outlet`. Its first worker comes with the first item.
    pub(crate) fn new(
        stage: S,
        intake: Rx<S::In, L>,
        outlet: Outlet<S::Out, L>,
        limits: Limits,
        site: Site,
    ) -> Arc<Self> {
        // Tells a reader of the books that this is a pool.
        site.node.counts.exit();
        let exit = Exit::new(outlet, &site.run.rt);
        let pool = Arc::new(Pool {
            site,
            limits,
            template: Mutex::new(stage),
            state: Mutex::new(State::new(intake, exit, limits)),
            cut_from: AtomicU64::new(u64::MAX),
            arrival: OnceLock::new(),
        });
        let arrival = Arc::new(Arrival(Arc::downgrade(&pool)));
        let _ = pool.arrival.set(Waker::from(arrival));
        pool
    }

    /// Makes the first worker, which looks at the intake and arms it.
    pub(crate) fn open(self: &Arc<Self>) {
        self.summon();
    }
}

/// The intake's waker: something has arrived, or the input has ended.
struct Arrival<S: Stage, L>(std::sync::Weak<Pool<S, L>>);

impl<S: Stage, L: Lineage> Wake for Arrival<S, L> {
    fn wake(self: Arc<Self>) {
        if let Some(pool) = self.0.upgrade() {
            pool.arrived();
        }
    }
}
