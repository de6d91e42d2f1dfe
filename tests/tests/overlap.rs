//! Chained stages overlap, and keep their order.
use std::time::Duration;
use taktline_core::flow::{Flow, iter};
use taktline_core::runtime::{Rt, now, sleep};
use taktline_core::stage::stage;

const UNIT: Duration = Duration::from_secs(1);

async fn e7(rt: &Rt, n: usize, buffer: usize) -> (Vec<u64>, f64) {
    let start = rt.now();
    let done = iter(0..5u64)
        .then(
            stage(|i: u64| async move {
                sleep(UNIT * i as u32).await;
                i
            })
            .buffer(buffer),
        )
        .then(
            stage(|i: u64| async move {
                sleep(UNIT * 2 * i as u32).await;
                2 * i
            })
            .concurrency(n)
            .buffer(buffer),
        )
        .inspect(|x| println!("{x} at {:?}", now()))
        .collect::<Vec<_>>()
        .run_on(rt)
        .await
        .unwrap();
    println!("{}", done.report);
    assert!(done.report.balances());
    (done.value, (rt.now() - start).as_secs_f64())
}

#[test]
fn slice() {
    for seed in 0..3 {
        for buffer in [1, 2, 16] {
            for (n, t) in [(1, 21.0), (2, 18.0), (3, 18.0)] {
                let sim = taktline_sim::Sim::new(seed);
                let rt = sim.rt();
                let got = sim.block_on(async move { e7(&rt, n, buffer).await });
                assert_eq!(got, (vec![0, 2, 4, 6, 8], t), "n {n}");
                assert_eq!(sim.task_count(), 0);
            }
        }
    }
}
