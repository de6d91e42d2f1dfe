//! A pool whose items are ready at once runs them inline, and is a pool again from the first item on that is not: order,
//! bounds, outcome and books are the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use taktline::prelude::*;
use tests::{UNIT, everywhere, on_sim};

const ITEMS: u64 = 1000;
/// From here on something is different.
const TURN: u64 = 500;

fn checked(report: &taktline::ledger::Report) {
    assert!(report.balances(), "{report}");
    let left: u64 = report.stages().iter().map(|row| row.waiting + row.in_work + row.finished).sum();
    assert_eq!(left, 0, "{report}");
}

macro_rules! pools {
    ($body:expr) => {{
        let body = $body;
        [stage(body.clone()).concurrency(4), stage(body).concurrency(4).unordered()].map(|pool| pool.name("pool"))
    }};
}

#[test]
fn items_that_wait_after_many_that_did_not_are_worked_on_together() {
    for seed in 0..50 {
        on_sim(seed, |rt| async move {
            let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let (in_work, peak) = (now.clone(), most.clone());
            let pools = pools!(move |x: u64| {
                let (now, most) = (in_work.clone(), peak.clone());
                async move {
                    if x >= TURN {
                        most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                        taktline::sleep(UNIT).await;
                        now.fetch_sub(1, SeqCst);
                    }
                    x
                }
            });
            for (pool, is_unordered) in pools.into_iter().zip([false, true]) {
                most.store(0, SeqCst);
                let done = iter(0..ITEMS).then(pool).collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
                checked(&done.report);
                let mut value = done.value;
                assert!(is_unordered || value.is_sorted(), "seed {seed}");
                value.sort_unstable();
                assert!(value.iter().copied().eq(0..ITEMS), "seed {seed}");
                assert_eq!(most.load(SeqCst), 4, "seed {seed}");
                assert_eq!(done.report.elapsed(), UNIT * (ITEMS - TURN) as u32 / 4, "seed {seed}");
            }
        });
    }
}

#[test]
fn a_failure_after_many_items_names_its_item_and_comes_behind_those_before_it() {
    everywhere(|rt| async move {
        for is_unordered in [false, true] {
            let body = |x: u64| async move { if x == TURN { Err(format!("bad {x}")) } else { Ok(x) } };
            let seen = Arc::new(AtomicUsize::new(0));
            let count = seen.clone();
            let flow = if is_unordered {
                iter(0..ITEMS).then(stage(body).concurrency(4).unordered().name("pool")).boxed()
            } else {
                iter(0..ITEMS).then(stage(body).concurrency(4).name("pool")).boxed()
            };
            // `then` passes a `Result` on as data; the failure is that of the stage behind.
            let failing =
                stage(|x: Result<u64, String>| async move { x.expect("bad item") }).concurrency(4).name("fails");
            let plan = flow.then(failing).for_each(move |_| {
                count.fetch_add(1, SeqCst);
            });
            let error = plan.run_on(&rt).await.expect_err("an item is bad");
            assert_eq!(error.stage(), Some("fails"));
            checked(error.report().expect("it was started"));
            assert!(
                is_unordered || seen.load(SeqCst) == TURN as usize,
                "{} items before the failure",
                seen.load(SeqCst)
            );
        }
    });
}

#[test]
fn a_panic_in_a_fused_step_behind_an_inline_pool_is_that_steps() {
    everywhere(|rt| async move {
        for pool in pools!(|x: u64| std::future::ready(x)) {
            let flow = iter(0..ITEMS).then(pool).map(|x| if x == TURN { panic!("bad {x}") } else { x });
            let error = flow.count().run_on(&rt).await.expect_err("an item is bad");
            assert_eq!(error.stage(), Some("map"));
            let report = error.report().expect("it was started");
            checked(report);
            assert_eq!(report.stage("map").map(|row| row.failed), Some(1), "{report}");
        }
    });
}

#[test]
fn what_a_fused_step_makes_of_one_result_is_moved_on_before_the_next() {
    everywhere(|rt| async move {
        for pool in pools!(|x: u64| std::future::ready(x)) {
            let flow = iter(0..ITEMS).then(pool).flat_map(|x| [x, x, x]).buffer(2);
            let slow = stage(|x: u64| async move {
                if x % 100 == 0 {
                    taktline::yield_now().await;
                }
                x
            });
            let done = flow.then(slow).collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
            checked(&done.report);
            let expected: Vec<u64> = (0..ITEMS).flat_map(|x| [x; 3]).collect();
            assert_eq!(done.value.len(), expected.len());
            assert_eq!(done.value.iter().sum::<u64>(), expected.iter().sum::<u64>());
        }
    });
}

#[test]
fn a_reader_that_stops_behind_an_inline_pool_ends_it() {
    everywhere(|rt| async move {
        for pool in pools!(|x: u64| std::future::ready(x)) {
            let done = iter(0u64..).then(pool).take(TURN).count().run_on(&rt).await.expect("it ends early");
            assert_eq!(done.value, TURN);
            checked(&done.report);
        }
    });
}

#[test]
fn a_cancel_stops_an_inline_pool() {
    everywhere(|rt| async move {
        for pool in pools!(|x: u64| std::future::ready(x)) {
            let running = iter(0u64..).then(pool).count().start_on(&rt);
            for _ in 0..100 {
                taktline::yield_now().await;
            }
            let error = running.cancel().await.expect_err("it never ends");
            checked(error.report().expect("it was started"));
        }
    });
}

#[test]
fn a_drop_of_an_inline_pool_leaves_nothing() {
    everywhere(|rt| async move {
        for pool in pools!(|x: u64| std::future::ready(x)) {
            let running = iter(0u64..).then(pool).count().start_on(&rt);
            for _ in 0..100 {
                taktline::yield_now().await;
            }
            drop(running);
        }
    });
}

/// It was in no column of the books: an emitter that is dropped looked only at what it had taken itself.
#[test]
fn a_result_that_is_not_accepted_when_the_run_is_dropped_is_abandoned() {
    for seed in 0..200 {
        on_sim(seed, |rt| async move {
            for pool in pools!(|x: u64| std::future::ready(x)) {
                let slow = stage(|_: u64| std::future::pending::<u64>()).buffer(1);
                let running = iter(0..3u64).then(pool.buffer(1)).flat_map(|x| [x; 3]).then(slow).count().start_on(&rt);
                let runs = rt.watched();
                for _ in 0..seed % 10 {
                    taktline::yield_now().await;
                }
                drop(running);
                for _ in 0..20 {
                    taktline::yield_now().await;
                }
                runs.iter().for_each(|run| checked(&run.report()));
            }
        });
    }
}
