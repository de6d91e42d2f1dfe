//! The end of a flow is no item: it reaches every worker, and an ended run leaves nothing behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use taktline::prelude::*;
use taktline::runtime::Rt;
use taktline::{Error, ledger::Report};
use tests::{UNIT, Witness, counted, everywhere, on_sim, units};

const MS: Duration = Duration::from_millis(1);

/// The value of a run that went well, once its books balance.
fn value<V: std::fmt::Debug>(outcome: taktline::Result<Done<V>>) -> V {
    let done = outcome.expect("nothing fails");
    assert!(done.report.balances(), "{}", done.report);
    done.value
}

#[source]
async fn every(total: u64, pause: Duration, out: Out<u64>) {
    for i in 0..total {
        taktline::sleep(pause).await;
        out.send(i).await;
    }
}

#[stage(concurrency = 2)]
async fn worker(x: u64, pause: Duration) -> u64 {
    taktline::sleep(pause).await;
    x
}

#[sink(concurrency = 2)]
async fn tally(_x: u64, pause: Duration, seen: &AtomicUsize) {
    taktline::sleep(pause).await;
    seen.fetch_add(1, SeqCst);
}

/// Counts the ends that its worker has seen: it goes on asking after the first.
#[sink]
async fn ask_again(input: In<u64>, ends: &AtomicUsize) {
    while input.next().await.is_some() {}
    for _ in 0..3 {
        assert_eq!(input.next().await, None);
        ends.fetch_add(1, SeqCst);
    }
}

#[test]
fn the_end_reaches_each_of_two_workers() {
    everywhere(|rt| async move {
        for total in [0, 1, 2, 3, 20] {
            let plan = every(total, Duration::ZERO).then(worker(MS)).collect::<Vec<_>>();
            assert_eq!(value(plan.run_on(&rt).await), (0..total).collect::<Vec<_>>());
            let seen = Arc::new(AtomicUsize::new(0));
            value(every(total, Duration::ZERO).sink(tally(MS, seen.clone())).run_on(&rt).await);
            assert_eq!(seen.load(SeqCst) as u64, total);
        }
    });
}

#[test]
fn the_end_is_seen_when_all_workers_are_idle() {
    for seed in 0..100 {
        let done = on_sim(seed, |rt| async move {
            // The last item is done long before the source ends.
            let lingers = merge((iter(0..4u64), every(1, UNIT * 50).filter(|_| false)));
            lingers.then(worker(UNIT)).count().run_on(&rt).await.expect("nothing fails")
        });
        assert!(done.report.balances(), "{}", done.report);
        assert_eq!((done.value, done.report.elapsed()), (4, UNIT * 50), "seed {seed}");
        assert_eq!(done.report.stage("worker").expect("the stage has a row").work_peak, 2);
    }
}

#[test]
fn a_merge_ends_with_its_slowest_input() {
    everywhere(|rt| async move {
        let plan = merge([every(5, Duration::ZERO), every(20, MS)]).then(worker(MS)).count();
        assert_eq!(value(plan.run_on(&rt).await), 25);
    });
    for seed in 0..100 {
        let done = on_sim(seed, |rt| async move {
            let plan = merge([every(5, UNIT), every(5, UNIT * 3)]).then(worker(UNIT)).count();
            plan.run_on(&rt).await.expect("nothing fails")
        });
        assert!(done.report.balances(), "{}", done.report);
        assert_eq!((done.value, done.report.elapsed()), (10, UNIT * 16), "seed {seed}");
    }
}

#[test]
fn the_end_of_an_input_stays_the_end() {
    everywhere(|rt| async move {
        let ends = Arc::new(AtomicUsize::new(0));
        value(every(3, Duration::ZERO).sink(ask_again(ends.clone())).run_on(&rt).await);
        assert_eq!(ends.load(SeqCst), 3);
        let mut xs = every(1, Duration::ZERO).start_on(&rt);
        assert_eq!(xs.next().await.expect("nothing fails"), Some(0));
        for _ in 0..3 {
            assert_eq!(xs.next().await.expect("nothing fails"), None);
        }
    });
}

#[stage]
async fn same(x: Option<u64>) -> Option<u64> {
    taktline::yield_now().await;
    x
}

#[test]
fn an_item_that_is_none_is_an_item() {
    everywhere(|rt| async move {
        let items = vec![None, Some(1), None, None, Some(2), None];
        for workers in [1, 3] {
            let stage = || same().concurrency(workers);
            let flow = merge([iter(items.clone()).then(stage())]).then(stage()).map(|x| x);
            assert_eq!(value(flow.collect::<Vec<_>>().run_on(&rt).await), items);
        }
        assert_eq!(value(iter(items.clone()).then(same()).first().run_on(&rt).await), Some(None));
        let mut xs = iter(items.clone()).then(same()).start_on(&rt);
        let mut seen = Vec::new();
        while let Some(x) = xs.next().await.expect("nothing fails") {
            seen.push(x);
        }
        assert_eq!(seen, items);
        assert!(xs.report().expect("it was started").balances());
    });
}

#[source]
async fn silent(out: Out<u64>) {
    let _ = &out;
}

async fn nothing_comes<F: Flow<Item = u64, Lineage = ()>>(rt: &Rt, empty: F) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    assert_eq!(value(empty.clone().collect::<Vec<_>>().run_on(rt).await), []);
    assert_eq!(value(empty.clone().count().run_on(rt).await), 0);
    assert_eq!(value(empty.clone().fold(7, |a, x| a + x).run_on(rt).await), 7);
    assert_eq!(value(empty.clone().first().run_on(rt).await), None);
    let each = empty.clone().for_each(move |_| _ = count.fetch_add(1, SeqCst));
    value(each.run_on(rt).await);
    value(empty.clone().sink(tally(MS, calls.clone())).run_on(rt).await);
    value(empty.clone().then(worker(MS)).sink(tally(MS, calls.clone()).concurrency(1)).run_on(rt).await);
    assert_eq!(calls.load(SeqCst), 0);
    let mut xs = empty.start_on(rt);
    assert_eq!(xs.next().await.expect("nothing fails"), None);
    assert!(xs.report().expect("it was started").balances());
}

#[test]
fn an_empty_source_ends_every_kind_of_sink() {
    everywhere(|rt| async move {
        nothing_comes(&rt, iter(Vec::<u64>::new())).await;
        nothing_comes(&rt, silent()).await;
        nothing_comes(&rt, silent().then(worker(MS))).await;
        nothing_comes(&rt, merge([silent(), silent()])).await;
        nothing_comes(&rt, silent().chain(silent())).await;
    });
}

#[test]
fn an_empty_stream_ends_every_kind_of_sink() {
    // A stream is read once, so each sink has its own.
    let empty = || stream(futures::stream::empty::<u64>());
    everywhere(|rt| async move {
        assert_eq!(value(empty().collect::<Vec<_>>().run_on(&rt).await), []);
        assert_eq!(value(empty().count().run_on(&rt).await), 0);
        assert_eq!(value(empty().fold(7, |a, x| a + x).run_on(&rt).await), 7);
        assert_eq!(value(empty().first().run_on(&rt).await), None);
        value(empty().for_each(|x| panic!("{x} came")).run_on(&rt).await);
        value(empty().sink(|x| async move { panic!("{x} came") }).run_on(&rt).await);
        assert_eq!(empty().start_on(&rt).next().await.expect("nothing fails"), None);
    });
}

#[test]
fn a_merge_of_nothing_ends() {
    everywhere(|rt| async move {
        nothing_comes(&rt, merge([] as [BoxFlow<u64>; 0])).await;
        nothing_comes(&rt, merge(Vec::<BoxFlow<u64>>::new())).await;
        nothing_comes(&rt, merge([merge(Vec::<BoxFlow<u64>>::new()), merge(Vec::<BoxFlow<u64>>::new())])).await;
    });
}

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

#[test]
fn every_item_of_four_producers_is_done_when_the_run_returns() {
    for seed in 0..100 {
        let report = on_sim(seed, |rt| async move {
            let plan = merge([(); 4].map(|()| producer())).sink(consumer());
            plan.run_on(&rt).await.expect("nothing fails").report
        });
        assert!(report.balances(), "{report}");
        let row = report.stage("consumer").expect("the sink has a row");
        assert_eq!((row.items_in, row.done, report.elapsed()), (40, 40, units(13.5)), "seed {seed}");
    }
}

#[test]
fn a_hundred_runs_leave_nothing() {
    everywhere(|rt| async move {
        let (rt, tasks) = counted(rt);
        let witness = Witness::new();
        for round in 0..100u64 {
            let items = witness.clone();
            let stage = stage(|item: tests::Item| async move {
                taktline::yield_now().await;
                item
            });
            let flow = merge([iter(0..10u64), iter(0..10u64)]).map(move |id| items.item(id));
            let flow = flow.then(stage.concurrency(3)).map(|item| item.id);
            match round % 4 {
                0 => assert_eq!(value(flow.count().run_on(&rt).await), 20),
                1 => assert!(value(flow.first().run_on(&rt).await).is_some()),
                2 => drop(flow.start_on(&rt)),
                _ => {
                    // It may have ended before it is cancelled.
                    match flow.count().start_on(&rt).cancel().await {
                        Err(error) => assert!(error.is_cancelled() && error.report().is_some_and(Report::balances)),
                        ended => assert_eq!(value(ended), 20),
                    }
                }
            }
        }
        while tasks.left() + witness.left() > 0 {
            rt.sleep(MS).await;
        }
        assert!(tasks.given() >= 100);
    });
}

#[stage]
async fn number_calls(x: u64, calls: &mut u64) -> (u64, u64) {
    *calls += 1;
    (*calls, x)
}

#[test]
fn a_plan_can_be_cloned_and_run_twice() {
    everywhere(|rt| async move {
        let mut mapped = 0;
        let flow = every(5, Duration::ZERO).then(number_calls(0)).map(move |(call, x)| {
            mapped += 1;
            (mapped, call, x)
        });
        let plan = flow.scan(0, |sum, (mapped, call, x)| {
            *sum += x;
            Some((mapped, call, *sum))
        });
        let plan = plan.enumerate().skip(1).chain(iter([(9, (9, 9, 9))])).collect::<Vec<_>>();
        let expected = [(1, (2, 2, 1)), (2, (3, 3, 3)), (3, (4, 4, 6)), (4, (5, 5, 10)), (9, (9, 9, 9))];
        for _ in 0..2 {
            assert_eq!(value(plan.clone().run_on(&rt).await), expected);
        }
        let (one, other) = futures::join!(plan.clone().run_on(&rt), plan.run_on(&rt));
        assert_eq!((value(one), value(other)), (expected.to_vec(), expected.to_vec()));
    });
}

fn check_spent(error: &Error, source: &str) {
    assert!(error.is_spent(), "{error}");
    assert!(error.to_string().contains(&format!("`{source}`")), "{error}");
    assert!(error.report().is_none(), "nothing was started");
}

#[test]
fn what_can_be_read_once_says_so_at_the_second_run() {
    everywhere(|rt| async move {
        let (rt, tasks) = counted(rt);
        let plan = once(0..3u64).then(worker(MS)).count();
        assert_eq!(value(plan.clone().run_on(&rt).await), 3);
        let given = tasks.given();
        check_spent(&plan.clone().run_on(&rt).await.expect_err("it was read"), "once");
        check_spent(&plan.start_on(&rt).join().await.expect_err("it was read"), "once");
        let flow = stream(futures::stream::iter(0..3u64)).then(worker(MS));
        assert_eq!(tasks.given(), given, "nothing is spawned");
        assert_eq!(value(flow.clone().count().run_on(&rt).await), 3);
        let given = tasks.given();
        check_spent(&flow.clone().count().run_on(&rt).await.expect_err("it was read"), "stream");
        let mut xs = flow.clone().start_on(&rt);
        check_spent(&xs.next().await.expect_err("it was read"), "stream");
        assert_eq!(xs.next().await.expect("it was told"), None);
        let merged = merge((every(5, MS), flow)).count();
        check_spent(&merged.run_on(&rt).await.expect_err("it was read"), "stream");
        assert_eq!(tasks.given(), given, "nothing is spawned");
    });
}

#[test]
fn a_spent_source_behind_a_chain_says_so() {
    everywhere(|rt| async move {
        let (rt, tasks) = counted(rt);
        let plan = iter(0..3u64).chain(once(3..5u64)).count();
        assert_eq!(value(plan.clone().run_on(&rt).await), 5);
        let given = tasks.given();
        check_spent(&plan.run_on(&rt).await.expect_err("it was read"), "once");
        assert_eq!(tasks.given(), given, "nothing is spawned");
    });
}

#[test]
fn a_refused_run_reads_nothing() {
    everywhere(|rt| async move {
        let (fresh, spent) = (once(0..3u64), once(3..5u64));
        assert_eq!(value(spent.clone().count().run_on(&rt).await), 2);
        for pair in [[fresh.clone(), spent.clone()], [spent, fresh.clone()]] {
            check_spent(&merge(pair).count().run_on(&rt).await.expect_err("one was read"), "once");
        }
        let invalid = fresh.clone().buffer(0).then(worker(MS)).count();
        assert!(invalid.run_on(&rt).await.expect_err("a buffer holds something").is_invalid());
        assert_eq!(value(fresh.count().run_on(&rt).await), 3, "no run has read it");
    });
}

/// Counts when it is asked for its iterator.
#[derive(Clone)]
struct Noted(Arc<AtomicUsize>);

impl IntoIterator for Noted {
    type Item = u64;
    type IntoIter = std::ops::Range<u64>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.fetch_add(1, SeqCst);
        0..3
    }
}

#[source]
async fn noted_source(effects: &AtomicUsize, out: Out<u64>) {
    effects.fetch_add(1, SeqCst);
    out.send(3).await;
}

#[test]
fn a_plan_does_nothing_before_it_is_run() {
    everywhere(|rt| async move {
        let (rt, tasks) = counted(rt);
        let effects = Arc::new(AtomicUsize::new(0));
        let note = || {
            let effects = effects.clone();
            move || _ = effects.fetch_add(1, SeqCst)
        };
        let (mapped, staged, folded) = (note(), note(), note());
        let flow = merge((iter(Noted(effects.clone())), noted_source(effects.clone())));
        let flow = flow.inspect(move |_| mapped()).then(move |x: u64| {
            staged();
            async move { x }
        });
        let plan = flow.fold(0, move |sum, x| {
            folded();
            sum + x
        });
        assert!(plan.bound() > 0);
        let run = plan.clone().run_on(&rt);
        rt.sleep(MS * 5).await;
        assert_eq!((effects.load(SeqCst), tasks.given()), (0, 0), "a run that is not awaited starts nothing");
        drop(run);
        rt.sleep(MS * 5).await;
        assert_eq!((effects.load(SeqCst), tasks.given()), (0, 0));
        assert_eq!(value(plan.run_on(&rt).await), 6);
        assert_eq!(effects.load(SeqCst), 2 + 3 * 4);
        assert!(tasks.given() > 0);
    });
}
