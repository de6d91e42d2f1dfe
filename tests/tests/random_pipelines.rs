//! Random small pipelines: what arrives is what plain lists say, the ledger agrees with independent witnesses at every
//! ending, and nothing is left.
//!
//! Sizes, capacities, shapes, timings and the ending come from the seed. A failing seed prints itself and its plan.

use std::collections::BTreeSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use taktline::runtime::Rt;
use taktline::sim::Sim;
use tests::{Tasks, UNIT, counted};

#[path = "random_pipelines/bodies.rs"]
mod bodies;
#[path = "random_pipelines/check.rs"]
mod check;
#[path = "random_pipelines/flows.rs"]
mod flows;
#[path = "random_pipelines/model.rs"]
mod model;
#[path = "random_pipelines/perform.rs"]
mod perform;
#[path = "random_pipelines/spec.rs"]
mod spec;

use bodies::Shop;
use check::check;
use perform::{End, perform};
use spec::{Ending, Sink, Spec};

#[test]
fn ledger_and_witness_agree_for_a_thousand_random_pipelines() {
    let traces: BTreeSet<_> = all(0..1000, on_sim).into_iter().collect();
    assert!(traces.len() >= 900, "{} distinct traces", traces.len());
}

#[test]
fn a_seed_gives_one_trace() {
    for seed in 0..50 {
        assert_eq!(on_sim(seed), on_sim(seed), "seed {seed}");
    }
}

#[test]
fn the_same_pipelines_hold_on_real_clocks() {
    all(0..20, on_tokio);
    all(0..20, on_smol);
}

/// Checks each seed; prints those that fail, with their plans, and fails if there is one.
fn all<T>(seeds: Range<u64>, check: impl Fn(u64) -> T) -> Vec<T> {
    let mut failing = Vec::new();
    let mut passed = Vec::new();
    for seed in seeds {
        match catch_unwind(AssertUnwindSafe(|| check(seed))) {
            Ok(value) => passed.push(value),
            Err(_) => {
                eprintln!("seed {seed} fails, with {:?}", Spec::draw(seed));
                failing.push(seed);
            }
        }
    }
    assert!(failing.is_empty(), "seeds {failing:?} fail");
    passed
}

fn on_sim(seed: u64) -> u64 {
    let spec = Spec::draw(seed);
    let sim = Sim::new(seed);
    let (rt, tasks) = counted(sim.rt());
    let shop = Shop::new(&spec, UNIT);
    let outcome = sim.block_on(rt.enter(perform(&spec, &rt, &tasks, &shop)));
    check(&spec, &shop, &outcome);
    if let (End::Failed(error), Ending::Cancel(at)) = (&outcome.end, spec.ending) {
        let elapsed = error.report().expect("it was started").elapsed();
        let is_loop = matches!(spec.sink, Sink::Loop { .. });
        assert!(is_loop || elapsed == UNIT * at as u32, "a cancel takes no time: {elapsed:?}");
    }
    if !matches!(outcome.end, End::Dropped) {
        assert_eq!(outcome.left, (0, 0), "items and tasks are left as the run returns");
    }
    sim.settle();
    assert_eq!(shop.started(&spec), outcome.started, "bodies start after the end");
    assert_eq!((shop.witness.left(), tasks.left()), (0, 0), "items and tasks are left");
    assert_eq!((sim.task_count(), sim.timer_count()), (0, 0), "tasks and timers are left");
    sim.trace_hash()
}

fn on_tokio(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let (rt, tasks) = counted(taktline_tokio::from_handle(runtime.handle().clone()));
    runtime.block_on(rt.enter(on_clock(seed, &rt, &tasks)));
}

fn on_smol(seed: u64) {
    let executor = Arc::new(smol::Executor::new());
    let (rt, tasks) = counted(taktline_smol::from_executor(&executor));
    smol::block_on(executor.run(rt.enter(on_clock(seed, &rt, &tasks))));
}

async fn on_clock(seed: u64, rt: &Rt, tasks: &Tasks) {
    let spec = Spec::draw(seed);
    let shop = Shop::new(&spec, Duration::from_millis(1));
    let run = perform(&spec, rt, tasks, &shop);
    let outcome = rt.timeout(Duration::from_secs(60), run).await.expect("it does not hang");
    check(&spec, &shop, &outcome);
    for _ in 0..5000 {
        if (shop.witness.left(), tasks.left()) == (0, 0) {
            return;
        }
        rt.sleep(Duration::from_millis(1)).await;
    }
    panic!("{} items and {} tasks are left", shop.witness.left(), tasks.left());
}
