//! A failure, of whatever kind, gives one outcome with the name of the stage, and nothing hangs.

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use taktline::prelude::*;
use taktline::runtime::Rt;
use taktline::{Error, ledger::Report};
use tests::{UNIT, everywhere, on_sim, units};

#[derive(Debug, PartialEq)]
struct Bad(u64);

impl std::fmt::Display for Bad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "bad item {}", self.0)
    }
}

impl std::error::Error for Bad {}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Error,
    Panic,
    PanicInDestructor,
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic_any("a destructor panicked".to_owned());
        }
    }
}

fn fail(how: How, x: u64) -> Result<(), Bad> {
    match how {
        How::Error => Err(Bad(x)),
        How::Panic => panic!("bad item {x}"),
        How::PanicInDestructor => {
            drop(PanicsOnDrop);
            Ok(())
        }
    }
}

#[source]
async fn producer(unit: Duration, out: Out<u64>) {
    for i in 0..10 {
        taktline::sleep(unit * i as u32 / 10).await;
        out.send(i).await;
    }
}

/// Fails on the first 3, before it sleeps.
#[sink(concurrency = 6)]
async fn sink_fails(x: u64, unit: Duration, how: How) -> Result<(), Bad> {
    if x == 3 {
        fail(how, x)?;
    }
    taktline::sleep(unit * 4 * x as u32 / 10).await;
    Ok(())
}

#[stage(concurrency = 6)]
async fn stage_fails(x: u64, unit: Duration, how: How) -> Result<u64, Bad> {
    if x == 3 {
        fail(how, x)?;
    }
    taktline::sleep(unit * 4 * x as u32 / 10).await;
    Ok(x)
}

fn producers(unit: Duration) -> impl Flow<Item = u64, Lineage = ()> {
    merge([producer(unit), producer(unit), producer(unit), producer(unit)])
}

fn report(error: &Error) -> &Report {
    let report = error.report().expect("a run that was started has a report");
    assert!(report.balances(), "{report}");
    report
}

fn check(error: &Error, stage: &str, how: How) {
    assert!(error.is_failed());
    assert_eq!(error.stage(), Some(stage));
    assert_eq!(error.is_panic(), how != How::Error);
    assert_eq!(error.downcast_ref::<Bad>(), (how == How::Error).then_some(&Bad(3)));
    assert!(error.first().expect("a failure is first").item().is_some());
}

#[test]
fn a_failing_sink_ends_the_run_at_that_instant() {
    for how in [How::Error, How::Panic, How::PanicInDestructor] {
        for seed in 0..100 {
            let error = on_sim(seed, |rt| async move {
                producers(UNIT).sink(sink_fails(UNIT, how)).run_on(&rt).await.expect_err("the sink fails")
            });
            check(&error, "sink_fails", how);
            let report = report(&error);
            assert_eq!(report.elapsed(), units(0.6), "seed {seed}");
            let row = report.stage("sink_fails").expect("the sink has a row");
            assert_eq!((row.done, row.failed), (8, 1), "seed {seed}\n{report}");
            assert_eq!(row.items_in, 9 + row.abandoned);
        }
    }
}

#[test]
fn a_failing_unordered_stage_delivers_what_is_finished() {
    for how in [How::Error, How::Panic] {
        for seed in 0..100 {
            let error = on_sim(seed, |rt| async move {
                let flow = producers(UNIT).then(stage_fails(UNIT, how).unordered());
                flow.count().run_on(&rt).await.expect_err("the stage fails")
            });
            check(&error, "stage_fails", how);
            let report = report(&error);
            assert_eq!(report.elapsed(), units(0.6), "seed {seed}");
            assert_eq!(report.stage("count").expect("the sink has a row").done, 8, "seed {seed}\n{report}");
        }
    }
}

#[test]
fn a_failure_in_an_ordered_stage_takes_its_items_place() {
    for how in [How::Error, How::Panic] {
        for seed in 0..100 {
            let error = on_sim(seed, |rt| async move {
                let flow = producers(UNIT).then(stage_fails(UNIT, how));
                flow.count().run_on(&rt).await.expect_err("the stage fails")
            });
            check(&error, "stage_fails", how);
            let report = report(&error);
            assert_eq!(report.elapsed(), units(1.3), "seed {seed}");
            assert_eq!(report.stage("count").expect("the sink has a row").done, 12, "seed {seed}\n{report}");
        }
    }
}

#[source]
async fn beats(made: &AtomicUsize, out: Out<u64>) {
    loop {
        taktline::sleep(UNIT).await;
        made.fetch_add(1, SeqCst);
        out.send(0).await;
    }
}

#[stage(concurrency = 3)]
async fn third_is_bad(x: u64) -> Result<u64, Bad> {
    taktline::sleep(UNIT).await;
    if x == 2 { Err(Bad(x)) } else { Ok(x) }
}

#[test]
fn a_failure_whose_turn_has_come_does_not_wait_for_room() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let made = Arc::new(AtomicUsize::new(0));
            let slow = |x: u64| async move {
                taktline::sleep(UNIT * 50).await;
                x
            };
            // The first item is with the slow stage, the second fills its edge.
            let flow = iter(0..3u64).then(third_is_bad()).then(stage(slow).buffer(1));
            let error = merge([flow, beats(made.clone()).boxed()]).count().run_on(&rt).await;
            let error = error.expect_err("an item fails");
            assert_eq!(error.downcast_ref::<Bad>(), Some(&Bad(2)));
            assert!(made.load(SeqCst) <= 1, "the other source has made {} items since", made.load(SeqCst));
            let row = report(&error).stage("merge").expect("the merge has a row");
            assert!(row.items_in >= 2, "what was before the failure goes on: {error:?}");
        });
    }
}

#[test]
fn a_failure_is_the_same_on_every_runtime() {
    let unit = Duration::from_millis(20);
    for how in [How::Error, How::Panic, How::PanicInDestructor] {
        everywhere(|rt| async move {
            let run = producers(unit).sink(sink_fails(unit, how)).run_on(&rt);
            check(&report_checked(run.await), "sink_fails", how);
            let run = producers(unit).then(stage_fails(unit, how)).count().run_on(&rt);
            check(&report_checked(run.await), "stage_fails", how);
            let run = producers(unit).then(stage_fails(unit, how).concurrency(1)).count().run_on(&rt);
            check(&report_checked(run.await), "stage_fails", how);
            let run = producers(unit).then(stage_fails(unit, how).unordered()).count().run_on(&rt);
            check(&report_checked(run.await), "stage_fails", how);
        });
    }
}

fn report_checked<V: std::fmt::Debug>(outcome: taktline::Result<V>) -> Error {
    let error = outcome.expect_err("a stage fails");
    report(&error);
    error
}

#[source]
async fn three_then_error(out: Out<u64>) -> Result<(), Bad> {
    for i in 0..3 {
        out.send(i).await;
    }
    Err(Bad(3))
}

#[stage]
async fn slow(x: u64) -> u64 {
    taktline::sleep(Duration::from_millis(2)).await;
    x
}

#[test]
fn a_failing_source_ends_the_run_behind_what_it_has_sent() {
    everywhere(|rt| async move {
        let error = three_then_error().then(slow()).count().run_on(&rt).await.expect_err("the source fails");
        assert_eq!(error.stage(), Some("three_then_error"));
        assert_eq!(report(&error).stage("count").expect("the sink has a row").done, 3);
        let merged = merge((three_then_error(), iter(0..5u64))).then(slow()).count();
        let error = merged.run_on(&rt).await.expect_err("the source fails");
        let row = report(&error).stage("count").expect("the sink has a row").clone();
        assert!((3..=8).contains(&row.done), "{row:?}");
    });
}

#[stage(concurrency = 2)]
async fn both_fail(x: u64) -> Result<u64, Bad> {
    taktline::sleep(UNIT).await;
    Err(Bad(x))
}

#[test]
fn failures_of_one_instant_are_all_kept() {
    for seed in 0..300 {
        for stage in [both_fail, || both_fail().unordered()] {
            let error = on_sim(seed, |rt| async move {
                iter(0..2u64).then(stage()).count().run_on(&rt).await.expect_err("both fail")
            });
            assert_eq!(error.failures().len(), 2, "seed {seed}: {error:?}");
            let row = report(&error).stage("both_fail").expect("the stage has a row").clone();
            assert_eq!((row.items_in, row.failed), (2, 2));
        }
    }
}

#[source]
async fn counting(made: &AtomicUsize, out: Out<u64>) {
    for i in 0.. {
        made.fetch_add(1, SeqCst);
        out.send(i).await;
    }
}

#[sink]
async fn fails_on(x: u64, bad: u64) -> Result<(), Bad> {
    taktline::sleep(UNIT).await;
    if x == bad { Err(Bad(x)) } else { Ok(()) }
}

#[test]
fn a_dead_consumer_stops_a_producer_that_waits_for_room() {
    for seed in 0..50 {
        for (workers, buffer) in [(1, 1), (1, 4), (2, 1), (3, 2)] {
            let made = Arc::new(AtomicUsize::new(0));
            let count = made.clone();
            let error = on_sim(seed, |rt| {
                let sink = fails_on(3).concurrency(workers).buffer(buffer);
                let plan = counting(count.clone()).sink(sink);
                async move {
                    let error = plan.run_on(&rt).await.expect_err("the sink fails");
                    rt.sleep(UNIT * 10).await;
                    error
                }
            });
            let row = report(&error).stage("fails_on").expect("the sink has a row").clone();
            let ahead = made.load(SeqCst) as u64 - row.done - row.failed;
            assert!(ahead <= (buffer + workers) as u64, "seed {seed}: {row:?}");
            if workers == 1 {
                assert_eq!(ahead, buffer as u64 + 1, "seed {seed}: {row:?}");
                assert_eq!(report(&error).elapsed(), UNIT * 4, "the run returns at the instant of the failure");
            }
        }
    }
}

#[test]
fn a_panic_in_a_fused_step_names_the_step() {
    everywhere(|rt| async move {
        let plan = iter(0..10u64).then(slow()).map(|x| if x == 3 { panic!("no three") } else { x }).count();
        let error = plan.run_on(&rt).await.expect_err("the closure panics");
        assert_eq!((error.stage(), error.is_panic()), (Some("map"), true));
        let plan = iter(0..10u64)
            .then(slow().concurrency(3))
            .filter(|x| if *x == 3 { panic!("no three") } else { true })
            .count();
        let error = plan.run_on(&rt).await.expect_err("the closure panics");
        assert_eq!((error.stage(), error.is_panic()), (Some("filter"), true));
    });
}

#[stage]
fn parse(x: u64) -> Result<u64, Bad> {
    if x == 3 { Err(Bad(x)) } else { Ok(x) }
}

#[test]
fn a_plain_function_fails_like_any_stage() {
    everywhere(|rt| async move {
        let error = iter(0..10u64).then(slow()).then(parse()).count().run_on(&rt).await.expect_err("3 is bad");
        check(&error, "parse", How::Error);
        assert_eq!(report(&error).stage("count").expect("the sink has a row").done, 3);
        let error = iter(0..10u64).then(parse().concurrency(2)).count().run_on(&rt).await.expect_err("3 is bad");
        check(&error, "parse", How::Error);
    });
}

#[test]
fn an_item_whose_destructor_panics_is_no_hang() {
    everywhere(|rt| async move {
        for workers in [1, 3] {
            let stage = stage(|x: u64| async move {
                taktline::sleep(Duration::from_millis(1)).await;
                (x, (x == 2).then_some(PanicsOnDrop))
            });
            let plan = iter(0..10u64).then(stage.concurrency(workers)).map(|(x, _)| x).count();
            let error = plan.run_on(&rt).await.expect_err("a destructor panics");
            assert!(error.is_panic());
        }
    });
}

async fn lives(rt: &Rt) {
    assert_eq!(iter(0..3u64).count().run_on(rt).await.expect("nothing fails").value, 3);
}

#[test]
fn the_process_lives_on_after_a_panic() {
    everywhere(|rt| async move {
        for _ in 0..10 {
            let plan = iter(0..10u64).sink(|x| async move { assert!(x < 5, "too many") });
            assert!(plan.run_on(&rt).await.expect_err("the sink panics").is_panic());
            lives(&rt).await;
        }
    });
}

#[test]
fn a_panic_in_a_fused_step_is_one_failure_in_the_books() {
    everywhere(|rt| async move {
        let flow = iter(0..10u64).map(|x| if x == 3 { panic!("bad item {x}") } else { x });
        let error = flow.count().run_on(&rt).await.expect_err("the closure panics");
        assert_eq!((error.stage(), error.is_panic()), (Some("map"), true));
        let report = report(&error);
        let row = report.stage("map").expect("a fused step has a row");
        assert_eq!((row.items_in, row.done, row.failed, row.abandoned), (4, 3, 1, 0), "{report}");
    });
}

#[test]
fn a_panic_in_an_iterator_fails_the_item_that_it_was_made_from() {
    everywhere(|rt| async move {
        let bad = |x: u64| (0..4u64).map(move |y| if (x, y) == (2, 1) { panic!("bad item") } else { y });
        let error = iter(0..5u64).flat_map(bad).count().run_on(&rt).await.expect_err("the iterator panics");
        assert_eq!((error.stage(), error.is_panic()), (Some("flat_map"), true));
        let report = report(&error);
        let row = report.stage("flat_map").expect("a fused step has a row");
        assert_eq!((row.items_in, row.items_out, row.done, row.failed), (3, 9, 2, 1), "{report}");
    });
}

#[test]
fn an_item_that_a_fused_step_holds_at_an_ending_is_abandoned() {
    everywhere(|rt| async move {
        let flow = iter(0..5u64).flat_map(|x| [x; 10]).take(13);
        let done = flow.count().run_on(&rt).await.expect("nothing fails");
        let row = done.report.stage("flat_map").expect("a fused step has a row");
        assert_eq!((row.items_in, row.items_out, row.done, row.abandoned), (2, 13, 1, 1), "{}", done.report);
        assert!(done.report.balances(), "{}", done.report);
    });
}

#[source]
async fn two(out: Out<u64>) {
    for i in 0..2 {
        out.send(i).await;
    }
}

#[stage]
async fn copies(x: u64, out: Out<u64>) {
    out.send(x).await;
}

#[stage]
async fn same(input: In<u64>, out: Out<u64>) {
    while let Some(x) = input.next().await {
        out.send(x).await;
    }
}

#[test]
fn a_panic_behind_a_send_is_that_of_the_step_it_is_in() {
    everywhere(|rt| async move {
        let flows = [two().boxed(), iter(0..2u64).then(copies()), iter(0..2u64).then(same())];
        for flow in flows {
            let bad = |x: u64| if x == 1 { panic!("bad item {x}") } else { x };
            let error = flow.map(bad).count().run_on(&rt).await.expect_err("the closure panics");
            assert_eq!((error.stage(), error.is_panic()), (Some("map"), true));
            let report = report(&error);
            let failed: u64 = report.stages().iter().map(|row| row.failed).sum();
            assert_eq!(failed, 1, "{report}");
            // The blame is not kept for somebody else.
            let panics = futures::stream::poll_fn(|_| -> std::task::Poll<Option<u64>> { panic!("bad stream") });
            let error = stream(panics).count().run_on(&rt).await.expect_err("the stream panics");
            assert_eq!(error.stage(), Some("stream"));
        }
    });
}
