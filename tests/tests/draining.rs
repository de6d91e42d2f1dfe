//! A drain ends the sources, finishes what was accepted, and becomes a cancel at its deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use taktline::prelude::*;
use taktline::sim::{Explore, Fault};
use tests::{UNIT, Witness, everywhere, on_sim, units};

const LONG: Duration = Duration::from_secs(3600);

#[source]
async fn producer(out: Out<u64>) {
    for i in 0..10 {
        taktline::sleep(UNIT * i as u32 / 10).await;
        out.send(i).await;
    }
}

#[sink(concurrency = 6)]
async fn consumer(x: u64) {
    taktline::sleep(UNIT * 4 * x as u32 / 10).await;
}

/// The essay's sixth program.
fn essay(buffer: usize) -> Pipeline<()> {
    merge([(); 4].map(|()| producer().buffer(buffer))).sink(consumer().buffer(buffer))
}

#[test]
fn what_was_accepted_is_done_at_exact_times() {
    for seed in 0..200 {
        let done = on_sim(seed, |rt| async move {
            let running = essay(16).start_on(&rt);
            rt.sleep(units(2.0)).await;
            running.drain(LONG).await.expect("nothing fails")
        });
        let row = done.report.stage("consumer").expect("the sink has a row");
        assert_eq!((row.items_in, row.done), (24, 24), "seed {seed}: {}", done.report);
        assert_eq!(done.report.elapsed(), units(4.9), "seed {seed}");
        assert!(done.report.balances());
    }
}

#[test]
fn a_drain_that_is_in_time_equals_one_without_a_deadline_and_one_that_is_late_is_a_cancel() {
    for seed in 0..100 {
        for buffer in [1, 16] {
            for (within, is_late) in [(units(5.0), false), (units(0.5), true)] {
                let (outcome, begun) = on_sim(seed, |rt| async move {
                    let running = essay(buffer).start_on(&rt);
                    rt.sleep(units(2.0)).await;
                    (running.drain(within).await, rt.now())
                });
                let report = match &outcome {
                    Ok(done) => &done.report,
                    Err(error) => error.report().expect("it was started"),
                };
                assert!(report.balances(), "{report}");
                assert_eq!(outcome.is_err(), is_late, "seed {seed}, buffer {buffer}");
                let row = report.stage("consumer").expect("the sink has a row");
                assert_eq!(row.items_in, row.done + row.abandoned, "seed {seed}, buffer {buffer}: {report}");
                if let Err(error) = &outcome {
                    assert!(error.is_cancelled() && error.is_overdue(), "{error:?}");
                    assert_eq!(error.stuck(), ["consumer"], "{error:?}");
                    assert!(row.abandoned > 0);
                    assert_eq!(begun.since_epoch(), units(2.5), "seed {seed}, buffer {buffer}");
                }
            }
        }
    }
}

/// Sends without a pause; counts what was made, and what a `send` has returned for.
#[source]
async fn endless(made: &AtomicU64, sent: &AtomicU64, out: Out<u64>) {
    for x in 0.. {
        made.fetch_add(1, SeqCst);
        out.send(x).await;
        sent.fetch_add(1, SeqCst);
    }
}

#[stage]
async fn slow(x: u64) -> u64 {
    taktline::sleep(UNIT).await;
    x
}

#[test]
fn an_item_in_a_pending_send_is_accepted_and_nothing_is_made_after_it() {
    for seed in 0..100 {
        for buffer in [1, 2, 3, 16] {
            let (made, sent) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
            let done = on_sim(seed, |rt| {
                let plan = endless(made.clone(), sent.clone()).then(slow().buffer(buffer)).collect::<Vec<_>>();
                async move {
                    let running = plan.start_on(&rt);
                    rt.sleep(units(3.5)).await;
                    running.drain(LONG).await.expect("nothing fails")
                }
            });
            // Three done, one in work, the edge, and the one in the send, which never returns.
            let items = 3 + 1 + buffer as u64 + 1;
            assert_eq!(done.value, (0..items).collect::<Vec<_>>(), "seed {seed}, buffer {buffer}");
            assert_eq!((made.load(SeqCst), sent.load(SeqCst)), (items, items - 1), "seed {seed}, buffer {buffer}");
            assert_eq!(done.report.elapsed(), units(items as f64), "seed {seed}, buffer {buffer}");
        }
    }
}

/// Waits for a place before it makes an item.
#[source]
async fn reserving(made: &AtomicU64, out: Out<u64>) {
    for x in 0.. {
        let permit = out.reserve().await;
        made.fetch_add(1, SeqCst);
        permit.send(x);
    }
}

#[test]
fn a_permit_that_is_waited_for_is_the_last_one() {
    for seed in 0..100 {
        let made = Arc::new(AtomicU64::new(0));
        let done = on_sim(seed, |rt| {
            let plan = reserving(made.clone()).then(slow().buffer(1)).count();
            async move {
                let running = plan.start_on(&rt);
                rt.sleep(units(2.5)).await;
                running.drain(LONG).await.expect("nothing fails")
            }
        });
        assert_eq!((done.value, made.load(SeqCst)), (5, 5), "seed {seed}");
    }
}

/// Gives up a wait for room, and rests.
#[source]
async fn hesitant(reserves: bool, out: Out<u64>) {
    loop {
        let has_sent = match reserves {
            true => taktline::timeout(UNIT / 4, out.reserve()).await.map(|permit| permit.send(7)).is_ok(),
            false => taktline::timeout(UNIT / 4, out.send(7)).await.is_ok(),
        };
        if !has_sent {
            taktline::sleep(LONG).await;
        }
    }
}

#[test]
fn a_source_that_has_given_up_a_wait_for_room_ends_at_once() {
    for seed in 0..50 {
        for reserves in [true, false] {
            let done = on_sim(seed, |rt| async move {
                let four_units = |x: u64| async move {
                    taktline::sleep(4 * UNIT).await;
                    x
                };
                let running = hesitant(reserves).then(stage(four_units).buffer(1)).count().start_on(&rt);
                rt.sleep(UNIT).await;
                running.drain(units(20.0)).await.expect("nobody is stuck")
            });
            assert_eq!((done.value, done.report.elapsed()), (2, units(8.0)), "seed {seed}: {}", done.report);
        }
    }
}

#[test]
fn what_fills_a_permit_arrives_before_the_source_ends() {
    #[source]
    async fn one(out: Out<u64>) {
        out.reserve().await.send(1);
        taktline::sleep(LONG).await;
    }
    for seed in 0..50 {
        let done = on_sim(seed, |rt| async move {
            let running = one().flat_map(|x| [x; 9]).then(slow().buffer(1)).count().start_on(&rt);
            rt.sleep(units(1.5)).await;
            running.drain(LONG).await.expect("nothing fails")
        });
        assert_eq!((done.value, done.report.elapsed()), (9, units(9.0)), "seed {seed}");
    }
}

/// Every kind of source, without an end.
fn sources(witness: &Arc<Witness>) -> Vec<BoxFlow<tests::Item>> {
    let item = |witness: &Arc<Witness>| {
        let witness = witness.clone();
        move |id| witness.item(id)
    };
    let counted = || (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (made, sent) = counted();
    vec![
        iter(0u64..).map(item(witness)).boxed(),
        once(0u64..).map(item(witness)).boxed(),
        stream(futures::stream::iter(0u64..)).map(item(witness)).boxed(),
        stream(futures::stream::pending::<u64>()).map(item(witness)).boxed(),
        endless(made, sent).map(item(witness)).boxed(),
        iter(0u64..).flat_map(|x| [x; 7]).map(item(witness)).boxed(),
        iter(0u64..).chain(iter(0u64..)).map(item(witness)).boxed(),
        merge([iter(0u64..), iter(0u64..)]).map(item(witness)).boxed(),
        iter(0u64..9).chain(iter(0u64..)).map(item(witness)).boxed(),
    ]
}

/// Takes time: on sim none passes while something is always ready.
#[stage]
async fn pass(item: tests::Item) -> tests::Item {
    taktline::sleep(Duration::from_micros(100)).await;
    item
}

#[test]
fn every_source_ends_and_the_run_is_over_in_time() {
    everywhere(|rt| async move {
        for (at, pool) in (0..9).flat_map(|at| [0, 1, 2].map(|pool| (at, pool))) {
            let witness = Arc::new(Witness::new());
            let flow = sources(&witness).swap_remove(at);
            let stage = match pool {
                0 => pass(),
                1 => pass().concurrency(3),
                _ => pass().concurrency(3).unordered(),
            };
            let running = flow.then(stage.buffer(2)).count().start_on(&rt);
            rt.sleep(Duration::from_millis(1)).await;
            let done = running.drain(Duration::from_secs(30)).await.expect("nothing fails");
            assert!(done.report.balances(), "{}", done.report);
            assert!(done.report.stages().iter().all(|row| row.abandoned == 0), "source {at}: {}", done.report);
            assert_eq!(done.value as usize, witness.made(), "source {at}");
            assert_eq!(witness.left(), 0, "source {at}");
        }
    });
}

/// Counts until it is told, then says so.
#[source]
async fn told(after: u64, out: Out<u64>) {
    for x in 0.. {
        if taktline::timeout(UNIT, out.closing()).await.is_ok() {
            break;
        }
        out.send(x).await;
    }
    for x in 0..after {
        taktline::sleep(UNIT).await;
        out.send(1000 + x).await;
    }
}

#[test]
fn a_source_that_asks_is_told_and_ends_by_itself() {
    for seed in 0..100 {
        for buffer in [1, 16] {
            let done = on_sim(seed, |rt| async move {
                let running = told(2).then(slow().buffer(buffer)).collect::<Vec<_>>().start_on(&rt);
                rt.sleep(units(2.5)).await;
                running.drain(LONG).await.expect("nothing fails")
            });
            assert_eq!(done.value, [0, 1, 1000, 1001], "seed {seed}, buffer {buffer}");
            assert_eq!(done.report.elapsed(), units(5.5), "seed {seed}, buffer {buffer}");
        }
    }
}

#[test]
fn a_source_that_was_told_and_goes_on_is_cut_at_the_deadline() {
    for seed in 0..100 {
        let error = on_sim(seed, |rt| async move {
            let running = told(1000).then(slow()).count().start_on(&rt);
            rt.sleep(units(2.5)).await;
            running.drain(units(4.0)).await.expect_err("it goes on")
        });
        assert!(error.is_cancelled() && error.is_overdue(), "{error:?}");
        assert!(error.stuck().contains(&"told".to_owned()), "{error:?}");
        assert_eq!(error.report().map(|report| report.elapsed()), Some(units(6.5)), "seed {seed}");
    }
}

#[test]
fn a_stage_that_makes_outputs_without_end_is_told() {
    #[stage(concurrency = 2)]
    async fn repeat(x: u64, out: Out<u64>) {
        while taktline::timeout(UNIT, out.closing()).await.is_err() {
            out.send(x).await;
        }
    }
    for seed in 0..50 {
        let done = on_sim(seed, |rt| async move {
            let running = iter([1u64, 2]).then(repeat().unordered()).collect::<Vec<_>>().start_on(&rt);
            rt.sleep(units(3.5)).await;
            running.drain(LONG).await.expect("it ends")
        });
        assert_eq!((done.value.len(), done.report.elapsed()), (6, units(3.5)), "seed {seed}");
    }
}

#[test]
fn the_stage_that_is_stuck_is_named() {
    everywhere(|rt| async move {
        let stuck = stage(|x: u64| async move {
            std::future::pending::<()>().await;
            x
        });
        for stage in [stuck.clone().name("stuck"), stuck.name("stuck").concurrency(2)] {
            let running = iter(0u64..).then(|x| async move { x }).then(stage).count().start_on(&rt);
            rt.sleep(Duration::from_millis(5)).await;
            let error = running.drain(Duration::from_millis(20)).await.expect_err("it is stuck");
            assert!(error.is_overdue() && error.failures().is_empty(), "{error:?}");
            assert_eq!(error.stuck(), ["stuck"], "{error:?}");
            assert!(error.to_string().ends_with("with `stuck` still at work"), "{error}");
            let report = error.report().expect("it was started");
            assert!(report.balances() && report.stages().iter().any(|row| row.abandoned > 0), "{report}");
        }
    });
}

#[test]
fn a_worker_that_is_stuck_is_named_when_others_have_waited_for_room_meanwhile() {
    for is_ordered in [true, false] {
        for seed in 0..50 {
            on_sim(seed, |rt| async move {
                let hangs = stage(|x: u64| async move {
                    if x == 1 {
                        std::future::pending::<()>().await;
                    }
                    x
                });
                let hangs = hangs.name("hangs").concurrency(2);
                let hangs = if is_ordered { hangs } else { hangs.unordered() };
                let slow = stage(|x: u64| async move {
                    taktline::sleep(UNIT).await;
                    x
                });
                let running = iter(0u64..9).then(hangs).then(slow.name("slow").buffer(1)).count().start_on(&rt);
                rt.sleep(99 * UNIT).await;
                let error = running.drain(UNIT).await.expect_err("it never returns");
                assert_eq!(error.stuck(), ["hangs"], "ordered: {is_ordered}, seed {seed}: {error:?}");
            });
        }
    }
}

#[test]
fn a_drain_never_ends_well_after_a_failure() {
    for seed in 0..200 {
        let error = on_sim(seed, |rt| async move {
            let fails = |x: u64| async move {
                taktline::sleep(UNIT).await;
                if x == 4 { Err("four is bad") } else { Ok(x) }
            };
            let running = iter(0u64..).try_then(fails).count().start_on(&rt);
            rt.sleep(units(0.5)).await;
            running.drain(LONG).await.expect_err("the fifth item fails")
        });
        assert!(error.is_failed() && !error.is_overdue(), "seed {seed}: {error:?}");
        assert_eq!(error.first().and_then(|failure| failure.item()), Some(4), "seed {seed}");
    }
}

#[test]
fn the_deadline_also_holds_for_a_run_that_has_failed() {
    let error = on_sim(1, |rt| async move {
        let fails = |x: u64| async move { if x == 1 { Err("one is bad") } else { Ok(x) } };
        let hangs = |_: u64| async { std::future::pending::<()>().await };
        let running = iter(0u64..).try_then(fails).sink(hangs).start_on(&rt);
        rt.sleep(UNIT).await;
        running.drain(UNIT).await.expect_err("it has failed")
    });
    assert!(error.is_failed() && error.is_overdue(), "{error:?}");
    assert_eq!((error.stage(), error.stuck()), (Some("try_then"), &["sink".to_owned()][..]), "{error:?}");
}

#[test]
fn a_token_stops_several_runs_and_those_that_begin_later() {
    everywhere(|rt| async move {
        let stop = StopToken::new();
        let plan = || iter(0u64..).then(pass_number()).count().stop_on(&stop);
        let runs = [plan().start_on(&rt), plan().start_on(&rt), plan().start_on(&rt)];
        rt.sleep(Duration::from_millis(1)).await;
        stop.drain(LONG);
        stop.drain(LONG);
        assert!(stop.is_stopped());
        stop.stopped().await;
        for run in runs {
            assert!(run.join().await.expect("nothing fails").report.balances());
        }
        // It begins, and its source is never read.
        assert_eq!(plan().run_on(&rt).await.expect("nothing fails").value, 0);
        stop.cancel();
        stop.drain(LONG);
        assert!(plan().run_on(&rt).await.expect_err("it is cancelled").is_cancelled());
    });
}

#[test]
fn the_earliest_deadline_counts() {
    for (deadlines, ends) in [([8.0, 4.0], 5.0), ([4.0, 8.0], 5.0)] {
        let error = on_sim(1, |rt| async move {
            let stop = StopToken::new();
            let hangs = |_: u64| async { std::future::pending::<()>().await };
            let running = iter(0u64..).sink(hangs).stop_on(&stop).start_on(&rt);
            rt.sleep(UNIT).await;
            deadlines.into_iter().for_each(|deadline| stop.drain(units(deadline)));
            running.join().await.expect_err("it hangs")
        });
        assert_eq!(error.report().map(|report| report.elapsed()), Some(units(ends)), "{deadlines:?}");
    }
}

#[test]
fn a_stage_can_stop_its_own_run() {
    everywhere(|rt| async move {
        for (cancels, fused) in [(false, false), (false, true), (true, false), (true, true)] {
            let stop = StopToken::new();
            let inner = stop.clone();
            let look = move |x: &u64| {
                if *x == 9 {
                    if cancels { inner.cancel() } else { inner.drain(LONG) }
                }
            };
            let flow = iter(0u64..);
            let flow = if fused {
                flow.inspect(look).boxed()
            } else {
                flow.then(move |x| {
                    look(&x);
                    async move { x }
                })
            };
            let outcome = flow.then(pass_number()).count().stop_on(&stop).run_on(&rt).await;
            match outcome {
                Ok(done) => assert!(!cancels && done.value >= 10 && done.report.balances(), "{}", done.report),
                Err(error) => assert!(cancels && error.is_cancelled(), "{error:?}"),
            }
        }
    });
}

#[stage]
async fn pass_number(x: u64) -> u64 {
    taktline::sleep(Duration::from_micros(100)).await;
    x
}

#[test]
fn a_second_cancel_does_not_turn_the_first_into_a_failure() {
    /// Fails when it is polled after `stop` was used, and uses it again.
    #[stage]
    async fn late(x: u64, stop: &StopToken) -> Result<u64, String> {
        stop.stopped().await;
        stop.cancel();
        Err(format!("{x} is late"))
    }
    for seed in 0..100 {
        let error = on_sim(seed, |rt| async move {
            let stop = StopToken::new();
            let running =
                iter(0u64..).then(late(&stop).concurrency(2).unordered()).count().stop_on(&stop).start_on(&rt);
            rt.sleep(UNIT).await;
            stop.cancel();
            running.join().await.expect_err("it was cancelled")
        });
        assert!(error.is_cancelled(), "seed {seed}: {error:?}");
        assert_eq!(error.failures().len(), 2, "seed {seed}: {error:?}");
    }
}

#[test]
fn a_loop_reads_on_through_a_drain_and_is_cut_by_a_cancel() {
    everywhere(|rt| async move {
        let mut xs = iter(0u64..).then(|x| async move { x }).buffer(2).start_on(&rt);
        assert_eq!(xs.next().await.expect("nothing fails"), Some(0));
        rt.sleep(Duration::from_millis(1)).await;
        xs.drain(LONG);
        let mut last = 0;
        while let Some(x) = xs.next().await.expect("nothing fails") {
            assert_eq!(x, last + 1);
            last = x;
        }
        let report = xs.report().expect("it was started");
        assert!(report.balances() && report.stage("then").is_some_and(|row| row.done == last + 1), "{report}");

        let stop = StopToken::new();
        let mut xs = iter(0u64..).then(|x| async move { x }).buffer(2).start_on(&rt).stop_on(&stop);
        assert_eq!(xs.next().await.expect("nothing fails"), Some(0));
        stop.cancel();
        let error = xs.next().await.expect_err("it was cancelled");
        assert!(error.is_cancelled() && error.report().is_some_and(|report| report.balances()), "{error:?}");
    });
}

/// A pipeline that is drained at any step of a schedule with faults.
async fn drained_anywhere(case: taktline::sim::Case) {
    let rt = taktline::runtime::current().expect("it is polled on sim");
    let witness = Arc::new(Witness::new());
    let at = case.draw(0..=8) as usize;
    let stage = match case.draw(0..=2) {
        0 => pass(),
        1 => pass().concurrency(case.size()),
        _ => pass().concurrency(case.size()).unordered(),
    };
    let flow = sources(&witness).swap_remove(at).then(stage.buffer(case.size()));
    let running = flow.then(pass().buffer(case.size())).count().start_on(&rt);
    // A source that never gives anything leaves no step.
    let _ = taktline::timeout(UNIT, case.moment(Fault::Drain)).await;
    let done = running.drain(LONG).await.expect("nothing fails");
    taktline::sim::audit(&done.report);
    assert_eq!(done.value as usize, witness.made(), "{}", done.report);
    assert_eq!(witness.left(), 0, "{}", done.report);
}

#[test]
fn thousands_of_drains_between_any_two_polls() {
    let faults = [Fault::Drain, Fault::SpuriousWake, Fault::DelayedWake, Fault::DuplicateWake];
    let (drains, least) = (AtomicU64::new(0), if cfg!(debug_assertions) { 1_000 } else { 10_000 });
    let coverage = Explore::new().faults(faults.into_iter().collect()).run(0..5 * least, |case| {
        let is_drained = case.has(Fault::Drain);
        drains.fetch_add(u64::from(is_drained), SeqCst);
        async move {
            if is_drained {
                drained_anywhere(case).await;
            }
        }
    });
    assert!(drains.into_inner() > least && coverage.traces() as u64 > least / 2, "{coverage}");
}

/// What is made of an accepted item is a part of its work: a drain ends the outer sources, and waits for inner flows.
#[test]
fn a_drain_finishes_the_inner_flows_of_what_was_accepted() {
    let flow = || iter(0..).flat_map_flow(2, |x: u64| iter([x; 5]).then(pass_number())).buffer(3);
    for seed in 0..50 {
        let done = on_sim(seed, |rt| async move {
            let running = flow().count().start_on(&rt);
            rt.sleep(Duration::from_micros(1234)).await;
            running.drain(LONG).await.expect("all of it ends in time")
        });
        let outer = done.report.stage("flat_map_flow").expect("it has a row");
        assert_eq!((outer.done, done.value), (outer.items_in, 5 * outer.items_in), "seed {seed}: {}", done.report);
    }
}

/// Endless sources before stages of all forms, with one that never returns in every tenth run.
async fn drained_in_passing(rt: &taktline::Rt, run: u64) {
    let first = match run % 3 {
        0 => pass(),
        1 => pass().concurrency(3),
        _ => pass().concurrency(3).unordered(),
    };
    let witness = Arc::new(Witness::new());
    let flow = sources(&witness).swap_remove((run % 9) as usize).then(first.buffer(1 + (run % 5) as usize));
    let hangs = run % 10 == 0;
    let last = stage(move |item: tests::Item| async move {
        if hangs {
            std::future::pending::<()>().await;
        }
        drop(item);
    });
    let running = flow.then(last).count().start_on(rt);
    for _ in 0..run % 23 {
        taktline::yield_now().await;
    }
    let within = if hangs { Duration::from_micros(run) } else { LONG };
    match running.drain(within).await {
        Ok(done) => assert!(done.report.balances() && (!hangs || done.value == 0), "run {run}: {}", done.report),
        Err(error) => {
            assert!(hangs && error.is_overdue(), "run {run}: {error:?}");
            assert!(error.report().is_some_and(|report| report.balances()), "run {run}: {error:?}");
        }
    }
    assert_eq!(witness.left(), 0, "run {run}");
}

#[test]
fn a_thousand_drains_on_real_clocks() {
    async fn drains(rt: taktline::Rt, first: u64) {
        for run in first..first + 350 {
            drained_in_passing(&rt, run).await;
        }
    }
    let on_tokio = |mut builder: tokio::runtime::Builder, first| {
        let runtime = builder.enable_all().build().expect("a runtime can be built");
        let (rt, tasks) = tests::counted(taktline_tokio::from_handle(runtime.handle().clone()));
        runtime.block_on(rt.enter(drains(rt.clone(), first)));
        drop(runtime);
        assert_eq!(tasks.left(), 0);
    };
    let on_smol = |first| {
        let executor = Arc::new(smol::Executor::new());
        let (rt, tasks) = tests::counted(taktline_smol::from_executor(&executor));
        smol::block_on(executor.run(rt.enter(drains(rt.clone(), first))));
        drop(executor);
        assert_eq!(tasks.left(), 0);
    };
    std::thread::scope(|threads| {
        threads.spawn(|| on_tokio(tokio::runtime::Builder::new_current_thread(), 0));
        threads.spawn(|| on_tokio(tokio::runtime::Builder::new_multi_thread(), 350));
        threads.spawn(|| on_smol(700));
    });
}
