//! Random small pipelines: what arrives is what plain lists say, the ledger agrees with independent witnesses at every
//! ending, and nothing is left. See [`tests::random`].

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;

use taktline::sim::{Case, Coverage, Explore, Fault, Faults};
use tests::counted;
use tests::random::{Moved, on_clock, on_sim};

/// The faults that need no simulation.
const ON_CLOCKS: [Fault; 6] = [Fault::Error, Fault::Panic, Fault::Cancel, Fault::Drain, Fault::DropRun, Fault::Pause];

#[test]
fn ledger_and_witness_agree_for_two_thousand_random_pipelines() {
    let coverage = explore(&Explore::new().faults(Faults::all()), 0..2000);
    assert!(coverage.traces() >= 1500, "{coverage}");
}

#[test]
fn every_fault_is_in_effect() {
    let coverage = explore(&Explore::new().faults(Faults::all()).compare(), 0..300);
    for fault in Fault::ALL.iter().copied() {
        assert!(coverage.in_effect(fault) * 100 >= coverage.drawn(fault), "{fault} is idle\n{coverage}");
        assert!(coverage.drawn(fault) > 30, "{fault} is not drawn\n{coverage}");
    }
}

fn explore(explore: &Explore, seeds: std::ops::Range<u64>) -> Coverage {
    let moved = Moved::default();
    let coverage = explore.run(seeds, |case| on_sim(case, &moved));
    assert!(moved.items() > 10 * coverage.seeds());
    coverage
}

/// Asks the other process for the traces instead of a test.
const ASKED: &str = "TRACES_OF_RANDOM_PIPELINES";

fn traces() -> Vec<String> {
    let (explore, moved) = (Explore::new().faults(Faults::all()), Moved::default());
    let passed = (0..200).map(|seed| explore.seed(seed, |case| on_sim(case, &moved)).expect("it passes"));
    passed.map(|passed| format!("trace {} {:x} {}", passed.seed, passed.trace, passed.steps)).collect()
}

#[test]
fn a_seed_takes_the_same_course_in_every_process() {
    let here = traces();
    if std::env::var_os(ASKED).is_some() {
        return println!("{}", here.join("\n"));
    }
    let mut other = Command::new(std::env::current_exe().expect("it runs"));
    other.args(["--exact", "a_seed_takes_the_same_course_in_every_process", "--nocapture"]).env(ASKED, "1");
    let output = String::from_utf8(other.output().expect("it runs again").stdout).expect("it prints text");
    let there: Vec<_> = output.lines().filter(|line| line.starts_with("trace ")).collect();
    assert_eq!(there, here);
    assert!(here.len() == 200 && here.iter().collect::<BTreeSet<_>>().len() == 200);
}

#[test]
fn the_same_pipelines_hold_on_real_clocks() {
    for seed in 0..40 {
        let switched_on = |(at, fault): (usize, Fault)| (seed >> at & 1 == 1).then_some(fault);
        let faults = ON_CLOCKS.into_iter().enumerate().filter_map(switched_on).collect();
        on_tokio(Case::with_faults(seed, faults));
        on_smol(Case::with_faults(seed, faults));
    }
}

fn on_tokio(case: Case) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let (rt, tasks) = counted(taktline_tokio::from_handle(runtime.handle().clone()));
    runtime.block_on(rt.enter(on_clock(case, &rt, &tasks)));
}

fn on_smol(case: Case) {
    let executor = Arc::new(smol::Executor::new());
    let (rt, tasks) = counted(taktline_smol::from_executor(&executor));
    smol::block_on(executor.run(rt.enter(on_clock(case, &rt, &tasks))));
}
