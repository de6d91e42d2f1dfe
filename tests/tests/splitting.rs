//! A split hands each item to its branches at exact times, lets a branch leave, and tells nobody but the last to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::Duration;

use taktline::prelude::*;
use tests::{UNIT, Witness, everywhere, on_sim};

const MS: Duration = Duration::from_millis(1);

#[sink(buffer = 1)]
async fn keep(x: u64, cost: u32, seen: &mpsc::Sender<(u64, Duration)>) {
    taktline::sleep(UNIT * cost).await;
    let _ = seen.send((x, taktline::now().since_epoch()));
}

/// Notes when the source was dropped.
struct Guard(Arc<AtomicBool>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[source]
async fn guarded(total: u64, is_dropped: &AtomicBoolArc, out: Out<u64>) {
    let _guard = Guard(is_dropped.0.clone());
    for i in 0..total {
        out.send(i).await;
        taktline::sleep(MS).await;
    }
    std::future::pending::<()>().await;
}

#[derive(Clone, Default)]
struct AtomicBoolArc(Arc<AtomicBool>);

#[test]
fn a_broadcast_gives_every_item_to_both_branches_at_the_pace_of_the_slow_one() {
    for seed in 0..100 {
        let (fast, slow) = on_sim(seed, |rt| async move {
            let ((fast, fast_ends), (slow, slow_ends)) = (mpsc::channel(), mpsc::channel());
            let plan = iter(0..10u64)
                .broadcast()
                .to(|f| f.sink(keep(1, fast).name("fast")))
                .to(|f| f.sink(keep(2, slow).name("slow")));
            let done = plan.run_on(&rt).await.expect("nothing fails");
            let report = done.report;
            assert!(report.balances(), "{report}");
            let row = |name| report.stage(name).expect("it has a row");
            assert_eq!((row("broadcast").items_in, row("broadcast").items_out), (10, 10));
            assert_eq!((row("fast").items_in, row("slow").items_in), (10, 10));
            (fast_ends.iter().collect::<Vec<_>>(), slow_ends.iter().collect::<Vec<_>>())
        });
        // Item n goes to both when the slow branch starts on item n - 1.
        let expected_slow: Vec<_> = (0..10).map(|n| (n, UNIT * (2 * n as u32 + 2))).collect();
        let expected_fast: Vec<_> =
            (0..10).map(|n| (n, UNIT * if n < 2 { n as u32 + 1 } else { 2 * (n as u32 - 1) + 1 })).collect();
        assert_eq!(slow, expected_slow, "seed {seed}");
        assert_eq!(fast, expected_fast, "seed {seed}");
        assert_eq!((slow[9].1, fast[9].1), (UNIT * 20, UNIT * 17));
    }
}

#[test]
fn a_branch_that_ends_early_leaves_and_the_others_go_on() {
    everywhere(|rt| async move {
        let slow = stage(|x: u64| async move {
            taktline::sleep(MS).await;
            x
        });
        let plan = iter(0..50u64)
            .broadcast()
            .to(|f| f.take(3).collect::<Vec<_>>())
            .to(|f| f.then(slow.clone()).take(5).collect::<Vec<_>>())
            .to(|f| f.buffer(1).then(slow.buffer(1)).count());
        let done = plan.run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, (vec![0, 1, 2], vec![0, 1, 2, 3, 4], 50));
        assert!(done.report.balances(), "{}", done.report);
        assert_eq!(done.report.stage("broadcast").expect("it has a row").done, 50);
    });
}

#[test]
fn when_all_branches_have_left_what_is_upstream_ends_at_once() {
    everywhere(|rt| async move {
        let is_dropped = AtomicBoolArc::default();
        let passed = stage(|x: u64| async move { x });
        let plan = guarded(20, is_dropped.clone()).broadcast().to(|f| f.take(2).count()).to(|f| f.then(passed).first());
        let done = plan.run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, (2, Some(0)));
        assert!(is_dropped.0.load(SeqCst), "the source would wait for ever");
        assert!(done.report.balances(), "{}", done.report);
    });
}

#[test]
fn the_last_branch_that_leaves_while_the_source_waits_ends_it() {
    for seed in 0..100 {
        let elapsed = on_sim(seed, |rt| async move {
            let is_dropped = AtomicBoolArc::default();
            let late = stage(|x: u64| async move {
                taktline::sleep(UNIT).await;
                x
            });
            // By then the source has sent all and waits: nothing but the branch can tell the split.
            let plan =
                guarded(2, is_dropped).broadcast().to(|f| f.then(late).take(1).count()).to(|f| f.take(1).count());
            let done = plan.run_on(&rt).await.expect("nothing fails");
            assert_eq!(done.value, (1, 1));
            done.report.elapsed()
        });
        assert_eq!(elapsed, UNIT, "seed {seed}");
    }
}

#[test]
fn a_failure_in_a_branch_lets_the_others_finish_what_was_accepted() {
    everywhere(|rt| async move {
        let (sends, kept) = mpsc::channel();
        let fails = |x: u64| async move { if x == 3 { Err(format!("{x} is bad")) } else { Ok(x) } };
        let plan = iter(0..1000u64)
            .broadcast()
            .to(|f| f.try_then(fails).count())
            .to(|f| f.for_each(move |x| sends.send(x).expect("somebody listens")));
        let error = plan.run_on(&rt).await.expect_err("the first branch fails");
        assert_eq!((error.stage(), error.failures().len()), (Some("try_then"), 1));
        let report = error.report().expect("it was started");
        assert!(report.balances(), "{report}");
        let kept: Vec<_> = kept.iter().collect();
        assert_eq!(kept, (0..kept.len() as u64).collect::<Vec<_>>());
        let row = report.stage("broadcast").expect("it has a row");
        assert_eq!((kept.len() as u64, row.items_out), (row.done, row.done), "{report}");
        assert_eq!(row.items_in, report.stage("iter").expect("it has a row").items_out, "nothing was cut: {report}");
    });
}

#[test]
fn a_broadcast_that_is_cancelled_or_dropped_leaves_nothing() {
    everywhere(|rt| async move {
        let witness = Witness::new();
        let made = witness.clone();
        let slow = |x: tests::Item| async move {
            taktline::sleep(Duration::from_secs(1000)).await;
            drop(x);
        };
        let plan = iter(0..20u64)
            .map(move |id| made.item(id))
            .broadcast()
            .to(move |f| f.buffer(1).sink(slow))
            .to(|f| f.collect::<Vec<_>>());
        for is_dropped in [true, false] {
            let running = plan.clone().start_on(&rt);
            taktline::sleep(MS * 5).await;
            if is_dropped {
                drop(running);
                taktline::sleep(MS * 5).await;
            } else {
                let error = running.cancel().await.expect_err("it had not ended");
                let report = error.report().expect("it was started");
                assert!(error.is_cancelled() && report.balances(), "{report}");
            }
            assert_eq!(witness.left(), 0, "items are left");
        }
    });
}

#[test]
fn a_broadcast_inside_of_a_branch_gives_a_tuple_in_a_tuple() {
    everywhere(|rt| async move {
        let plan = iter(0..4u64)
            .broadcast()
            .to(|f| f.broadcast().to(|f| f.count()).to(|f| f.map(|x| x + 1).collect::<Vec<_>>()))
            .to(|f| f.fold(0, |a, x| a + x));
        for _ in 0..2 {
            let done = plan.clone().run_on(&rt).await.expect("nothing fails");
            assert_eq!(done.value, ((4, vec![1, 2, 3, 4]), 6));
            assert!(done.report.balances(), "{}", done.report);
        }
    });
}

#[test]
fn a_clone_that_panics_fails_the_split() {
    #[derive(Debug)]
    struct Bad;
    impl Clone for Bad {
        fn clone(&self) -> Bad {
            panic!("it cannot be cloned")
        }
    }
    everywhere(|rt| async move {
        let plan = once([Bad]).broadcast().to(|f| f.count()).to(|f| f.count());
        let error = plan.run_on(&rt).await.expect_err("the clone panics");
        assert_eq!((error.stage(), error.is_panic()), (Some("broadcast"), true));
        assert!(error.report().is_some_and(taktline::ledger::Report::balances), "{error:?}");
    });
}

#[test]
fn a_branch_without_its_flow_makes_the_plan_invalid() {
    on_sim(1, |rt| async move {
        let unread = iter(0..3u64).broadcast().to(|f| f.count()).to(|_| iter(0..3u64).count());
        let error = unread.run_on(&rt).await.expect_err("the second branch reads something else");
        assert!(error.to_string().contains("branch 1 of `broadcast` does not read"), "{error}");
        let twice = iter(0..3u64).broadcast().to(|f| merge((f.clone(), f)).count());
        let error = twice.run_on(&rt).await.expect_err("the flow is read twice");
        assert!(error.to_string().contains("branch 0 of `broadcast` reads its flow twice"), "{error}");
        let mut taken = None;
        let _plan = iter(0..3u64).broadcast().to(|f| f.inspect(|_| ()).map(|x| x).count()).to(|f| {
            taken = Some(f.clone());
            f.count()
        });
        let error = taken.expect("it was given").count().run_on(&rt).await.expect_err("its split is not there");
        assert!(error.to_string().contains("taken out"), "{error}");
    });
}

#[test]
fn a_broadcast_tells_its_bound() {
    let plan = iter(0..9u64)
        .buffer(3)
        .broadcast()
        .to(|f| f.sink(keep(1, mpsc::channel().0)))
        .to(|f| f.then(|x| async move { x }).count());
    // The source and the split hold one each; each branch has an edge and a worker.
    assert_eq!(plan.bound(), 1 + 3 + 1 + (1 + 1) + (16 + 1));
}
