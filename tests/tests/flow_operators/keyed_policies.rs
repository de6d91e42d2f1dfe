//! Keys beside policies, and as a key of the attributes: an item that is tried again keeps the others of its key waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use taktline::prelude::*;
use taktline::sim::{End, Fault, audit, explore};
use tests::{Item, UNIT, Witness, everywhere, on_sim};

/// A key, and a number that grows.
type Job = (u64, u64);

/// Which items have begun and ended, one line an attempt.
type Log = Arc<Mutex<Vec<Job>>>;

fn of_job(job: &Job) -> u64 {
    job.0
}

/// How often an attempt on it fails.
fn failures(job: Job) -> u32 {
    (job.1 % 3) as u32
}

#[stage(concurrency = 3, by_key = of_job, retry = 2, backoff = 2s)]
async fn flaky(job: Job, log: &Mutex<Vec<Job>>) -> Result<Job, String> {
    let attempt = {
        let mut log = log.lock().expect("nothing panics");
        log.push(job);
        log.iter().filter(|other| **other == job).count() as u32
    };
    taktline::sleep(UNIT * (job.1 as u32 % 2)).await;
    if attempt > failures(job) { Ok(job) } else { Err(format!("{job:?} is bad")) }
}

fn is_in_order(jobs: &[Job]) -> bool {
    let mut last = BTreeMap::new();
    jobs.iter().all(|(key, number)| last.insert(*key, *number).is_none_or(|former| former <= *number))
}

#[test]
fn an_item_that_is_tried_again_keeps_the_order_of_its_key() {
    for seed in 0..200 {
        on_sim(seed, |rt| async move {
            let log = Log::default();
            let jobs: Vec<Job> = (0..rt.random() % 40).map(|n| (rt.random() % 4, n)).collect();
            let buffer = [1, 2, 16][(rt.random() % 3) as usize];
            let stage = flaky(log.clone()).without_retry_budget().buffer(buffer);
            let slow = |job: Job| async move {
                taktline::sleep(UNIT * (job.1 as u32 % 3)).await;
                job
            };
            let flow = iter(jobs.clone()).then(stage).then(taktline::stage(slow).buffer(1));
            let done = flow.collect::<Vec<_>>().run_on(&rt).await.expect("each is tried often enough");
            audit(&done.report);
            assert!(is_in_order(&done.value), "seed {seed}: {:?}", done.value);
            let log = log.lock().expect("nothing panics");
            assert!(is_in_order(&log), "seed {seed}: one of a key began before another one had ended: {log:?}");
            let attempts: u32 = jobs.iter().map(|job| 1 + failures(*job)).sum();
            assert_eq!((done.value.len(), log.len()), (jobs.len(), attempts as usize));
        });
    }
}

#[test]
fn a_wait_before_a_further_attempt_holds_its_key_and_no_other() {
    // 1 takes a unit, waits for two, and takes one more; 4 waits for two; 3 takes a unit, and 6 none.
    let jobs = vec![(0, 1), (0, 4), (1, 3), (1, 6)];
    let (times, seen) = std::sync::mpsc::channel();
    let note = move |job: Job| times.send((job.1, taktline::now().since_epoch().as_secs())).expect("it is read");
    let plan = iter(jobs).then(flaky(Log::default())).for_each(note);
    let done = taktline::sim::run(1, plan.run()).expect("each is tried often enough");
    audit(&done.report);
    assert_eq!(seen.iter().collect::<Vec<_>>(), [(3, 1), (6, 1), (1, 4), (4, 6)]);
}

#[stage(concurrency = 4, by_key = |job: &Job| job.0, timeout = 3s, retry = 1, backoff = 1s, on_error = dead_letter)]
async fn hangs(job: Job) -> Job {
    if job.1 == 0 {
        std::future::pending::<()>().await;
    }
    taktline::sleep(UNIT).await;
    job
}

#[test]
fn an_item_that_fails_for_good_gives_its_key_free() {
    let (letters, told) = std::sync::mpsc::channel();
    let stage = hangs().dead_letters(|f| f.for_each(move |letter| letters.send(letter).expect("it is read")));
    let flow = iter([(0, 0), (0, 1), (1, 2)]).then(stage);
    let plan = flow.collect::<Vec<_>>();
    assert!(plan.describe().to_string().contains("dead_letters"), "{}", plan.describe());
    let done = taktline::sim::run(1, plan.run()).expect("what fails is handed over");
    audit(&done.report);
    // Two attempts of 3 with 1 between, and then the other one of its key.
    assert_eq!((done.value, done.report.elapsed()), (vec![(1, 2), (0, 1)], UNIT * 8));
    let letter = told.recv().expect("there is one");
    assert_eq!((letter.input, letter.attempts, &*letter.stage), ((0, 0), 2, "hangs"));
    let row = done.report.stage("hangs").expect("it has a row");
    assert_eq!((row.items_in, row.done, row.failed, row.dead_lettered, row.retried), (3, 2, 1, 1, 1));
}

#[test]
fn skipped_items_of_a_key_let_the_next_ones_go() {
    everywhere(|rt| async move {
        let odd = |job: Job| async move {
            taktline::yield_now().await;
            if job.1 % 2 == 1 { Ok(job) } else { Err("it is even") }
        };
        let stage = taktline::try_stage(odd).by_key(|job: &Job| job.0).concurrency(3).on_error(OnError::Skip);
        let done = iter((0..100).map(|n| (n % 5, n))).then(stage).collect::<Vec<_>>().run_on(&rt).await;
        let done = done.expect("what fails is skipped");
        audit(&done.report);
        assert!(done.value.len() == 50 && is_in_order(&done.value), "{:?}", done.value);
    });
}

#[sink(concurrency = 4, by_key = |(name, _)| name.as_str())]
async fn store(named: (String, u64), log: &Mutex<Vec<(String, u64)>>) {
    taktline::sleep(UNIT * (named.1 as u32 % 4)).await;
    log.lock().expect("nothing panics").push(named);
}

#[test]
fn a_sink_keeps_the_order_of_each_key_which_may_be_borrowed_from_the_item() {
    for seed in 0..50 {
        let log = Arc::new(Mutex::new(Vec::new()));
        let named = |n: u64| (["ada", "bob", "zoe"][n as usize % 3].to_owned(), n);
        let done = taktline::sim::run(seed, iter(0..30).map(named).sink(store(log.clone())).run());
        let report = done.expect("nothing fails").report;
        audit(&report);
        let log = log.lock().expect("nothing panics");
        for name in ["ada", "bob", "zoe"] {
            let of_name: Vec<_> = log.iter().filter(|(other, _)| other == name).map(|(_, n)| *n).collect();
            assert!(of_name.is_sorted() && of_name.len() == 10, "seed {seed}: {log:?}");
        }
        // One after the other they would take 44.
        assert!(report.elapsed() < UNIT * 30, "keys are in work at once\n{report}");
    }
}

#[stage(concurrency = 2, by_key = |_| 0)]
async fn one_at_a_time(x: u64) -> u64 {
    taktline::sleep(UNIT).await;
    x
}

#[test]
fn a_builder_overrides_the_key_of_an_attribute_and_the_body_stays_callable() {
    let elapsed = |flow: BoxFlow<u64>| {
        let done = taktline::sim::run(1, flow.count().run()).expect("nothing fails");
        done.report.elapsed()
    };
    assert_eq!(elapsed(iter(0..6).then(one_at_a_time())), UNIT * 6);
    assert_eq!(elapsed(iter(0..6).then(one_at_a_time().by_key(|x| *x))), UNIT * 3);
    assert_eq!(elapsed(iter(0..6).then(one_at_a_time().concurrency(6).by_key(|x| *x))), UNIT);
    assert_eq!(elapsed(iter(0..6).then(taktline::stage(one_at_a_time()).name("again"))), UNIT * 6);
    let called = taktline::sim::run(1, async { Ok::<_, taktline::Error>(one_at_a_time().call(7).await) });
    assert_eq!(called.expect("it returns"), 7);
}

#[test]
fn an_order_beside_that_of_keys_makes_a_plan_invalid() {
    let work = || taktline::stage(|x: u64| async move { x }).concurrency(4).by_key(|x: &u64| *x);
    for (plan, what) in [
        (iter(0..9).then(work().window(8)).count(), "has a window and keeps an order by key"),
        (iter(0..9).then(work().unordered()).count(), "is unordered and keeps an order by key"),
    ] {
        let error = taktline::sim::run(1, plan.run()).expect_err("it cannot run");
        assert!(error.is_invalid() && error.to_string().contains(what), "{error}");
    }
    let told = iter(0..9).then(work()).count().describe().to_string();
    assert!(told.contains("4 workers, in order by key"), "{told}");
}

#[test]
fn keys_with_policies_end_with_whatever_ends_the_run() {
    explore(0..300, |case| async move {
        let witness = Witness::new();
        let (items, bad) = (case.draw(0..=20), case.draw(0..=4));
        let make = witness.clone();
        let fails = move |item: Arc<Item>| async move {
            taktline::sleep(UNIT * (item.id as u32 % 3)).await;
            if item.id % 5 == bad { Err("it is bad") } else { Ok(item) }
        };
        let stage = taktline::try_stage(fails).by_key(|item: &Arc<Item>| item.id % 3);
        let stage = stage.retry(2).backoff(UNIT).timeout(UNIT * 9).on_error(OnError::Skip);
        let stage = stage.concurrency(case.size()).buffer(case.size());
        let plan = iter(0..items).map(move |id| Arc::new(make.item(id))).then(stage).count();
        match case.run(plan).await {
            End::Well(done) => assert_eq!(done.value, (0..items).filter(|id| id % 5 != bad).count() as u64),
            End::Failed(error) => assert!(error.is_cancelled() && case.has(Fault::Cancel), "{error:?}"),
            End::Dropped => return,
        }
        assert_eq!(witness.left(), 0);
    });
}

#[test]
fn a_limit_of_time_is_that_of_an_attempt_and_not_of_the_wait_for_its_key() {
    let slow = |x: u64| async move {
        taktline::sleep(Duration::from_secs(2)).await;
        x
    };
    let stage = taktline::stage(slow).concurrency(2).timeout(Duration::from_secs(3)).by_key(|_: &u64| 0);
    let done = taktline::sim::run(1, iter(0..5).then(stage).count().run()).expect("none takes longer than 3 s");
    assert_eq!((done.value, done.report.elapsed()), (5, UNIT * 10));
}
