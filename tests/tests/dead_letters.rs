//! What has failed for good leaves its stage as a dead letter, with its input, and is in the books whatever its reader does.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use taktline::error::{Panicked, TimedOut};
use taktline::ledger::{Report, StageReport};
use taktline::lineage::Ticket;
use taktline::prelude::*;
use tests::{Item, UNIT, Witness, everywhere, on_sim};

/// What became of a letter: input, error, stage, attempts.
type Told = (u64, String, String, u32);

/// A sink that writes down what it is given.
#[sink]
async fn write(letter: DeadLetter<u64>, told: &Mutex<Vec<Told>>) {
    let DeadLetter { input, error, stage, attempts, .. } = letter;
    told.lock().unwrap().push((input, error.to_string(), stage, attempts));
}

fn is_bad(x: u64) -> bool {
    x % 4 == 1
}

fn try_one(x: u64) -> Result<u64, String> {
    if is_bad(x) { Err(format!("{x} is bad")) } else { Ok(x) }
}

#[stage(on_error = dead_letter)]
async fn one(x: u64) -> Result<u64, String> {
    try_one(x)
}

#[stage(blocking, on_error = dead_letter)]
fn blocks(x: u64) -> Result<u64, String> {
    try_one(x)
}

#[stage(concurrency = 2, on_error = dead_letter)]
fn plain(x: u64) -> Result<u64, String> {
    try_one(x)
}

#[stage(on_error = dead_letter)]
async fn twice(x: u64, out: Out<u64>) -> Result<(), String> {
    out.send(x).await;
    taktline::yield_now().await;
    out.send(try_one(x)?).await;
    Ok(())
}

#[sink(concurrency = 2, on_error = dead_letter)]
async fn store(x: u64) -> Result<(), String> {
    try_one(x).map(drop)
}

fn row(report: &Report, name: &str) -> StageReport {
    report.stage(name).unwrap_or_else(|| panic!("no row {name}\n{report}")).clone()
}

fn balanced<V>(outcome: &taktline::Result<Done<V>>) -> &Report {
    let report = match outcome {
        Ok(done) => &done.report,
        Err(error) => error.report().expect("it was started"),
    };
    taktline::sim::audit(report);
    report
}

fn sorted(told: &Mutex<Vec<Told>>) -> Vec<Told> {
    let mut told = std::mem::take(&mut *told.lock().unwrap());
    told.sort();
    told
}

fn letters_of(stage: &str, attempts: u32) -> Vec<Told> {
    [1u64, 5, 9].map(|x| (x, format!("{x} is bad"), stage.to_owned(), attempts)).to_vec()
}

#[test]
fn of_ten_items_three_are_bad_and_become_three_dead_letters_with_their_inputs() {
    everywhere(|rt| async move {
        let told = Arc::new(Mutex::new(Vec::new()));
        let good: Vec<u64> = (0..10).filter(|x| !is_bad(*x)).collect();
        macro_rules! check {
            ($stage:expr, $name:expr, $attempts:expr) => {
                let stage = $stage.dead_letters(|letters| letters.sink(write(told.clone())));
                let outcome = iter(0..10u64).then(stage).collect::<Vec<_>>().run_on(&rt).await;
                let report = balanced(&outcome).clone();
                let mut value = outcome.expect("the bad ones are dead letters").value;
                value.sort();
                assert_eq!((value, sorted(&told)), (good.clone(), letters_of($name, $attempts)), "{report}");
                let row = row(&report, $name);
                let counts = (row.items_in, row.done, row.failed, row.dead_lettered, row.skipped);
                assert_eq!(counts, (10, 7, 3, 3, 0), "{report}");
                let names: Vec<_> = report.stages().iter().map(|row| &*row.name).collect();
                assert_eq!(names, ["iter", $name, "dead_letters", "write", "collect"]);
            };
        }
        check!(one(), "one", 1);
        check!(one().concurrency(3).name("ordered"), "ordered", 1);
        check!(one().concurrency(3).unordered().name("unordered"), "unordered", 1);
        check!(one().retry(2).backoff(Duration::from_micros(10)).name("retried"), "retried", 3);
        check!(blocks(), "blocks", 1);
        check!(plain(), "plain", 1);
        check!(taktline::try_stage(|x: u64| async move { try_one(x) }).name("closure"), "closure", 1);

        let sink = store().dead_letters(|letters| letters.sink(write(told.clone())));
        let outcome = iter(0..10u64).sink(sink).run_on(&rt).await;
        let store = row(balanced(&outcome), "store");
        assert_eq!((outcome.is_ok(), sorted(&told)), (true, letters_of("store", 1)));
        assert_eq!((store.done, store.failed, store.dead_lettered), (7, 3, 3));

        // What it has sent goes on.
        let sends = twice().dead_letters(|letters| letters.sink(write(told.clone())));
        let outcome = iter(0..10u64).then(sends).count().run_on(&rt).await;
        let twice = row(balanced(&outcome), "twice");
        assert_eq!((outcome.expect("nothing fails").value, sorted(&told)), (17, letters_of("twice", 1)));
        assert_eq!((twice.items_out, twice.failed, twice.dead_lettered), (17, 3, 3));
    });
}

#[test]
fn timeouts_and_panics_become_dead_letters_where_that_is_asked_for() {
    everywhere(|rt| async move {
        let kinds = Arc::new(Mutex::new((0, 0)));
        let seen = kinds.clone();
        let bad = stage(|x: u64| async move {
            assert_ne!(x % 2, 1, "{x} is odd");
            std::future::pending::<()>().await;
        });
        let bad = bad.timeout(Duration::from_millis(1)).on_panic(OnError::DeadLetter).dead_letters(|letters| {
            letters.for_each(move |letter| {
                let mut seen = seen.lock().unwrap();
                seen.0 += u32::from(letter.error.is::<TimedOut>());
                seen.1 += u32::from(letter.error.is::<Panicked>());
            })
        });
        let outcome = iter(0..6u64).then(bad.clone()).count().run_on(&rt).await;
        let then = row(balanced(&outcome), "then");
        assert_eq!((outcome.is_ok(), then.dead_lettered, *kinds.lock().unwrap()), (true, 6, (3, 3)));

        let error = iter([1u64]).then(bad.on_panic(OnError::Fail)).count().run_on(&rt).await.unwrap_err();
        assert!(error.is_panic(), "{error:?}");
    });
}

/// 16 letters wait, one is read, one is in the hand of what moves them, and the worker has one: then it waits.
#[test]
fn a_slow_reader_of_dead_letters_makes_the_stage_wait_and_gets_all_of_them() {
    for seed in 0..100 {
        for workers in [1, 3] {
            let calls = Arc::new(AtomicU64::new(0));
            let (counted, read) = (calls.clone(), Arc::new(Mutex::new(Vec::new())));
            let fails = taktline::try_stage(move |x: u64| {
                counted.fetch_add(1, SeqCst);
                async move { Err::<u64, _>(format!("{x} is bad")) }
            });
            let seen = read.clone();
            let fails = fails.concurrency(workers).dead_letters(|letters| {
                letters.sink(move |letter: DeadLetter<u64>| {
                    let seen = seen.clone();
                    async move {
                        taktline::sleep(UNIT).await;
                        seen.lock().unwrap().push(letter.input);
                    }
                })
            });
            let plan = iter(0..100u64).then(fails).count();
            let early = on_sim(seed, |rt| {
                let (plan, calls) = (plan.clone(), calls.clone());
                async move {
                    let running = plan.start_on(&rt);
                    rt.sleep(UNIT / 2).await;
                    let early = calls.load(SeqCst);
                    let outcome = running.join().await;
                    assert_eq!(row(balanced(&outcome), "try_then").dead_lettered, 100);
                    early
                }
            });
            // The sink has an edge of 16 of its own.
            let most = 16 + 1 + 16 + 1 + workers as u64;
            assert!((33..=most).contains(&early), "seed {seed}, {workers} workers: {early} calls, {most} at most");
            let mut read = std::mem::take(&mut *read.lock().unwrap());
            read.sort_unstable();
            assert_eq!(read, (0..100).collect::<Vec<_>>(), "seed {seed}");
        }
    }
}

#[test]
fn items_are_skipped_once_the_reader_of_dead_letters_has_ended() {
    everywhere(|rt| async move {
        for workers in [1, 3] {
            let told = Arc::new(Mutex::new(Vec::new()));
            let one = one().concurrency(workers).dead_letters(|letters| letters.take(1).sink(write(told.clone())));
            let outcome = iter(0..4000u64).then(one).count().run_on(&rt).await;
            let report = balanced(&outcome);
            let (one, letters) = (row(report, "one"), row(report, "dead_letters"));
            assert_eq!((one.done, one.failed, one.skipped + one.dead_lettered), (3000, 1000, 1000), "{report}");
            assert!(one.skipped > 900, "{report}");
            assert_eq!((letters.items_in, letters.done), (one.dead_lettered, 1), "{report}");
            assert_eq!((outcome.expect("nothing fails").value, told.lock().unwrap().len()), (3000, 1));
        }
    });
}

#[test]
fn a_reader_of_dead_letters_that_hangs_cannot_keep_a_run_from_ending() {
    everywhere(|rt| async move {
        for workers in [1, 3] {
            let witness = Arc::new(Witness::new());
            let made = witness.clone();
            let bad = taktline::try_stage(|item: Item| async move {
                let _item = item;
                Err::<Item, _>("bad")
            });
            let bad = bad.concurrency(workers).name("bad").dead_letters(|letters| {
                letters.sink(|letter: DeadLetter<Item>| async move {
                    let _letter = letter;
                    std::future::pending::<()>().await;
                })
            });
            let plan = iter(0..100u64).map(move |id| made.item(id)).then(bad).count();
            for drains in [true, false] {
                let running = plan.clone().start_on(&rt);
                rt.sleep(Duration::from_millis(20)).await;
                let limit = Duration::from_millis(5);
                let outcome = if drains { running.drain(limit).await } else { running.cancel().await };
                let report = balanced(&outcome);
                let (bad, letters) = (row(report, "bad"), row(report, "dead_letters"));
                assert!(bad.dead_lettered > 0 && bad.dead_lettered == letters.items_in, "{report}");
                assert_eq!((bad.failed, bad.skipped), (bad.dead_lettered, 0), "{report}");
                assert!(bad.abandoned >= workers as u64, "{report}");
                assert!(outcome.is_err(), "{report}");
            }
            drop(plan);
            assert_eq!(witness.left(), 0);
        }
    });
}

#[test]
fn a_reader_of_dead_letters_that_fails_fails_the_run() {
    everywhere(|rt| async move {
        let letters = one().dead_letters(|letters| {
            let refuses = |letter: DeadLetter<u64>| async move { Err::<(), _>(letter.error) };
            letters.then(taktline::try_stage(refuses).name("refuses")).count()
        });
        let outcome = iter(0..10u64).then(letters).count().run_on(&rt).await;
        balanced(&outcome);
        assert_eq!(outcome.unwrap_err().to_string(), "stage `refuses` failed on item 0: 1 is bad");
    });
}

#[test]
fn a_reader_of_dead_letters_that_is_cut_cuts_the_stage_which_skips_nothing() {
    for seed in 0..200 {
        let letters = one().dead_letters(|letters| {
            letters
                .then(taktline::try_stage(|letter: DeadLetter<u64>| async move {
                    taktline::sleep(UNIT).await;
                    Err::<(), _>(letter.error)
                }))
                .count()
        });
        let plan = iter(0..1000u64).then(letters).count();
        let outcome = on_sim(seed, |rt| plan.clone().run_on(&rt));
        let report = balanced(&outcome);
        let one = row(report, "one");
        assert_eq!((one.failed, one.skipped), (one.dead_lettered, 0), "seed {seed}\n{report}");
        assert!(one.items_in < 200, "seed {seed}\n{report}");
    }
}

/// Its receipt was settled while the letter still waited.
#[test]
fn a_ticket_follows_its_item_into_a_dead_letter() {
    everywhere(|rt| async move {
        for workers in [1, 3] {
            let (ticket, receipt) = Ticket::new();
            let early = Arc::new(Mutex::new(Vec::new()));
            let (seen, receipt) = (early.clone(), Arc::new(receipt));
            let one = one().concurrency(workers).dead_letters(|letters| {
                letters.sink(move |letter: DeadLetter<u64>| {
                    let (seen, receipt) = (seen.clone(), receipt.clone());
                    async move {
                        taktline::sleep(Duration::from_millis(1)).await;
                        seen.lock().unwrap().push((letter.input, receipt.is_settled()));
                    }
                })
            });
            // Given away: a ticket that the plan keeps is never settled.
            let tickets = Arc::new(Mutex::new(vec![ticket]));
            let take = move |x: &u64| if *x == 1 { tickets.lock().unwrap().pop().unwrap() } else { Ticket::default() };
            let flow = iter(0..2u64).tracked(take);
            let done = flow.then(one).count().run_on(&rt).await.expect("nothing fails");
            assert_eq!((done.value, early.lock().unwrap().clone()), (1, vec![(1, false)]));
        }
    });
}

#[test]
fn dead_letters_of_dead_letters_end_in_a_sink_of_their_own() {
    everywhere(|rt| async move {
        let told = Arc::new(Mutex::new(Vec::new()));
        let again = taktline::try_stage(|letter: Arc<DeadLetter<u64>>| async move { try_one(letter.input) });
        let again = again.name("again").dead_letters(|letters| {
            let told = told.clone();
            letters.for_each(move |letter| told.lock().unwrap().push(letter.input.input))
        });
        let one = one().dead_letters(|letters| letters.map(Arc::new).then(again).count());
        let outcome = iter(0..10u64).then(one).count().run_on(&rt).await;
        balanced(&outcome);
        assert_eq!(outcome.expect("nothing fails").value, 7);
        assert_eq!(*told.lock().unwrap(), [1, 5, 9]);
    });
}

#[test]
fn dead_letters_that_nobody_can_take_make_the_plan_invalid() {
    #[stage]
    fn fused(x: u64) -> u64 {
        x
    }
    let told = |plan: Pipeline<u64>| on_sim(1, |rt| plan.clone().run_on(&rt)).expect_err("invalid").to_string();
    let nobody = told(iter([1u64]).then(one()).count());
    assert!(nobody.contains("`one` has dead letters that nobody takes"), "{nobody}");
    let panics = told(iter([1u64]).then(one().on_error(OnError::Skip).on_panic(OnError::DeadLetter)).count());
    assert!(panics.contains("`one` has dead letters that nobody takes"), "{panics}");
    let fused = told(iter([1u64]).then(fused().on_error(OnError::DeadLetter)).count());
    assert!(fused.contains("`fused` is fused and cannot wait, so it has no dead letters"), "{fused}");
}

#[test]
fn a_plan_tells_the_bound_with_its_dead_letters() {
    let plan = iter([1u64]).then(one().dead_letters(|letters| letters.for_each(drop))).count();
    // The source, the edge, the worker; the letters' edge, and one in the hand of what moves them.
    assert_eq!(plan.bound(), 1 + 16 + 1 + 16 + 1);
}
