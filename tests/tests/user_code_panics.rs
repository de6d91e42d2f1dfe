//! A panic anywhere in user code is a failure of its stage: no hang, no abort, and books that balance.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use taktline::Error;
use taktline::prelude::*;
use taktline::stages::Stage;
use tests::{Bomb, UNIT, everywhere, on_sim};

/// The failure of a plan, with its books checked.
async fn failure<V: Send + 'static>(plan: Pipeline<V>, rt: &taktline::Rt) -> Error {
    let error = plan.run_on(rt).await.err().expect("it fails");
    assert!(error.is_panic(), "{error:?}");
    let report = error.report().expect("it was started");
    assert!(report.balances(), "{report}");
    let left: u64 = report.stages().iter().map(|row| row.waiting + row.in_work + row.finished).sum();
    assert_eq!(left, 0, "{report}");
    error
}

/// Panics when it is cloned for the `n`-th time.
struct BadClone {
    n: usize,
    clones: Arc<AtomicUsize>,
}

impl BadClone {
    fn new(n: usize) -> BadClone {
        BadClone { n, clones: Arc::default() }
    }
}

impl Clone for BadClone {
    fn clone(&self) -> BadClone {
        assert!(self.clones.fetch_add(1, SeqCst) + 1 != self.n, "bad clone");
        BadClone { n: self.n, clones: self.clones.clone() }
    }
}

impl Stage for BadClone {
    type In = u64;
    type Out = u64;

    async fn call(&mut self, item: u64, _: Out<'_, u64>) -> Result<Option<u64>, taktline::BoxError> {
        taktline::yield_now().await;
        Ok(Some(item))
    }
}

#[test]
fn a_panic_in_the_clone_of_a_stage_fails_the_stage() {
    everywhere(|rt| async move {
        for n in [1, 2] {
            for workers in [2, 4] {
                let plan = iter(0..20u64).then(stage(BadClone::new(n)).concurrency(workers).name("bad")).count();
                assert_eq!(failure(plan, &rt).await.stage(), Some("bad"));
                let bad = stage(BadClone::new(n)).concurrency(workers).unordered().name("bad");
                assert_eq!(failure(iter(0..20u64).then(bad).count(), &rt).await.stage(), Some("bad"));
            }
        }
    });
}

#[test]
fn a_panic_before_a_closure_has_made_its_future_is_that_of_its_item() {
    everywhere(|rt| async move {
        let bad = |x: u64| {
            assert!(x != 2, "bad {x}");
            async move { x }
        };
        for stage in [stage(bad), stage(bad).concurrency(2), stage(bad).concurrency(2).unordered()] {
            let error = failure(iter(0..20u64).then(stage.name("bad")).count(), &rt).await;
            assert_eq!(error.stage(), Some("bad"));
            assert!(error.failures().iter().any(|failure| failure.item() == Some(2)), "{error:?}");
            assert_eq!(error.report().and_then(|report| report.stage("bad")).map(|row| row.failed), Some(1));
        }
    });
}

#[stage]
async fn burst(x: u64, out: Out<u64>) {
    for i in 0..100 {
        out.send(100 * x + i).await;
    }
}

#[test]
fn a_panic_in_a_step_behind_a_pool_ends_bodies_that_wait_in_a_send() {
    everywhere(|rt| async move {
        for pool in [burst().concurrency(2), burst().concurrency(2).unordered()] {
            let flow = iter(0..20u64).then(pool).map(|x| if x == 3 { panic!("bad {x}") } else { x });
            assert_eq!(failure(flow.count(), &rt).await.stage(), Some("map"));
        }
    });
}

#[test]
fn a_panic_in_a_step_behind_a_pool_cuts_what_is_in_work_at_once() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let slow = stage(|x: u64| async move {
                taktline::sleep(UNIT * 1000 * x as u32).await;
                x
            });
            let flow = iter(0..4u64).then(slow.concurrency(2)).map(|x| if x == 0 { panic!("bad") } else { x });
            let error = failure(flow.count(), &rt).await;
            assert!(error.report().is_some_and(|report| report.elapsed().is_zero()), "seed {seed}");
        });
    }
}

#[test]
fn destructors_of_cut_results_that_panic_do_not_end_the_process() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let make = stage(|x: u64| async move {
                taktline::sleep(if x == 0 { UNIT * 100 } else { UNIT }).await;
                Bomb
            });
            let flow = iter(0..20u64).then(make.concurrency(3).window(8).name("make"));
            let running = flow.for_each(std::mem::forget).start_on(&rt);
            rt.sleep(UNIT * 5 / 2).await;
            let error = running.cancel().await.expect_err("it had not ended");
            assert!(error.is_cancelled() && !error.failures().is_empty(), "{error:?}");
            assert!(error.report().is_some_and(|report| report.balances()));
        });
    }
}

/// Panics when it is dropped, if it is a bad one.
struct BombIf(bool);

impl Drop for BombIf {
    fn drop(&mut self) {
        if self.0 && !std::thread::panicking() {
            panic!("bomb");
        }
    }
}

#[test]
fn a_panic_in_the_destructor_of_an_item_that_a_step_throws_away_is_that_of_the_step() {
    everywhere(|rt| async move {
        let flow = || iter(0..3u64).then(|x| async move { BombIf(x == 1) });
        let plans = [
            ("filter", flow().filter(|bomb| !bomb.0).for_each(std::mem::forget)),
            ("skip", flow().skip(2).for_each(std::mem::forget)),
            ("take_while", flow().take_while(|bomb| !bomb.0).for_each(std::mem::forget)),
            ("flat_map", flow().flat_map(|bomb| (0..1u64).filter(move |_| bomb.0)).for_each(drop)),
        ];
        for (name, plan) in plans {
            let error = failure(plan, &rt).await;
            assert_eq!(error.stage(), Some(name), "{error:?}");
            let row = error.report().and_then(|report| report.stage(name)).expect("a fused step has a row");
            assert_eq!((row.failed, row.filtered), (1, u64::from(matches!(name, "skip" | "flat_map"))), "{error:?}");
        }
    });
}

/// Fails while its output waits to be moved on.
#[stage(concurrency = 2, unordered)]
async fn fails_behind_a_permit(x: u64, out: Out<BombIf>) -> Result<(), String> {
    out.reserve().await.send(BombIf(x == 0));
    if x == 0 { Err("bad item".to_owned()) } else { Ok(()) }
}

#[test]
fn a_panic_in_the_destructor_of_an_output_does_not_hide_the_failure_of_its_item() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let plan = iter(0..3u64).then(fails_behind_a_permit()).for_each(std::mem::forget);
            let error = plan.run_on(&rt).await.expect_err("it fails");
            let told = |text: &str| error.failures().iter().any(|failure| failure.to_string().contains(text));
            assert!(told("bad item"), "seed {seed}: {error:?}");
            assert!(error.report().is_some_and(|report| report.balances()), "{error:?}");
        });
    }
}

/// Panics as it is made an iterator.
#[derive(Clone)]
struct BadItems;

impl IntoIterator for BadItems {
    type Item = u64;
    type IntoIter = std::vec::IntoIter<u64>;

    fn into_iter(self) -> Self::IntoIter {
        panic!("bad items")
    }
}

#[test]
fn a_panic_in_into_iter_is_that_of_its_source() {
    everywhere(|rt| async move {
        let error = failure(iter(BadItems).count(), &rt).await;
        assert_eq!(error.stage(), Some("iter"));
        let error = failure(iter(0..3u64).chain(iter(BadItems)).count(), &rt).await;
        assert_eq!(error.stage(), Some("iter"));
    });
}

/// Panics when it is dropped, with a payload that does the same.
struct Worse;

impl Drop for Worse {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::panic::panic_any(Worse);
        }
    }
}

#[test]
fn payloads_that_panic_when_they_are_dropped_do_not_end_the_process() {
    everywhere(|rt| async move {
        // What waits before the stage is thrown away, as nobody reads on.
        let forget = stage(|worse: Worse| async move { std::mem::forget(worse) });
        let plan = iter(0..30u64).map(|_| Worse).then(forget.buffer(8)).take(2).count();
        assert_eq!(plan.run_on(&rt).await.expect("nobody is left to be told").value, 2);
        let plan = iter(0..30u64).then(|_| async { Worse }).count();
        assert_eq!(failure(plan, &rt).await.stage(), Some("count"));
    });
}
