//! A merge can be added to while it runs, up to the moment when its reader is told that it has ended.

use std::time::Duration;

use taktline::op::Adder;
use taktline::prelude::*;
use tests::{UNIT, Witness, everywhere, on_sim};

const MS: Duration = Duration::from_millis(1);

/// 0, 50 and 100, a unit apart.
#[source]
async fn go(name: u64, out: Out<(u64, u64)>) {
    for x in [0, 50, 100] {
        if x > 0 {
            taktline::sleep(UNIT).await;
        }
        out.send((name, x)).await;
    }
}

#[test]
fn a_flow_that_the_loop_adds_at_the_first_fifty_ends_a_unit_later() {
    for seed in 0..100 {
        for buffer in [1, 2, 16] {
            let seen = on_sim(seed, |rt| async move {
                let mut xs = merge_growing(|_| [go(0), go(1), go(2)]).buffer(buffer).start_on(&rt);
                let add = xs.adder().expect("it grows");
                let (mut seen, mut has_added) = (Vec::new(), false);
                while let Some((name, x)) = xs.next().await.expect("nothing fails") {
                    if x == 50 && !std::mem::replace(&mut has_added, true) {
                        add.add(go(3)).expect("it has not ended");
                    }
                    seen.push((name, x, rt.now().since_epoch()));
                }
                let report = xs.report().expect("it was started");
                assert!(report.balances(), "{report}");
                seen
            });
            let times = |name| seen.iter().filter(|x| x.0 == name).map(|x| (x.1, x.2)).collect::<Vec<_>>();
            let from = |start: u32| [(0, UNIT * start), (50, UNIT * (start + 1)), (100, UNIT * (start + 2))];
            assert_eq!([0, 1, 2, 3].map(times), [from(0), from(0), from(0), from(1)], "seed {seed}");
            assert_eq!((seen.len(), seen[11].2), (12, UNIT * 3));
        }
    }
}

#[test]
fn a_flow_that_is_added_while_the_very_last_item_is_handled_is_read() {
    everywhere(|rt| async move {
        let mut xs = merge_growing(|_| [iter(0..3u64)]).start_on(&rt);
        let add = xs.adder().expect("it grows");
        let mut seen = Vec::new();
        while let Some(x) = xs.next().await.expect("nothing fails") {
            // Long after all inputs have ended.
            taktline::sleep(MS).await;
            if x % 10 == 2 && x < 40 {
                add.add(iter(x + 8..x + 11)).expect("its reader was not told of an end");
            }
            seen.push(x);
        }
        assert_eq!(seen, [0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42]);
        let refused = add.add(iter(7..8u64)).expect_err("its reader was told of the end");
        assert!(refused.error().is_none() && refused.to_string().contains("has ended"), "{refused}");
        assert_eq!(refused.flow.count().run_on(&rt).await.expect("it is whole").value, 1, "the flow comes back");
        assert!(xs.report().expect("it was started").balances());
    });
}

#[test]
fn a_loop_that_gives_up_waiting_is_not_told_of_the_end() {
    on_sim(1, |rt| async move {
        let mut xs = merge_growing(|_| [go(0)]).start_on(&rt);
        let add = xs.adder().expect("it grows");
        let mut seen = 0;
        while let Ok(Some(_)) = rt.timeout(UNIT / 2, xs.next()).await.unwrap_or(Ok(None)) {
            seen += 1;
        }
        assert_eq!(seen, 1, "the next one comes later");
        add.add(go(1)).expect("next has not given None");
        while let Some(_x) = xs.next().await.expect("nothing fails") {
            seen += 1;
        }
        assert_eq!(seen, 6);
    });
}

/// Adds the flow of the number below.
async fn descend(n: u64, add: Adder<u64>) -> u64 {
    taktline::sleep(MS).await;
    if n > 0 {
        add.add(once([n - 1])).expect("the stage has an item in work");
    }
    n
}

#[test]
fn a_stage_in_an_input_adds_flows() {
    everywhere(|rt| async move {
        let flow = merge_growing(|add: Adder<u64>| {
            [iter([5u64]).then(move |n| {
                let add = add.clone();
                async move {
                    for below in 0..n {
                        add.add(once([below])).expect("the input is open");
                    }
                    n
                }
            })]
        });
        for _ in 0..2 {
            let mut seen = flow.clone().collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails").value;
            seen.sort_unstable();
            assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
        }
    });
}

#[test]
fn one_worker_that_handles_the_last_item_may_still_add() {
    everywhere(|rt| async move {
        let adder: std::sync::Arc<std::sync::OnceLock<Adder<u64>>> = std::sync::Arc::default();
        let given = adder.clone();
        let flow = merge_growing(move |add| {
            let _ = given.set(add);
            [iter([6u64])]
        });
        let body = move |n| descend(n, adder.get().expect("it was given at the start").clone());
        let done = flow.map(|x| x).then(body).collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, [6, 5, 4, 3, 2, 1, 0]);
        assert!(done.report.balances(), "{}", done.report);
    });
}

#[test]
fn another_task_adds_while_it_is_kept_open() {
    everywhere(|rt| async move {
        let mut xs = merge_growing(|_| Vec::<BoxFlow<u64>>::new()).start_on(&rt);
        let add = xs.adder().expect("it grows");
        let open = add.keep_open();
        let task = rt.spawn(async move {
            for n in 0..5u64 {
                taktline::sleep(MS).await;
                add.add(iter(10 * n..10 * n + 2).boxed()).expect("it is kept open");
            }
            taktline::sleep(MS).await;
            drop(open);
        });
        let mut seen = Vec::new();
        while let Some(x) = xs.next().await.expect("nothing fails") {
            seen.push(x);
        }
        task.await.expect("nothing panics");
        assert_eq!(seen, [0, 1, 10, 11, 20, 21, 30, 31, 40, 41]);
    });
}

#[test]
fn a_pool_and_a_fused_sink_are_told_of_the_end() {
    everywhere(|rt| async move {
        let pool = stage(|x: u64| async move {
            taktline::sleep(MS).await;
            x
        });
        let flow = merge_growing(|_| [iter(0..20u64), iter(20..40)]);
        let done =
            flow.clone().then(pool.clone().concurrency(3).buffer(1)).count().run_on(&rt).await.expect("nothing fails");
        assert_eq!((done.value, done.report.balances()), (40, true), "{}", done.report);
        // All flows have ended long before the pool takes the last item.
        let early = merge_growing(|_| [iter(0..8u64)]).then(pool.concurrency(2)).count();
        assert_eq!(early.run_on(&rt).await.expect("nothing fails").value, 8);
        assert_eq!(flow.clone().count().run_on(&rt).await.expect("nothing fails").value, 40);
        assert_eq!(flow.take(3).count().run_on(&rt).await.expect("nothing fails").value, 3);
        let none = merge_growing(|_| Vec::<BoxFlow<u64>>::new());
        assert_eq!(none.clone().count().run_on(&rt).await.expect("nothing fails").value, 0);
        assert_eq!(none.then(|x| async move { x }).count().run_on(&rt).await.expect("nothing fails").value, 0);
    });
}

#[test]
fn an_open_batch_behind_a_growing_merge_goes_out_before_its_reader_is_told_of_the_end() {
    everywhere(|rt| async move {
        let growing = merge_growing(|_| [iter(0..5u64)]);
        let done = growing.batch(3).then(|xs| async move { xs }).collect::<Vec<_>>().run_on(&rt).await;
        let done = done.expect("nothing fails");
        assert_eq!((done.value, done.report.balances()), (vec![vec![0, 1, 2], vec![3, 4]], true), "{}", done.report);
    });
}

#[test]
fn a_loop_that_reads_a_growing_merge_through_a_tap_adds_to_it() {
    everywhere(|rt| async move {
        let mut xs = merge_growing(|_| [iter([0u64])]).tap(4, |f| f.count()).start_on(&rt);
        let (add, mut seen) = (xs.adder().expect("it grows"), Vec::new());
        while let Some(x) = xs.next().await.expect("nothing fails") {
            taktline::sleep(MS).await;
            if x < 3 {
                add.add(iter([x + 1])).expect("its reader was not told of an end");
            }
            seen.push(x);
        }
        assert_eq!(seen, [0, 1, 2, 3]);
    });
}

#[test]
fn a_flow_that_cannot_run_comes_back_and_a_plan_with_one_is_refused() {
    on_sim(1, |rt| async move {
        let mut xs = merge_growing(|_| [iter(0..3u64).boxed()]).start_on(&rt);
        let add = xs.adder().expect("it grows");
        let refused = add.add(iter(0..3u64).buffer(0).boxed()).expect_err("it has no place for an item");
        assert!(refused.error().is_some_and(taktline::Error::is_invalid), "{refused}");
        let spent = once(0..3u64);
        assert_eq!(spent.clone().count().run_on(&rt).await.expect("nothing fails").value, 3);
        let refused = add.add(spent.boxed()).expect_err("it was read");
        assert!(refused.error().is_some_and(taktline::Error::is_spent), "{refused}");
        assert_eq!(xs.next().await.expect("nothing fails"), Some(0));
        let invalid = merge_growing(|_| [iter(0..3u64).buffer(0)]).count();
        assert!(invalid.run_on(&rt).await.is_err_and(|error| error.is_invalid()));
    });
}

#[test]
fn a_growing_merge_that_fails_or_is_stopped_leaves_nothing() {
    everywhere(|rt| async move {
        let witness = Witness::new();
        for is_dropped in [true, false] {
            let made = witness.clone();
            let endless = move || {
                let made = made.clone();
                iter(0u64..).map(move |id| made.item(id))
            };
            let first = endless.clone();
            let mut xs = merge_growing(move |_| [first()]).start_on(&rt);
            let add = xs.adder().expect("it grows");
            add.add(endless()).expect("it has not ended");
            drop(xs.next().await.expect("nothing fails"));
            add.add(endless()).expect("it has not ended");
            if is_dropped {
                drop(xs);
                taktline::sleep(MS * 5).await;
            } else {
                let error = xs.cancel().await.expect_err("it had not ended");
                assert!(error.report().is_some_and(taktline::ledger::Report::balances), "{error:?}");
                assert!(add.add(endless()).is_err(), "it was cancelled");
            }
            assert_eq!(witness.left(), 0, "items are left");
        }
        let bad = |_: u64| async move { Err::<u64, _>("it is bad") };
        let mut xs = merge_growing(|_| [stream(futures::stream::pending::<u64>()).boxed()]).start_on(&rt);
        xs.adder().expect("it grows").add(iter(0..3u64).try_then(bad).boxed()).expect("it has not ended");
        let error = xs.next().await.expect_err("the flow that was added fails");
        assert_eq!(error.stage(), Some("try_then"));
    });
}
