//! Each worker runs `init` before its first item and `close` after its last one, at every ending but a drop.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use taktline::error::TimedOut;
use taktline::prelude::*;
use tests::{UNIT, everywhere, on_sim, units};

/// What hooks do, and what they have done.
#[derive(Clone, Debug, Default)]
struct Book {
    opened: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
    /// Items that met a worker that was not ready.
    unready: Arc<AtomicUsize>,
    init_takes: Duration,
    close_takes: Duration,
    init_fails: bool,
    close_fails: bool,
    panics: bool,
}

impl Book {
    fn counts(&self) -> (usize, usize, usize) {
        (self.opened.load(SeqCst), self.closed.load(SeqCst), self.unready.load(SeqCst))
    }
}

async fn open(book: &Book, is_open: &mut bool) -> Result<(), String> {
    taktline::sleep(book.init_takes).await;
    assert!(!(book.init_fails && book.panics), "no way");
    if book.init_fails {
        return Err("no way".to_owned());
    }
    book.opened.fetch_add(1, SeqCst);
    *is_open = true;
    Ok(())
}

async fn shut(book: &Book, is_open: &mut bool) -> Result<(), String> {
    taktline::sleep(book.close_takes).await;
    assert!(!(book.close_fails && book.panics), "no way back");
    book.closed.fetch_add(1, SeqCst);
    *is_open = false;
    if book.close_fails { Err("no way back".to_owned()) } else { Ok(()) }
}

#[stage(init = open, close = shut)]
async fn each(x: u64, book: &Book, is_open: &mut bool) -> Result<u64, String> {
    book.unready.fetch_add(usize::from(!*is_open), SeqCst);
    taktline::sleep(UNIT / 1000).await;
    if x == 77 { Err("77 is bad".to_owned()) } else { Ok(x) }
}

#[stage(init = open, close = shut)]
async fn many(x: u64, book: &Book, is_open: &mut bool, out: Out<u64>) {
    book.unready.fetch_add(usize::from(!*is_open), SeqCst);
    out.send(x).await;
}

#[stage(blocking, init = open, close = shut)]
fn block(x: u64, book: &Book, is_open: &mut bool) -> u64 {
    // A blocking call has a clone of the state that its worker has made ready.
    book.unready.fetch_add(usize::from(!*is_open), SeqCst);
    x
}

#[sink(concurrency = 2, init = open, close = shut)]
async fn store(_x: u64, book: &Book, is_open: &mut bool) {
    book.unready.fetch_add(usize::from(!*is_open), SeqCst);
}

/// Every form, with one worker and with several.
fn forms(items: u64, book: &Book) -> Vec<Pipeline<()>> {
    let all = |flow: BoxFlow<u64>| flow.for_each(drop);
    let (source, book) = (|| iter(0..items), || book.clone());
    vec![
        all(source().then(each(book(), false))),
        all(source().then(each(book(), false).concurrency(3))),
        all(source().then(each(book(), false).concurrency(3).unordered())),
        all(source().then(each(book(), false).retry(1))),
        all(source().then(each(book(), false).retry(1).concurrency(3))),
        all(source().then(many(book(), false))),
        all(source().then(many(book(), false).concurrency(3))),
        all(source().then(block(book(), false))),
        all(source().then(block(book(), false).concurrency(2))),
        source().sink(store(book(), false)),
    ]
}

#[test]
fn a_worker_is_ready_before_its_first_item_and_closed_before_the_run_returns() {
    everywhere(|rt| async move {
        for items in [0, 1, 20] {
            for at in 0..10 {
                let book = Book::default();
                let plan = forms(items, &book).swap_remove(at);
                plan.run_on(&rt).await.expect("nothing fails");
                let (opened, closed, unready) = book.counts();
                assert!(opened >= 1 && opened == closed && unready == 0, "form {at}: {book:?}");
            }
        }
    });
}

#[test]
fn workers_get_ready_at_once_and_not_one_after_the_other() {
    for seed in 0..50 {
        let book = Book { init_takes: UNIT, ..Book::default() };
        let plan = iter(0..40u64).then(each(book.clone(), false).concurrency(8)).count();
        let done = on_sim(seed, |rt| plan.clone().run_on(&rt)).expect("nothing fails");
        assert!(done.report.elapsed() < units(1.1), "seed {seed}: {}", done.report);
        assert_eq!(book.counts(), (8, 8, 0), "seed {seed}");
    }
}

#[test]
fn an_init_that_fails_ends_the_run_before_an_item_is_taken() {
    everywhere(|rt| async move {
        for panics in [false, true] {
            for at in 0..10 {
                let book = Book { init_fails: true, panics, ..Book::default() };
                let error = forms(20, &book).swap_remove(at).run_on(&rt).await.expect_err("no worker is ready");
                let report = error.report().expect("it was started");
                taktline::sim::audit(report);
                let first = error.first().expect("it has failed");
                assert_eq!((first.item(), first.is_panic()), (None, panics), "form {at}: {error:?}");
                assert!(error.to_string().contains("failed in `init`: "), "form {at}: {error}");
                let row = report.stage(first.stage()).expect("every stage has a row");
                assert_eq!((row.done, row.failed, row.items_in), (0, 0, row.abandoned), "form {at}: {report}");
                // What an init has begun is put away.
                assert!(book.counts().1 >= 1, "form {at}: {book:?}");
            }
        }
    });
}

#[test]
fn a_close_is_awaited_at_every_ending_but_a_drop() {
    for seed in 0..50 {
        for workers in [1, 3] {
            let book = || Book { close_takes: UNIT, ..Book::default() };
            // At the end of the input, without holding up what follows.
            let (b, ends) = (book(), Arc::new(Mutex::new(None)));
            let seen = ends.clone();
            let last = move |_: u64| *seen.lock().expect("no holder panics") = Some(taktline::now().since_epoch());
            let plan = iter(0..3u64).then(each(b.clone(), false).concurrency(workers)).for_each(last);
            let done = on_sim(seed, |rt| plan.clone().run_on(&rt)).expect("nothing fails");
            assert_eq!((b.counts().1, done.report.elapsed() >= UNIT), (b.counts().0, true));
            assert!(ends.lock().expect("no holder panics").is_some_and(|end| end < UNIT));
            // After a failure.
            let b = book();
            let plan = iter([1, 77u64, 2, 3]).then(each(b.clone(), false).concurrency(workers)).count();
            let error = on_sim(seed, |rt| plan.clone().run_on(&rt)).expect_err("77 is bad");
            assert!(error.is_failed() && b.counts().0 == b.counts().1, "{error:?}, {b:?}");
            // After a cancel, and after a reader that reads no more.
            let b = book();
            let plan = iter(0u64..).map(|x| x % 10).then(each(b.clone(), false).concurrency(workers));
            let (cancelled, taken) = (plan.clone().count(), plan.take(5).count());
            let (error, took) = on_sim(seed, |rt| {
                let cancelled = cancelled.clone();
                async move {
                    let running = cancelled.start_on(&rt);
                    rt.sleep(UNIT).await;
                    let before = rt.now();
                    (running.cancel().await.expect_err("it had not ended"), rt.now() - before)
                }
            });
            assert!(error.is_cancelled() && error.failures().is_empty(), "{error:?}");
            assert_eq!((took, b.counts().0), (UNIT, b.counts().1), "seed {seed}");
            on_sim(seed, |rt| taken.clone().run_on(&rt)).expect("nothing fails");
            assert_eq!(b.counts().0, b.counts().1);
        }
    }
}

#[test]
fn a_drop_awaits_no_close() {
    everywhere(|rt| async move {
        for workers in [1, 3] {
            let book = Book::default();
            let running = iter(0u64..).then(each(book.clone(), false).concurrency(workers)).count().start_on(&rt);
            rt.sleep(Duration::from_millis(20)).await;
            drop(running);
            rt.sleep(Duration::from_millis(20)).await;
            let (opened, closed, _) = book.counts();
            assert!(opened >= 1 && closed == 0, "{book:?}");
        }
    });
}

#[test]
fn a_close_that_fails_or_takes_too_long_fails_the_run() {
    for seed in 0..20 {
        for workers in [1, 2] {
            let run = |book: Book| {
                let plan = iter(0..3u64).then(each(book, false).concurrency(workers)).count();
                on_sim(seed, |rt| plan.clone().run_on(&rt)).expect_err("a close is bad")
            };
            let error = run(Book { close_fails: true, ..Book::default() });
            assert_eq!(
                error.first().map(ToString::to_string).as_deref(),
                Some("stage `each` failed in `close`: no way back")
            );
            let error = run(Book { close_fails: true, panics: true, ..Book::default() });
            assert!(error.is_panic() && error.to_string().contains("in `close`"), "{error}");
            let error = run(Book { close_takes: 3600 * UNIT, ..Book::default() });
            assert_eq!(error.downcast_ref::<TimedOut>().map(TimedOut::limit), Some(Duration::from_secs(5)), "{error}");
            assert!(error.report().is_some_and(|report| report.elapsed() < Duration::from_secs(6)), "{error:?}");
        }
    }
}

#[test]
fn a_panic_behind_the_stage_still_closes_it() {
    for workers in [1, 3] {
        // A wait in the hook does not make the blame another's.
        let book = Book { close_takes: UNIT, ..Book::default() };
        let plan = iter(0..9u64)
            .then(many(book.clone(), false).concurrency(workers))
            .map(|x| x.checked_sub(10).expect("it is bad"));
        let plan = plan.count();
        let error = on_sim(1, |rt| plan.clone().run_on(&rt)).expect_err("the map is bad");
        assert_eq!((error.stage(), error.failures().len()), (Some("map"), 1), "{error:?}");
        assert_eq!(book.counts().0, book.counts().1, "{book:?}");
    }
}

#[test]
fn a_worker_that_begins_anew_after_a_panic_is_made_ready_again() {
    #[stage(init = open, close = shut, on_panic = skip)]
    async fn bad(x: u64, book: &Book, is_open: &mut bool) -> u64 {
        book.unready.fetch_add(usize::from(!*is_open), SeqCst);
        assert!(x != 1, "one is bad");
        x
    }
    let book = Book::default();
    let plan = iter(0..3u64).then(bad(book.clone(), false)).collect::<Vec<_>>();
    assert_eq!(on_sim(1, |rt| plan.clone().run_on(&rt)).expect("a panic is skipped").value, [0, 2]);
    assert_eq!(book.counts(), (2, 1, 0));
}

#[stage(init = open, close = shut, close_within = 10s)]
async fn patient(x: u64, book: &Book, is_open: &mut bool) -> u64 {
    book.unready.fetch_add(usize::from(!*is_open), SeqCst);
    x
}

#[test]
fn the_time_limit_of_a_close_is_set_by_the_key_and_by_the_builder() {
    let book = |takes: f64| Book { close_takes: units(takes), ..Book::default() };
    let outcome = |plan: Pipeline<()>| on_sim(1, |rt| plan.clone().run_on(&rt));
    let limit_of = |plan: Pipeline<()>| {
        let error = outcome(plan).expect_err("it is late");
        (
            error.downcast_ref::<TimedOut>().expect("it is out of time").limit(),
            error.report().expect("it ran").elapsed(),
        )
    };
    let one = |book: Book| iter(0..3u64).then(patient(book, false)).for_each(drop);
    let pool = |book: Book| iter(0..3u64).then(patient(book, false).concurrency(3)).for_each(drop);
    let set = |book: Book| iter(0..3u64).then(patient(book, false).close_within(2 * UNIT)).for_each(drop);
    let sink = |book: Book| iter(0..3u64).sink(store(book, false).close_within(2 * UNIT));
    for plan in [one, pool] {
        assert!(outcome(plan(book(9.9))).is_ok());
        assert_eq!(limit_of(plan(book(10.1))), (10 * UNIT, 10 * UNIT));
    }
    assert_eq!(limit_of(set(book(2.1))), (2 * UNIT, 2 * UNIT));
    assert_eq!(limit_of(sink(book(2.1))), (2 * UNIT, 2 * UNIT));
    let error = outcome(iter(0..3u64).sink(store(book(0.0), false).close_within(Duration::ZERO))).expect_err("no time");
    assert!(error.is_invalid() && error.to_string().contains("close_within of 0"), "{error}");
}

#[test]
fn hooks_of_the_builder_are_around_those_of_the_stage() {
    everywhere(|rt| async move {
        for workers in [1, 3] {
            let (book, lines) = (Book::default(), Arc::new(Mutex::new(Vec::new())));
            let say = |line: &'static str| {
                let (book, lines) = (book.clone(), lines.clone());
                move || {
                    let (counts, lines) = (book.counts(), lines.clone());
                    async move {
                        lines.lock().expect("nobody panics").push((line, counts.0, counts.1));
                        Ok::<(), String>(())
                    }
                }
            };
            let own = each(book.clone(), false).concurrency(workers);
            let plan = iter(0..9u64).then(own.init(say("init")).close(say("close")).retry(1)).count();
            plan.run_on(&rt).await.expect("nothing fails");
            let (opened, closed, unready) = book.counts();
            assert!(opened >= 1 && opened == closed && unready == 0, "{book:?}");
            let lines = lines.lock().expect("nobody panics").clone();
            let count = |name| lines.iter().filter(|line| line.0 == name).count();
            assert_eq!((count("init"), count("close")), (opened, opened), "{lines:?}");
            if workers == 1 {
                assert_eq!(lines, [("init", 0, 0), ("close", 1, 1)]);
            }
            // One that fails, before the worker takes an item.
            let fails = || async { Err::<(), _>("no way") };
            let error = iter(0..9u64).then(each(book.clone(), false).init(fails)).count().run_on(&rt).await;
            let error = error.expect_err("it cannot begin");
            assert_eq!(error.to_string(), "stage `each` failed in `init`: no way");
            let sunk = store(book.clone(), false).close(|| async { Err::<(), _>("no way back") });
            let error = iter(0..9u64).sink(sunk).run_on(&rt).await.expect_err("it cannot close");
            assert!(error.to_string().starts_with("stage `store` failed in `close`: no way back"), "{error}");
            // Two that fail: both are called, and the first is told.
            let second = Arc::new(AtomicUsize::new(0));
            let called = second.clone();
            let twice =
                stage(|x: u64| async move { x }).close(|| async { Err::<(), _>("the first") }).close(move || {
                    called.fetch_add(1, SeqCst);
                    async { Err::<(), _>("the second") }
                });
            let error = iter(0..9u64).then(twice).count().run_on(&rt).await.expect_err("it cannot close");
            assert_eq!(error.to_string(), "stage `then` failed in `close`: the first");
            assert_eq!(second.load(SeqCst), 1);
            assert_eq!(
                book.opened.load(SeqCst),
                book.closed.load(SeqCst) - 1,
                "a close follows an init that has failed"
            );
        }
    });
}
