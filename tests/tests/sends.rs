//! A send resolves when its item was accepted. One that is dropped before sends nothing, and gives its place back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use taktline::prelude::*;
use taktline::{now, timeout};
use tests::{UNIT, on_sim};

/// Sends 0 and 1, gives up a send of 2 after a unit, and sends 3.
#[stage]
async fn gives_up(_x: u64, mut out: Out<u64>) {
    out.send(0).await;
    out.send(1).await;
    let given_up = timeout(UNIT, out.send(2)).await;
    assert!(given_up.is_err(), "there was room for it");
    out.send(3).await;
}

#[stage(buffer = 1)]
async fn slow(x: u64) -> u64 {
    sleep(10 * UNIT).await;
    x
}

#[test]
fn a_send_that_is_given_up_sends_nothing_in_any_stage() {
    for seed in 0..20 {
        let stages = [
            gives_up(),
            gives_up().concurrency(2),
            gives_up().concurrency(2).window(4),
            gives_up().concurrency(2).unordered(),
        ];
        for stage in stages {
            let (seen, elapsed) = on_sim(seed, |rt| {
                let plan = iter(0..1u64).then(stage.clone()).then(slow()).collect::<Vec<_>>();
                async move {
                    let done = plan.run_on(&rt).await.expect("it ends well");
                    assert!(done.report.balances(), "{}", done.report);
                    (done.value, done.report.elapsed())
                }
            });
            assert_eq!(seen, [0, 1, 3], "seed {seed}");
            assert!(elapsed <= Duration::from_secs(30), "seed {seed}: {elapsed:?} for three items");
        }
    }
}

type Times = Arc<Mutex<BTreeMap<u64, u64>>>;

/// Sends four items and notes when each send has resolved. Item 0 begins later.
#[stage]
async fn notes_times(x: u64, times: &Mutex<BTreeMap<u64, u64>>, mut out: Out<u64>) {
    if x == 0 {
        sleep(5 * UNIT).await;
    }
    for id in 4 * x..4 * x + 4 {
        out.send(id).await;
        times.lock().expect("nothing panics under it").insert(id, now().since_epoch().as_secs());
    }
}

/// The times of all sends, in units and in the order of what was sent.
fn times_of(plan: impl Fn(Times) -> Pipeline<u64>, seed: u64) -> Vec<u64> {
    let times = Times::default();
    on_sim(seed, |rt| {
        let plan = plan(times.clone());
        async move { plan.run_on(&rt).await.map(drop).expect("it ends well") }
    });
    let times = times.lock().expect("nothing panics under it");
    times.values().copied().collect()
}

#[test]
fn a_send_resolves_when_its_item_was_accepted() {
    let item = || iter(0..1u64);
    for seed in 0..20 {
        let one = times_of(|times| item().then(notes_times(times)).then(slow()).count(), seed);
        let ordered = times_of(|times| item().then(notes_times(times).concurrency(2)).then(slow()).count(), seed);
        let unordered =
            times_of(|times| item().then(notes_times(times).concurrency(2).unordered()).then(slow()).count(), seed);
        // One goes on at once and one waits: from then on there is room every ten units.
        for times in [one, ordered, unordered] {
            assert_eq!(times, [5, 5, 15, 25], "seed {seed}");
        }
    }
}

#[test]
fn before_its_turn_an_item_sends_as_much_as_the_next_edge_has_places() {
    for seed in 0..20 {
        let plan = |times| iter(0..2u64).then(notes_times(times).concurrency(2)).then(slow().buffer(2)).count();
        let times = times_of(plan, seed);
        assert_eq!(times[..4], [5, 5, 5, 15], "seed {seed}: the first item");
        assert_eq!(times[4..6], [0, 0], "seed {seed}: the second item before its turn");
        assert!(times[6] >= 15, "seed {seed}: the second item at its turn: {times:?}");
    }
}
