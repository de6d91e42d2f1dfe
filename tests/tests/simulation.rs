//! The simulated runtime: exact time, replay by seed, no starvation, and a report of who waits for whom.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use taktline::prelude::*;
use taktline::sim::{Explore, Sim, explore, run};
use tests::{UNIT, units};

#[source]
async fn stuck(out: Out<u64>) {
    out.send(1).await;
    std::future::pending::<()>().await;
}

#[stage]
async fn pass(x: u64) -> u64 {
    x
}

#[sink(buffer = 1)]
async fn jam(_x: u64) {
    std::future::pending::<()>().await;
}

fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it does not panic"),
        Err(panic) => panic.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

#[test]
fn hours_pass_in_no_time_and_exactly() {
    let start = Instant::now();
    let elapsed = run(1, async {
        let slow = stage(|x: u64| async move {
            sleep(Duration::from_secs(3600)).await;
            x
        });
        let done = iter(0..100u64).then(slow.concurrency(4)).count().run().await.expect("nothing fails");
        done.report.elapsed()
    });
    assert_eq!(elapsed, Duration::from_secs(25 * 3600));
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_deadlock_is_told_at_once_with_who_waits_for_whom() {
    let told = panic_of(|| run(7, async { stuck().then(pass()).sink(jam()).run().await }));
    assert!(told.contains("deadlock at 0ns, seed 7"), "{told}");
    assert!(told.contains("`stuck` is in work and waits for something outside"), "{told}");
    assert!(told.contains("`pass` waits for input from `stuck`"), "{told}");
    assert!(told.contains("`jam` is in work"), "{told}");
    let told = panic_of(|| run(7, async { iter(0..99u64).then(pass()).sink(jam()).run().await }));
    assert!(told.contains("`iter` waits for room before `pass`"), "{told}");
    assert!(told.contains("`pass` waits for room before `jam`"), "{told}");
    let told = panic_of(|| run(7, std::future::pending::<()>()));
    assert!(told.contains("no pipeline is running"), "{told}");
}

#[test]
fn tasks_that_wake_each_other_for_ever_are_told_while_no_time_passes() {
    async fn spin() {
        loop {
            yield_now().await;
        }
    }
    let restless = stage(|x: u64| async move {
        spin().await;
        x
    });
    let plan = || iter(0..9u64).then(restless.clone().name("restless")).then(pass()).count();
    let told = panic_of(|| run(3, plan().run()));
    assert!(told.contains("1000000 polls led nowhere (`restless` 1000000) at 0ns, seed 3"), "{told}");
    assert!(told.contains("`pass` waits for input from `restless`"), "{told}");
    let told = panic_of(|| run(3, spin()));
    assert!(told.contains("1000000 polls led nowhere (the program 1000000) at 0ns, seed 3"), "{told}");
    let sim = Sim::new(3);
    sim.rt().spawn(spin()).detach();
    assert!(panic_of(|| sim.settle()).contains("led nowhere"), "also where tasks run by themselves");
}

#[test]
fn a_program_that_asks_again_and_again_for_what_never_comes_is_told() {
    // A window is a tenth of what a seed may take.
    let asks = |_| async {
        let mut xs = stuck().then(pass()).start();
        while !matches!(taktline::timeout(UNIT, xs.next()).await, Ok(Ok(None))) {}
    };
    let told = Explore::new().seed(5, asks).expect_err("it never ends").to_string();
    assert!(told.contains("20000 polls led nowhere (the program 20000)"), "{told}");
    assert!(told.contains("`stuck` is in work and waits for something outside"), "{told}");
}

#[test]
fn a_program_that_waits_long_or_has_much_to_do_is_let_go_on() {
    // 10,000 polls are a window here.
    let explore = Explore::new().polls(100_000);
    // What comes was set before all that ticks meanwhile.
    let patient = |_| async {
        let late = stage(|x: u64| async move {
            sleep(UNIT * 25_000).await;
            x
        });
        let mut run = Box::pin(iter(0..1u64).then(late).count().run());
        while taktline::timeout(UNIT, run.as_mut()).await.is_err() {}
    };
    assert!(explore.seed(1, patient).expect("it ends").steps > 25_000);
    let busy = |_| async {
        let done = iter(0..20_000u64).then(pass().buffer(1)).buffer(1).count().run().await;
        assert_eq!(done.expect("nothing fails").value, 20_000);
    };
    assert!(explore.seed(1, busy).expect("items move").steps > 20_000);
}

/// The trace of a small pipeline.
fn trace(seed: u64) -> (u64, Vec<String>) {
    let sim = Sim::new(seed);
    sim.record_trace();
    let slow = stage(|x: u64| async move {
        sleep(units(0.1 * (x % 3) as f64)).await;
        x
    });
    let flow = merge([iter(0..8u64), iter(8..16u64)]).then(slow.concurrency(3).unordered());
    sim.block_on(flow.count().run_on(&sim.rt())).expect("nothing fails");
    (sim.trace_hash(), sim.trace())
}

#[test]
fn a_seed_replays_to_the_same_trace_and_seeds_differ() {
    let mut hashes = BTreeSet::new();
    for seed in 0..100 {
        let (hash, lines) = trace(seed);
        assert_eq!((hash, &lines), (trace(seed).0, &trace(seed).1), "seed {seed}");
        assert!(lines.len() > 20, "{lines:?}");
        hashes.insert(hash);
    }
    assert!(hashes.len() >= 95, "{} of 100 schedules differ", hashes.len());
}

#[test]
fn no_ready_task_is_starved() {
    for seed in 0..100 {
        let sim = Sim::new(seed);
        let polls: Vec<_> = (0..5).map(|_| Arc::new(AtomicUsize::new(0))).collect();
        let rt = sim.rt();
        let tasks: Vec<_> = polls
            .iter()
            .map(|polls| {
                let polls = polls.clone();
                rt.spawn(async move {
                    loop {
                        polls.fetch_add(1, SeqCst);
                        yield_now().await;
                    }
                })
            })
            .collect();
        sim.block_on(async {
            for _ in 0..1000 {
                yield_now().await;
            }
        });
        drop(tasks);
        sim.settle();
        for polls in polls {
            assert!(polls.load(SeqCst) >= 999, "seed {seed}: {polls:?}");
        }
        assert_eq!(sim.task_count(), 0);
    }
}

#[test]
fn a_failing_seed_can_be_found_and_replayed() {
    // Two tasks race: some schedules let the second one win.
    async fn race() {
        let rt = taktline::choose_runtime().expect("sim is current");
        let first = Arc::new(AtomicUsize::new(0));
        let enter = |id: usize| {
            let first = first.clone();
            async move { first.compare_exchange(0, id, SeqCst, SeqCst).is_ok() }
        };
        let (a, b) = (rt.spawn(enter(1)), rt.spawn(enter(2)));
        assert!(a.await.expect("it ends"), "the second one was first");
        b.await.expect("it ends");
    }
    let failing = (0..64).find(|&seed| catch_unwind(|| run(seed, race())).is_err()).expect("some seed fails");
    assert!((0..64).any(|seed| catch_unwind(|| run(seed, race())).is_ok()), "some seed passes");
    assert!(catch_unwind(|| run(failing, race())).is_err(), "a seed replays");
    assert!(catch_unwind(|| explore(0..64, |_| race())).is_err(), "exploring finds it");
}

#[taktline::test]
async fn a_test_runs_on_virtual_time() {
    let start = taktline::now();
    sleep(UNIT * 1000).await;
    assert_eq!(taktline::now() - start, UNIT * 1000);
}

#[taktline::test(sim, tokio, smol)]
async fn a_test_can_name_its_runtimes() {
    let name = taktline::choose_runtime().expect("a test has a runtime").name();
    assert!(["sim", "tokio", "smol"].contains(&name));
}
