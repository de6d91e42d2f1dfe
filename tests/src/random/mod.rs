//! Random small pipelines: what arrives is what plain lists say, the ledger agrees with independent witnesses at every
//! ending, and nothing is left.
//!
//! Sizes, capacities, shapes, timings, faults and the ending come from the seed.
//!
//! | file | owns |
//! | --- | --- |
//! | `operators.rs`, `joins.rs` | the tables: a new operator, source or join is one more entry |
//! | `spec.rs` | what a seed draws: a tree of sources, steps and joins, and a sink |
//! | `model.rs` | what plain lists say of it |
//! | `bodies.rs` | bodies that keep counts of their own, and go wrong where the seed says so |
//! | `perform.rs` | runs it to its ending |
//! | `check.rs`, `books.rs` | what must hold of every ending |
//! | `instants.rs` | what must hold at every instant |
//! | `tickets.rs` | flows that are tracked, and when their receipts are settled |

mod bodies;
mod books;
mod check;
mod described;
mod instants;
mod joins;
mod model;
mod operators;
mod perform;
mod spec;
mod tickets;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use taktline::runtime::{Rt, current};
use taktline::sim::Case;

use crate::{Tasks, UNIT, counted};
use bodies::Shop;
use check::check;
use instants::watch;
use perform::{Left, perform};
use spec::Spec;

/// Items that were made by all pipelines that were given it.
#[derive(Clone, Debug, Default)]
pub struct Moved(Arc<AtomicU64>);

impl Moved {
    /// How many there were.
    pub fn items(&self) -> u64 {
        self.0.load(SeqCst)
    }
}

/// The pipeline of a case, run on sim to its ending, and checked. For [`Explore`](taktline::sim::Explore), with any faults.
pub fn on_sim(case: Case, moved: &Moved) -> impl Future<Output = ()> + use<> {
    let spec = Arc::new(Spec::draw(&case));
    let shop = Arc::new(Shop::new(&spec, UNIT));
    let (shop_at_end, moved, started) = (shop.clone(), moved.clone(), Arc::new(AtomicUsize::new(0)));
    let noted = started.clone();
    case.finally(move |sim| {
        assert_eq!(shop_at_end.started(), started.load(SeqCst), "bodies start after the end");
        assert_eq!(shop_at_end.witness.left(), 0, "items are left");
        assert_eq!(shop_at_end.receipts.open(), 0, "receipts are not settled");
        assert_eq!(sim.waker_count(), 0, "wakers are kept");
        moved.0.fetch_add(shop_at_end.witness.made() as u64, SeqCst);
    });
    async move {
        let (rt, tasks) = counted(current().expect("it is polled on sim"));
        case.note(&spec);
        watch(&case, &spec, &shop, &rt);
        let counted_tasks = tasks.clone();
        case.finally(move |_| assert_eq!(counted_tasks.left(), 0, "tasks are left"));
        // Dropped last, also where the whole future is dropped.
        let _noted = OnDrop(|| noted.store(shop.started(), SeqCst));
        rt.enter(run(&case, &spec, &shop, &rt, &tasks)).await;
    }
}

/// The same on any runtime, with the faults that need no simulation.
///
/// # Panics
/// If something does not hold, or is left after a while.
pub async fn on_clock(case: Case, rt: &Rt, tasks: &Tasks) {
    let spec = Spec::draw(&case);
    let shop = Shop::new(&spec, Duration::from_millis(1));
    let whole = run(&case, &spec, &shop, rt, tasks);
    assert!(rt.timeout(Duration::from_secs(60), whole).await.is_ok(), "it hangs: {spec}");
    for _ in 0..5000 {
        if Left::of(&shop, tasks) == Left::default() {
            return;
        }
        rt.sleep(Duration::from_millis(1)).await;
    }
    panic!("{:?} is left: {spec}", Left::of(&shop, tasks));
}

async fn run(case: &Case, spec: &Spec, shop: &Shop, rt: &Rt, tasks: &Tasks) {
    let outcome = perform(case, spec, rt, tasks, shop).await;
    check(case, spec, shop, &outcome);
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
