//! Chained stages overlap, with unchanged code and in order.

use std::time::Duration;

use taktline::prelude::*;
use taktline::runtime::{now, sleep};
use tests::{UNIT, on_sim};

#[source]
async fn producer(total: u64, unit: Duration, out: Out<u64>) {
    for i in 0..total {
        sleep(unit * i as u32).await;
        out.send(i).await;
    }
}

#[stage]
async fn consumer(i: u64, unit: Duration) -> u64 {
    sleep(unit * 2 * i as u32).await;
    2 * i
}

#[source]
async fn say_after(delay: u32, out: Out<u32>) {
    sleep(UNIT * delay).await;
    out.send(delay).await;
}

#[source]
async fn every_unit(total: u32, out: Out<u32>) {
    for i in 0..total {
        sleep(UNIT).await;
        out.send(i).await;
    }
}

#[stage]
async fn unit_of_work(i: u64) -> u64 {
    sleep(UNIT).await;
    i
}

/// Each buffer that the essay's times hold for, with each of 100 seeds.
fn settings() -> impl Iterator<Item = (u64, usize)> {
    (0..100).flat_map(|seed| [1, 2, 16].map(|buffer| (seed, buffer)))
}

fn at_units(times: Vec<(u64, Duration)>) -> (Vec<u64>, Vec<u64>) {
    times.into_iter().map(|(x, at)| (x, at.as_secs())).unzip()
}

fn producer_and_consumer(seed: u64, buffer: usize, workers: usize) -> (Vec<u64>, Vec<u64>) {
    on_sim(seed, |rt| async move {
        let stage = consumer(UNIT).concurrency(workers).buffer(buffer);
        let flow = producer(5, UNIT).then(stage).map(|x| (x, now().since_epoch()));
        let done = flow.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
        assert!(done.report.balances(), "{}", done.report);
        at_units(done.value)
    })
}

#[test]
fn a_producer_and_a_consumer_take_21_units_and_not_30() {
    for (seed, buffer) in settings() {
        let (items, times) = producer_and_consumer(seed, buffer, 1);
        assert_eq!(items, [0, 2, 4, 6, 8]);
        assert_eq!(times, [0, 3, 7, 13, 21], "seed {seed}, buffer {buffer}");
    }
}

#[test]
fn a_pool_is_one_edit_and_takes_18_units_in_order() {
    for (seed, buffer) in settings() {
        for workers in [2, 3, 8] {
            let (items, times) = producer_and_consumer(seed, buffer, workers);
            assert_eq!(items, [0, 2, 4, 6, 8]);
            assert_eq!(times, [0, 3, 7, 12, 18], "seed {seed}, buffer {buffer}, {workers} workers");
        }
    }
}

#[test]
fn independent_flows_run_together() {
    for seed in 0..100 {
        let times = on_sim(seed, |rt| async move {
            let flow = merge([say_after(1), say_after(2)]).map(|_| now().since_epoch().as_secs());
            flow.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails").value
        });
        assert_eq!(times, [1, 2]);
    }
}

#[test]
fn a_source_advances_while_the_users_own_loop_awaits() {
    for (seed, buffer) in settings() {
        let ends = on_sim(seed, |rt| async move {
            let mut xs = every_unit(3).buffer(buffer).start_on(&rt);
            let mut ends = Vec::new();
            while let Some(_x) = xs.next().await.expect("nothing fails") {
                sleep(UNIT * 2).await;
                ends.push(now().since_epoch().as_secs());
            }
            ends
        });
        assert_eq!(ends, [3, 5, 7], "seed {seed}, buffer {buffer}");
    }
}

#[test]
fn three_stages_of_one_unit_take_12_units_over_10_items_and_7_with_pools_of_two() {
    for seed in 0..100 {
        for (workers, expected) in [(1, 12), (2, 7)] {
            let elapsed = on_sim(seed, |rt| async move {
                let stage = || unit_of_work().concurrency(workers);
                let plan = iter(0..10u64).then(stage()).then(stage()).then(stage()).collect::<Vec<_>>();
                let done = plan.run_on(&rt).await.expect("nothing fails");
                assert_eq!(done.value, (0..10).collect::<Vec<_>>());
                done.report.elapsed().as_secs()
            });
            assert_eq!(elapsed, expected, "seed {seed}, {workers} workers");
        }
    }
}

#[test]
fn on_a_real_clock_no_program_is_faster_than_its_work() {
    let unit = Duration::from_millis(20);
    for workers in [1, 2] {
        let lower = unit * if workers == 1 { 21 } else { 18 } - unit / 10;
        let check = || async move {
            let start = taktline::now();
            let flow = producer(5, unit).then(consumer(unit).concurrency(workers));
            let done = flow.collect::<Vec<_>>().run().await.expect("nothing fails");
            assert_eq!(done.value, [0, 2, 4, 6, 8]);
            assert!(taktline::now() - start >= lower);
        };
        taktline_tokio::block_on(check());
        taktline_tokio::block_on_current_thread(check());
        taktline_smol::block_on(check());
    }
}
