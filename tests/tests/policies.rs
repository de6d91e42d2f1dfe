//! What happens when an item fails is what its stage says: limits of time, further attempts, an item that is skipped.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use taktline::error::{Panicked, TimedOut};
use taktline::ledger::StageReport;
use taktline::prelude::*;
use taktline::try_stage;
use tests::{UNIT, Witness, everywhere, on_sim, units};

/// Fails as often as it is told, then gives the item back. Counts its calls.
#[derive(Clone, Debug, Default)]
struct Flaky {
    failures: u64,
    calls: Arc<AtomicU64>,
}

impl Flaky {
    fn new(failures: u64) -> Flaky {
        Flaky { failures, calls: Arc::default() }
    }

    fn call(&self, x: u64) -> Result<u64, String> {
        if self.calls.fetch_add(1, SeqCst) < self.failures { Err(format!("{x} is bad")) } else { Ok(x) }
    }
}

fn row(report: &taktline::ledger::Report, name: &str) -> StageReport {
    report.stage(name).unwrap_or_else(|| panic!("no row {name}\n{report}")).clone()
}

fn balanced<V>(outcome: &taktline::Result<Done<V>>) -> &taktline::ledger::Report {
    let report = match outcome {
        Ok(done) => &done.report,
        Err(error) => error.report().expect("it was started"),
    };
    taktline::sim::audit(report);
    report
}

#[stage]
async fn flaky(x: u64, flaky: &Flaky) -> Result<u64, String> {
    flaky.call(x)
}

#[stage(retry = 3, backoff = 1s)]
async fn by_keys(x: u64, flaky: &Flaky) -> Result<u64, String> {
    flaky.call(x)
}

#[test]
fn a_timeout_ends_one_attempt_and_not_a_moment_later() {
    for seed in 0..100 {
        for workers in [1, 3] {
            let slow = stage(|x: u64| async move {
                taktline::sleep(5 * UNIT).await;
                x
            });
            let plan = iter([1u64]).then(slow.timeout(UNIT).concurrency(workers)).count();
            let error = on_sim(seed, |rt| plan.clone().run_on(&rt)).expect_err("it takes too long");
            assert!(error.is_timeout() && error.is_failed(), "{error:?}");
            let timed_out = error.downcast_ref::<TimedOut>().expect("it is a timeout");
            assert_eq!((timed_out.limit(), timed_out.is_deadline()), (UNIT, false));
            assert_eq!(error.report().map(|report| report.elapsed()), Some(UNIT), "seed {seed}");
        }
    }
}

#[test]
fn further_attempts_come_at_exact_times() {
    for seed in 0..100 {
        for workers in [1, 3] {
            let run = |failures, backoff: Backoff| {
                let flaky = flaky(Flaky::new(failures)).retry(3).backoff(backoff).concurrency(workers);
                let plan = iter([7u64]).then(flaky).collect::<Vec<_>>();
                on_sim(seed, |rt| plan.clone().run_on(&rt))
            };
            let constant = run(2, UNIT.into()).expect("the third attempt is good");
            assert_eq!((constant.value, constant.report.elapsed()), (vec![7], units(2.0)));
            assert_eq!(row(&constant.report, "flaky").retried, 2);
            let doubling = run(2, Backoff::exponential(UNIT)).expect("the third attempt is good");
            assert_eq!(doubling.report.elapsed(), units(3.0));
            let error = run(u64::MAX, UNIT.into()).expect_err("every attempt is bad");
            let first = error.first().expect("it has failed");
            assert_eq!((first.attempts(), first.item()), (4, Some(0)));
            assert_eq!(error.to_string(), "stage `flaky` failed on item 0 after 4 attempts: 7 is bad");
            let report = error.report().expect("it was started");
            assert_eq!((report.elapsed(), row(report, "flaky").failed), (units(3.0), 1));
        }
    }
}

#[test]
fn keys_and_builder_methods_are_the_same() {
    let plan = iter([7u64]).then(by_keys(Flaky::new(2))).collect::<Vec<_>>();
    let done = on_sim(1, |rt| plan.clone().run_on(&rt)).expect("the third attempt is good");
    assert_eq!((done.value, done.report.elapsed()), (vec![7], Duration::from_secs(2)));
    // The builder overrides the keys.
    let plan = iter([7u64]).then(by_keys(Flaky::new(2)).retry(1)).collect::<Vec<_>>();
    let error = on_sim(1, |rt| plan.clone().run_on(&rt)).expect_err("there is one further attempt");
    assert_eq!(error.first().map(|failure| failure.attempts()), Some(2));
}

/// Every form of a stage of which one item in three is bad. A bad one fails, or panics.
fn forms(panics: bool) -> Vec<(&'static str, BoxFlow<u64>)> {
    fn call(x: u64, panics: bool) -> Result<u64, String> {
        match x % 3 {
            0 if panics => panic!("{x} is bad"),
            0 => Err(format!("{x} is bad")),
            _ => Ok(x),
        }
    }
    #[stage]
    async fn each(x: u64, panics: bool) -> Result<u64, String> {
        taktline::sleep(Duration::from_millis(1)).await;
        call(x, panics)
    }
    #[stage]
    async fn many(x: u64, panics: bool, out: Out<u64>) -> Result<(), String> {
        taktline::yield_now().await;
        out.send(call(x, panics)?).await;
        Ok(())
    }
    #[stage]
    fn plain(x: u64, panics: bool) -> Result<u64, String> {
        call(x, panics)
    }
    #[stage(blocking)]
    fn block(x: u64, panics: bool) -> Result<u64, String> {
        call(x, panics)
    }
    let skip = OnError::Skip;
    let source = || iter(0..10u64);
    vec![
        ("each", source().then(each(panics).on_error(skip).on_panic(skip))),
        ("each", source().then(each(panics).on_error(skip).on_panic(skip).concurrency(3))),
        ("each", source().then(each(panics).on_error(skip).on_panic(skip).concurrency(3).window(3).buffer(1))),
        ("each", source().then(each(panics).on_error(skip).on_panic(skip).concurrency(3).unordered())),
        ("many", source().then(many(panics).on_error(skip).on_panic(skip).buffer(1))),
        ("many", source().then(many(panics).on_error(skip).on_panic(skip).concurrency(4))),
        ("many", source().then(many(panics).on_error(skip).on_panic(skip).concurrency(4).unordered())),
        ("plain", source().then(plain(panics).on_error(skip).on_panic(skip)).boxed()),
        ("plain", source().then(plain(panics).on_error(skip).on_panic(skip).concurrency(2))),
        ("plain", source().then(plain(panics).buffer(1).on_error(skip).on_panic(skip))),
        ("block", source().then(block(panics).on_error(skip).on_panic(skip))),
        ("block", source().then(block(panics).on_error(skip).on_panic(skip).concurrency(2))),
        ("try_then", source().then(try_stage(move |x| async move { call(x, panics) }).on_error(skip).on_panic(skip))),
    ]
}

#[test]
fn what_is_skipped_is_counted_and_the_run_goes_on() {
    everywhere(|rt| async move {
        for panics in [false, true] {
            for (at, (name, flow)) in forms(panics).into_iter().enumerate() {
                let outcome = flow.collect::<Vec<_>>().run_on(&rt).await;
                let row = row(balanced(&outcome), name);
                let mut value = outcome.expect("the bad ones are skipped").value;
                if at == 3 || at == 6 {
                    value.sort_unstable();
                }
                assert_eq!(value, [1, 2, 4, 5, 7, 8], "form {at}");
                let counts = (row.items_in, row.done, row.failed, row.skipped, row.filtered, row.retried);
                assert_eq!(counts, (10, 6, 4, 4, 0, 0), "form {at}");
            }
        }
    });
}

#[test]
fn a_policy_for_errors_is_none_for_panics() {
    #[stage]
    async fn bad(x: u64, panics: bool) -> Result<u64, String> {
        if panics { panic!("{x} is bad") } else { Err(format!("{x} is bad")) }
    }
    #[stage]
    fn plain(x: u64, panics: bool) -> Result<u64, String> {
        if panics { panic!("{x} is bad") } else { Err(format!("{x} is bad")) }
    }
    everywhere(|rt| async move {
        for panics in [false, true] {
            let plans = [
                iter(0..3u64).then(bad(panics).on_error(OnError::Skip)).count(),
                iter(0..3u64).then(bad(panics).on_error(OnError::Skip).concurrency(2)).count(),
                iter(0..3u64).then(plain(panics).on_error(OnError::Skip)).count(),
            ];
            for plan in plans {
                let outcome = plan.run_on(&rt).await;
                balanced(&outcome);
                assert_eq!(outcome.as_ref().err().map(|error| error.is_panic()), panics.then_some(true), "{outcome:?}");
            }
            let on_panic = iter(0..3u64).then(bad(panics).on_panic(OnError::Skip)).count();
            assert_eq!(on_panic.run_on(&rt).await.is_ok(), panics);
            let fused = iter(0..3u64).then(plain(panics).on_panic(OnError::Skip)).count();
            assert_eq!(fused.run_on(&rt).await.is_ok(), panics);
        }
    });
}

#[test]
fn a_sink_has_the_same_policies() {
    #[sink(concurrency = 2, on_error = skip, retry = 1, backoff = 1ms)]
    async fn store(x: u64, calls: &AtomicUsize) -> Result<(), String> {
        calls.fetch_add(1, SeqCst);
        if x % 3 == 0 { Err(format!("{x} is bad")) } else { Ok(()) }
    }
    #[sink(on_error = skip)]
    fn check(x: u64) -> Result<(), String> {
        if x % 3 == 0 { Err(format!("{x} is bad")) } else { Ok(()) }
    }
    everywhere(|rt| async move {
        let calls = Arc::new(AtomicUsize::new(0));
        let outcome = iter(0..10u64).sink(store(calls.clone())).run_on(&rt).await;
        let store = row(balanced(&outcome), "store");
        assert_eq!((store.done, store.failed, store.skipped, store.retried), (6, 4, 4, 4));
        assert_eq!((outcome.is_ok(), calls.load(SeqCst)), (true, 14));
        let outcome = iter(0..10u64).sink(check()).run_on(&rt).await;
        let check = row(balanced(&outcome), "check");
        assert_eq!((check.done, check.failed, check.skipped), (6, 4, 4));
    });
}

#[test]
fn an_item_that_is_tried_again_stays_in_work_and_keeps_its_place() {
    /// Every fourth item fails twice; counts the items in work.
    #[stage]
    async fn tries(x: u64, seen: &Mutex<Vec<u64>>, peak: &Mutex<(u64, u64)>) -> Result<u64, String> {
        {
            let mut peak = peak.lock().expect("no holder panics");
            peak.0 += 1;
            peak.1 = peak.1.max(peak.0);
        }
        taktline::sleep(UNIT).await;
        peak.lock().expect("no holder panics").0 -= 1;
        let mut seen = seen.lock().expect("no holder panics");
        seen.push(x);
        let tries = seen.iter().filter(|seen| **seen == x).count();
        if x % 4 == 0 && tries < 3 { Err(format!("{x} is bad")) } else { Ok(x) }
    }
    for seed in 0..100 {
        for (workers, buffer) in [(1, 1), (2, 1), (3, 16), (8, 2)] {
            let peak = Arc::new(Mutex::new((0, 0)));
            let stage = tries(Mutex::new(Vec::new()), peak.clone()).retry(2).backoff(UNIT).buffer(buffer);
            let plan = iter(0..20u64).then(stage.concurrency(workers)).collect::<Vec<_>>();
            let done = on_sim(seed, |rt| plan.clone().run_on(&rt)).expect("the third attempt is good");
            assert_eq!(done.value, (0..20).collect::<Vec<_>>(), "seed {seed}, {workers} workers");
            let row = row(&done.report, "tries");
            assert_eq!((row.done, row.retried, row.failed), (20, 10, 0), "{}", done.report);
            assert!(row.work_peak <= workers as u64 && peak.lock().expect("no holder panics").1 <= workers as u64);
            if workers == 1 {
                // Five items take three attempts and two waits.
                assert_eq!(done.report.elapsed(), units(20.0 + 5.0 * 4.0), "seed {seed}");
            }
        }
    }
}

#[test]
fn a_wait_is_no_part_of_an_attempt() {
    /// Sends twice, with an edge of one place and a slow reader behind it.
    #[stage(timeout = 2s)]
    async fn twice(x: u64, out: Out<u64>) {
        taktline::sleep(Duration::from_secs(1)).await;
        out.send(x).await;
        out.send(x).await;
    }
    let second = Duration::from_secs(1);
    for seed in 0..50 {
        for workers in [1, 3] {
            let slow = move |x: u64| async move {
                taktline::sleep(10 * second).await;
                x
            };
            let plan = iter(0..4u64).then(twice().concurrency(workers)).then(stage(slow).buffer(1)).count();
            let done = on_sim(seed, |rt| plan.clone().run_on(&rt)).expect("no attempt takes more than a second");
            assert_eq!((done.value, done.report.elapsed()), (8, 81 * second), "seed {seed}, {workers} workers");
        }
    }
    // And neither is a wait in the edge before the stage.
    let one = move |x: u64| async move {
        taktline::sleep(second).await;
        x
    };
    let plan = iter(0..20u64).then(stage(one).timeout(2 * second)).count();
    assert_eq!(on_sim(1, |rt| plan.clone().run_on(&rt)).expect("each takes a second").value, 20);
}

#[test]
fn an_attempt_that_was_waiting_for_room_goes_on_with_the_time_it_had_left() {
    #[stage]
    async fn late(x: u64, out: Out<u64>) {
        taktline::sleep(UNIT).await;
        for _ in 0..3 {
            out.send(x).await;
        }
        taktline::sleep(2 * UNIT).await;
    }
    let slow = |x: u64| async move {
        taktline::sleep(10 * UNIT).await;
        x
    };
    let run = |limit: f64| {
        let plan = iter([1u64]).then(late().timeout(units(limit))).then(stage(slow).buffer(1)).count();
        on_sim(1, |rt| plan.clone().run_on(&rt))
    };
    assert_eq!(run(3.5).expect("it needs three").value, 3);
    let error = run(2.5).expect_err("it needs three");
    // One sent at 1, the last accepted at 11, and 1.5 left then.
    assert!(error.is_timeout() && error.report().is_some_and(|report| row(report, "late").failed == 1), "{error:?}");
}

#[test]
fn what_has_sent_something_is_not_tried_again() {
    #[stage]
    async fn half(x: u64, calls: &AtomicUsize, out: Out<u64>) -> Result<(), String> {
        calls.fetch_add(1, SeqCst);
        if x > 0 {
            out.send(x).await;
        }
        Err(format!("{x} is bad"))
    }
    everywhere(|rt| async move {
        for workers in [1, 2] {
            let calls = Arc::new(AtomicUsize::new(0));
            let half = half(calls.clone()).retry(2).backoff(Duration::from_millis(1)).on_error(OnError::Skip);
            let outcome = iter([0u64, 7]).then(half.concurrency(workers)).collect::<Vec<_>>().run_on(&rt).await;
            assert_eq!(row(balanced(&outcome), "half").retried, 2);
            // What was sent before the failure has gone on, once.
            assert_eq!(outcome.expect("failures are skipped").value, [7]);
            assert_eq!(calls.load(SeqCst), 4);
        }
    });
}

#[test]
fn the_deadline_is_for_all_attempts() {
    for seed in 0..50 {
        let run = |attempt: f64, deadline: f64| {
            let tries = try_stage(move |x: u64| async move {
                taktline::sleep(units(attempt)).await;
                Err::<u64, _>(format!("{x} is bad"))
            });
            let plan = iter([1u64]).then(tries.retry(9).backoff(UNIT).deadline(units(deadline))).count();
            let error = on_sim(seed, |rt| plan.clone().run_on(&rt)).expect_err("every attempt is bad");
            let elapsed = error.report().expect("it was started").elapsed();
            (error.first().expect("it has failed").attempts(), elapsed, error.is_timeout())
        };
        // From 0 to 2 and from 3 to 5; a third one could begin at 6.
        assert_eq!(run(2.0, 6.0), (2, units(5.0), false), "seed {seed}");
        assert_eq!(run(2.0, 7.0), (3, units(7.0), true), "seed {seed}");
    }
}

#[test]
fn only_what_is_worth_it_is_tried_again() {
    let attempts = |is_worth_it: fn(&(dyn std::error::Error + 'static)) -> bool, panics: bool| {
        let bad =
            try_stage(move |x: u64| async move { if panics { panic!("bad") } else { Err::<u64, _>(format!("{x}")) } });
        let plan = iter([1u64]).then(bad.retry(2).retry_if(is_worth_it)).count();
        let error = on_sim(1, |rt| plan.clone().run_on(&rt)).expect_err("it fails");
        assert_eq!(error.is_panic(), panics);
        error.first().expect("it has failed").attempts()
    };
    assert_eq!(attempts(|_| true, false), 3);
    assert_eq!(attempts(|_| false, false), 1);
    assert_eq!(attempts(|error| !error.is::<Panicked>(), true), 1);
    assert_eq!(attempts(|error| error.is::<Panicked>(), true), 3);

    #[stage(retry = 2, backoff = 1ms, retry_if = |error| error.to_string() != "7 is bad")]
    async fn choosy(x: u64) -> Result<u64, String> {
        Err(format!("{x} is bad"))
    }
    for (x, attempts) in [(7, 1), (8, 3)] {
        let error = on_sim(1, |rt| iter([x]).then(choosy()).count().run_on(&rt)).expect_err("it fails");
        assert_eq!(error.first().map(|failure| failure.attempts()), Some(attempts));
    }
}

#[test]
fn a_worker_begins_anew_after_a_panic() {
    #[stage]
    async fn counts(x: u64, calls: &mut u64) -> u64 {
        *calls += 1;
        assert!(x != 2, "two is bad");
        *calls
    }
    let plan = iter(0..5u64).then(counts(0).on_panic(OnError::Skip)).collect::<Vec<_>>();
    assert_eq!(on_sim(1, |rt| plan.clone().run_on(&rt)).expect("a panic is skipped").value, [1, 2, 1, 2]);
}

#[test]
fn jitter_comes_from_the_seed() {
    let run = |seed| {
        let backoff = Backoff::constant(UNIT).jitter();
        let plan = iter([7u64]).then(flaky(Flaky::new(3)).retry(3).backoff(backoff)).count();
        on_sim(seed, |rt| plan.clone().run_on(&rt)).expect("the fourth attempt is good").report.elapsed()
    };
    let times: Vec<_> = (0..20).map(run).collect();
    assert_eq!(times, (0..20).map(run).collect::<Vec<_>>());
    assert!(times.iter().all(|time| *time <= 3 * UNIT));
    assert!(times.iter().any(|time| *time > UNIT * 3 / 2) && times.iter().any(|time| *time < UNIT * 3 / 2));
}

#[test]
fn where_everything_fails_load_rises_by_a_tenth() {
    for (workers, items) in [(1, 1000), (8, 5000)] {
        let service = Flaky::new(u64::MAX);
        let stage = flaky(service.clone()).retry(3).backoff(UNIT / 100).on_error(OnError::Skip).concurrency(workers);
        let plan = iter(0..items).then(stage).count();
        let done = on_sim(1, |rt| plan.clone().run_on(&rt)).expect("failures are skipped");
        let (row, calls) = (row(&done.report, "flaky"), service.calls.load(SeqCst));
        assert_eq!((row.failed, row.skipped, row.done), (items, items, 0));
        assert_eq!(calls, items + row.retried);
        assert!(calls <= items + items / 10 + 10, "{calls} calls for {items} items");
        assert!(calls >= items + items / 10, "the budget is used: {calls} calls for {items} items");
    }
    // Without the budget everything has its attempts.
    let service = Flaky::new(u64::MAX);
    let stage = flaky(service.clone()).retry(3).backoff(UNIT / 100).without_retry_budget().on_error(OnError::Skip);
    let plan = iter(0..1000u64).then(stage).count();
    on_sim(1, |rt| plan.clone().run_on(&rt)).expect("failures are skipped");
    assert_eq!(service.calls.load(SeqCst), 4000);
    // A budget is that of one run.
    let stage = flaky(Flaky::new(u64::MAX)).retry(9).backoff(UNIT / 100);
    let plan = iter(0..1u64).then(stage).count();
    for _ in 0..3 {
        let error = on_sim(1, |rt| plan.clone().run_on(&rt)).expect_err("it fails");
        assert_eq!(error.first().map(|failure| failure.attempts()), Some(10));
    }
}

#[test]
fn an_error_says_that_the_budget_is_spent() {
    let plan = iter([7u64]).then(flaky(Flaky::new(u64::MAX)).retry(99).backoff(UNIT)).count();
    let error = on_sim(1, |rt| plan.clone().run_on(&rt)).expect_err("it fails");
    let told = "stage `flaky` failed on item 0 after 11 attempts: 7 is bad; no more, since the stage has spent its retry budget";
    assert_eq!(error.to_string(), told);
}

/// A server that is down for ten minutes.
#[test]
fn a_storm_passes_without_a_loss_and_the_load_stays() {
    let second = Duration::from_secs(1);
    for seed in 0..10 {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let note = calls.clone();
        let service = try_stage(move |x: u64| {
            let note = note.clone();
            async move {
                taktline::sleep(second / 10).await;
                let now = taktline::now().since_epoch();
                note.lock().expect("no holder panics").push(now);
                if now < 600 * second { Err(format!("{x}: the server is down")) } else { Ok(x) }
            }
        });
        let service = service.retry(3).backoff(second).on_error(OnError::Skip).concurrency(20).name("service");
        #[source]
        async fn ticks(out: Out<u64>) {
            for x in 0..7000 {
                taktline::sleep(Duration::from_millis(100)).await;
                out.send(x).await;
            }
        }
        let plan = ticks().then(service).collect::<Vec<_>>();
        let done = on_sim(seed, |rt| plan.clone().run_on(&rt)).expect("failures are skipped");
        let row = row(&done.report, "service");
        assert_eq!((row.items_in, row.done + row.skipped), (7000, 7000), "{}", done.report);
        let calls = calls.lock().expect("no holder panics");
        let in_storm = calls.iter().filter(|at| **at < 600 * second).count();
        assert!(in_storm <= 6000 * 11 / 10 + 10, "{in_storm} calls in the storm");
        // From the moment at which the server is back, everything that is tried is done.
        let first = done.value.first().copied().expect("something is done");
        assert!((5960..=6000).contains(&first), "seed {seed}: the first that is done is {first}");
        let back = done.value.iter().filter(|x| **x >= 6000).count();
        assert_eq!((back, done.value.is_sorted()), (1000, true), "seed {seed}");
    }
}

#[test]
fn a_cancel_cuts_a_wait_for_the_next_attempt_and_a_drain_ends_it() {
    for seed in 0..50 {
        for workers in [1, 3] {
            let start = |rt: &taktline::runtime::Rt| {
                let flaky = flaky(Flaky::new(2)).retry(2).backoff(10 * UNIT).concurrency(workers);
                iter([7u64]).then(flaky).count().start_on(rt)
            };
            let error = on_sim(seed, |rt| async move {
                let running = start(&rt);
                rt.sleep(UNIT).await;
                running.cancel().await.expect_err("it waits")
            });
            let report = error.report().expect("it was started");
            let flaky = row(report, "flaky");
            assert_eq!((report.elapsed(), flaky.abandoned, flaky.failed, flaky.retried), (UNIT, 1, 0, 1), "{report}");
            let done = on_sim(seed, |rt| async move {
                let running = start(&rt);
                rt.sleep(UNIT).await;
                running.drain(Duration::from_secs(3600)).await.expect("the third attempt is good")
            });
            assert_eq!((done.value, done.report.elapsed()), (1, 20 * UNIT));
        }
    }
}

#[test]
fn a_failure_after_all_attempts_takes_its_items_place() {
    for seed in 0..50 {
        let tries = try_stage(|x: u64| async move {
            taktline::sleep(UNIT).await;
            if x == 3 { Err("three is bad") } else { Ok(x) }
        });
        let plan = iter(0..20u64).then(tries.retry(2).backoff(UNIT).concurrency(4).name("tries"));
        let note = Arc::new(Mutex::new(Vec::new()));
        let seen = note.clone();
        let plan = plan.for_each(move |x| seen.lock().expect("no holder panics").push(x));
        let error = on_sim(seed, |rt| plan.clone().run_on(&rt)).expect_err("three is bad");
        let first = error.first().expect("it has failed");
        assert_eq!((first.item(), first.attempts()), (Some(3), 3), "seed {seed}");
        assert_eq!(*note.lock().expect("no holder panics"), [0, 1, 2], "seed {seed}");
        taktline::sim::audit(error.report().expect("it was started"));
    }
}

#[test]
fn a_limit_that_cannot_work_makes_the_plan_invalid() {
    #[stage(blocking)]
    fn block(x: u64) -> u64 {
        x
    }
    let told = |plan: Pipeline<u64>| {
        let error = on_sim(1, |rt| plan.clone().run_on(&rt)).expect_err("it cannot work");
        assert!(error.is_invalid());
        error.to_string()
    };
    let zero = told(iter([1u64]).then(stage(|x| async move { x }).timeout(Duration::ZERO)).count());
    assert_eq!(zero, "the plan cannot run: `then` has a timeout of 0; give it more, or take it away");
    let blocks = told(iter([1u64]).then(block().deadline(UNIT)).count());
    assert!(blocks.contains("`block` has a deadline and never awaits"), "{blocks}");
}

#[test]
fn attempts_and_their_items_leave_nothing() {
    everywhere(|rt| async move {
        let witness = Arc::new(Witness::new());
        let made = witness.clone();
        let hangs = stage(|item: tests::Item| async move {
            std::future::pending::<()>().await;
            item
        });
        let hangs = hangs.timeout(Duration::from_millis(2)).retry(1).backoff(Duration::from_millis(1));
        let flow = iter(0..6u64).map(move |id| made.item(id)).then(hangs.on_error(OnError::Skip).concurrency(2));
        let outcome = flow.count().run_on(&rt).await;
        let then = row(balanced(&outcome), "then");
        assert_eq!((then.skipped, then.retried, witness.left()), (6, 6, 0));
        assert_eq!(witness.made(), 12);
    });
}

#[test]
fn a_skipped_item_keeps_its_place_in_the_window_until_its_turn() {
    for seed in 0..50 {
        let calls = Arc::new(AtomicU64::new(0));
        let seen = calls.clone();
        let stage = try_stage(move |x: u64| {
            let seen = seen.clone();
            async move {
                seen.fetch_add(1, SeqCst);
                if x == 0 {
                    taktline::sleep(8 * UNIT).await;
                    return Ok(x);
                }
                Err(format!("{x} is bad"))
            }
        });
        let stage = stage.concurrency(2).window(4).on_error(OnError::Skip).name("stage");
        let plan = iter(0..20u64).then(stage).collect::<Vec<_>>();
        let (early, done) = on_sim(seed, |rt| {
            let (plan, calls) = (plan.clone(), calls.clone());
            async move {
                let running = plan.start_on(&rt);
                rt.sleep(7 * UNIT).await;
                (calls.load(SeqCst), running.join().await.expect("failures are skipped"))
            }
        });
        assert_eq!((early, done.value), (4, vec![0]), "seed {seed}");
        assert!(row(&done.report, "stage").window_peak <= 4, "{}", done.report);
    }
}

/// The item is kept for a further attempt, and dropped as the output is handed back: a panic then leaked the output.
#[test]
fn an_item_that_panics_as_it_is_dropped_leaks_no_output() {
    let witness = Arc::new(Witness::new());
    let made = witness.clone();
    let pass = stage(|item: tests::Item| async move { item });
    let flow = iter(0..1u64).map(move |id| made.item(id).armed()).then(pass.retry(1));
    let plan = flow.count();
    let error = on_sim(1, |rt| plan.clone().run_on(&rt)).expect_err("a destructor is bad");
    assert!(error.is_panic(), "{error:?}");
    drop(plan);
    assert_eq!((witness.made(), witness.left()), (2, 0));
}
