//! Worker pools: merged producers, windows, and progress however slow the reader is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use taktline::prelude::*;
use taktline::runtime::{Rt, now};
use tests::{UNIT, Witness, everywhere, on_sim, units};

#[source]
async fn producer(unit: Duration, out: Out<u64>) {
    for i in 0..10 {
        taktline::sleep(unit * i as u32 / 10).await;
        out.send(i).await;
    }
}

/// Who is in work, as the bodies count it.
#[derive(Default)]
struct Busy {
    now: AtomicUsize,
    peak: AtomicUsize,
    done: AtomicUsize,
}

impl Busy {
    fn enter(&self) {
        self.peak.fetch_max(self.now.fetch_add(1, SeqCst) + 1, SeqCst);
    }

    fn leave(&self) {
        self.now.fetch_sub(1, SeqCst);
        self.done.fetch_add(1, SeqCst);
    }
}

#[sink]
async fn consumer(x: u64, unit: Duration, busy: &Busy) {
    busy.enter();
    taktline::sleep(unit * 4 * x as u32 / 10).await;
    busy.leave();
}

async fn four_producers(rt: Rt, unit: Duration, workers: usize, buffer: usize) -> (Duration, Arc<Busy>) {
    let busy = Arc::new(Busy::default());
    let producers = merge([(); 4].map(|()| producer(unit).buffer(buffer)));
    let sink = consumer(unit, busy.clone()).concurrency(workers).buffer(buffer);
    let done = producers.sink(sink).run_on(&rt).await.expect("nothing fails");
    let row = done.report.stage("consumer").expect("the sink has a row");
    assert_eq!((row.items_in, row.done), (40, 40), "{}", done.report);
    assert!(done.report.balances(), "{}", done.report);
    (done.report.elapsed(), busy)
}

#[test]
fn four_producers_and_a_pool_take_the_essays_times() {
    for seed in 0..100 {
        for buffer in [1, 2, 16] {
            for (workers, expected) in [(3, 25.3), (6, 13.5), (12, 8.1)] {
                let (elapsed, busy) = on_sim(seed, |rt| four_producers(rt, UNIT, workers, buffer));
                assert_eq!(elapsed, units(expected), "seed {seed}, buffer {buffer}, {workers} workers");
                assert_eq!(busy.done.load(SeqCst), 40);
                if workers == 6 {
                    assert_eq!(busy.peak.load(SeqCst), 6, "never more than 6 in work, and 6 are reached");
                }
            }
        }
    }
}

#[test]
fn the_pool_holds_on_every_runtime() {
    everywhere(|rt| async move {
        let (_, busy) = four_producers(rt, Duration::from_millis(5), 6, 2).await;
        assert_eq!(busy.done.load(SeqCst), 40);
        assert!(busy.peak.load(SeqCst) <= 6);
    });
}

#[stage]
async fn cost(units: u32) -> u32 {
    taktline::sleep(UNIT * units).await;
    units
}

#[test]
fn a_slow_head_delays_what_leaves_and_not_what_starts_inside_the_window() {
    let costs = [8, 1, 1, 1, 1, 1, 1, 1];
    for seed in 0..100 {
        let elapsed = |stage: fn() -> taktline::stages::EachStage<_>| {
            on_sim(seed, |rt| async move {
                let done = iter(costs).then(stage()).collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
                assert!(done.report.balances(), "{}", done.report);
                done.report.elapsed().as_secs()
            })
        };
        assert_eq!(elapsed(|| cost().concurrency(4).unordered()), 8);
        assert_eq!(elapsed(|| cost().concurrency(4)), 8);
        assert_eq!(elapsed(|| cost().concurrency(4).window(8)), 8);
        assert_eq!(elapsed(|| cost().concurrency(4).window(7)), 9);
        assert_eq!(elapsed(|| cost().concurrency(4).window(4)), 9);
    }
}

#[stage]
async fn count_starts(x: u64, started: &AtomicUsize) -> u64 {
    started.fetch_add(1, SeqCst);
    taktline::sleep(UNIT).await;
    x
}

#[test]
fn with_a_reader_that_never_reads_exactly_the_window_and_the_buffer_are_started() {
    for seed in 0..50 {
        for (workers, window, buffer) in [(1, 1, 1), (2, 4, 3), (4, 4, 1), (4, 9, 16), (1, 3, 2)] {
            let started = Arc::new(AtomicUsize::new(0));
            let count = started.clone();
            on_sim(seed, |rt| {
                let stage = count_starts(count.clone()).concurrency(workers).window(window);
                async move {
                    let xs = iter(0..1000u64).then(stage).buffer(buffer).start_on(&rt);
                    rt.sleep(UNIT * 1000).await;
                    drop(xs);
                    rt.sleep(UNIT).await;
                }
            });
            assert_eq!(started.load(SeqCst), window + buffer, "seed {seed}: {workers} workers");
        }
    }
}

#[stage]
async fn beat(x: u64, gap: &AtomicU64) -> u64 {
    let mut last = now();
    for _ in 0..40 {
        taktline::sleep(UNIT).await;
        gap.fetch_max((now() - last).as_micros() as u64, SeqCst);
        last = now();
    }
    x
}

#[test]
fn a_started_item_is_polled_however_slow_the_reader_is() {
    for seed in 0..50 {
        for (workers, is_unordered) in [(1, false), (2, false), (4, true)] {
            let gap = Arc::new(AtomicU64::new(0));
            let seen = gap.clone();
            on_sim(seed, |rt| {
                let mut stage = beat(seen.clone()).concurrency(workers).buffer(1);
                if is_unordered {
                    stage = stage.unordered();
                }
                async move {
                    let mut xs = iter(0..6u64).then(stage).buffer(1).start_on(&rt);
                    while xs.next().await.expect("nothing fails").is_some() {
                        rt.sleep(UNIT * 20).await;
                    }
                }
            });
            assert_eq!(gap.load(SeqCst), UNIT.as_micros() as u64, "seed {seed}: {workers} workers");
        }
    }
}

#[stage(concurrency = 3)]
async fn with_permit(x: u64, permit: &tokio::sync::Semaphore) -> u64 {
    let _permit = permit.acquire().await.expect("the semaphore is open");
    taktline::sleep(Duration::from_millis(1)).await;
    x
}

#[test]
fn a_permit_shared_by_a_stage_and_its_reader_is_no_deadlock() {
    everywhere(|rt| async move {
        let permit = Arc::new(tokio::sync::Semaphore::new(1));
        let mut xs = iter(0..10u64).then(with_permit(permit.clone())).start_on(&rt);
        let mut seen = Vec::new();
        while let Some(x) = xs.next().await.expect("nothing fails") {
            let _permit = permit.acquire().await.expect("the semaphore is open");
            rt.sleep(Duration::from_millis(1)).await;
            seen.push(x);
        }
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
    });
}

#[stage]
async fn shuffle(item: tests::Item) -> tests::Item {
    taktline::sleep(Duration::from_millis(item.id * 7919 % 5)).await;
    item
}

#[test]
fn a_pool_gives_each_item_once_in_order_or_in_any_order_if_asked() {
    everywhere(|rt| async move {
        for (workers, is_unordered) in [(1, false), (2, false), (8, false), (2, true), (8, true)] {
            let witness = Witness::new();
            let items = witness.clone();
            let mut stage = shuffle().concurrency(workers);
            if is_unordered {
                stage = stage.unordered();
            }
            let flow = iter(0..50u64).map(move |id| items.item(id)).then(stage).map(|item| item.id);
            let done = flow.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
            let mut ids = done.value;
            if is_unordered {
                ids.sort_unstable();
            }
            assert_eq!(ids, (0..50).collect::<Vec<_>>());
            assert_eq!((witness.made(), witness.left()), (50, 0));
            assert!(done.report.balances(), "{}", done.report);
        }
    });
}
