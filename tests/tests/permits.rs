//! What fills a permit arrives, whatever steps are fused behind; a send that is given up was never sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use taktline::prelude::*;
use tests::{UNIT, everywhere, on_sim};

#[source]
async fn fill(fails: bool, out: Out<u64>) -> Result<(), String> {
    for i in 0..3 {
        out.reserve().await.send(i);
    }
    if fails { Err("bad end".to_owned()) } else { Ok(()) }
}

#[stage]
async fn fill_each(x: u64, fails: bool, out: Out<u64>) -> Result<(), String> {
    out.reserve().await.send(x);
    if fails && x == 2 { Err("bad item".to_owned()) } else { Ok(()) }
}

#[stage]
async fn fill_all(input: In<u64>, fails: bool, out: Out<u64>) -> Result<(), String> {
    while let Some(x) = input.next().await {
        out.reserve().await.send(x);
    }
    if fails { Err("bad end".to_owned()) } else { Ok(()) }
}

/// Each kind of body, with a permit filled at the very end.
fn flows(fails: bool) -> [BoxFlow<u64>; 4] {
    let ids = || iter(0..3u64);
    [
        fill(fails).boxed(),
        ids().then(fill_each(fails)),
        ids().then(fill_each(fails).concurrency(2)),
        ids().then(fill_all(fails)),
    ]
}

#[test]
fn what_a_last_permit_was_filled_with_arrives_through_a_step_that_multiplies() {
    everywhere(|rt| async move {
        for (at, flow) in flows(false).into_iter().enumerate() {
            // More than there is room for, so that the step holds the rest as the body returns.
            let plan = flow.flat_map(|x| vec![x; 7]).buffer(2).then(|x| async move { x }).collect::<Vec<_>>();
            let done = plan.run_on(&rt).await.expect("nothing fails");
            let all: Vec<_> = (0..3).flat_map(|x| [x; 7]).collect();
            assert_eq!(done.value, all, "flow {at}\n{}", done.report);
            assert!(done.report.balances(), "{}", done.report);
        }
    });
}

#[test]
fn what_a_permit_was_filled_with_arrives_before_the_failure_behind_it() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            for (at, flow) in flows(true).into_iter().enumerate() {
                let mut xs = flow.flat_map(|x| vec![x; 7]).buffer(2).start_on(&rt);
                let mut read = Vec::new();
                let error = loop {
                    match xs.next().await {
                        Ok(x) => read.extend(x),
                        Err(error) => break error,
                    }
                };
                assert!(error.is_failed(), "{error:?}");
                assert_eq!(read, (0..3).flat_map(|x| [x; 7]).collect::<Vec<_>>(), "flow {at}: {error:?}");
                assert!(error.report().is_some_and(|report| report.balances()), "{error:?}");
            }
        });
    }
}

#[test]
fn a_panic_in_what_a_last_permit_gave_keeps_the_books_and_the_failure_behind_it() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            for fails in [false, true] {
                for (at, flow) in flows(fails).into_iter().enumerate() {
                    let bad = |(n, x): (u64, u64)| if n == 20 { panic!("bad output") } else { x };
                    // Room for one at a time, so that the last is made when the body has returned.
                    let flow = flow.flat_map(|x| vec![x; 7]).enumerate().map(bad).buffer(1);
                    let error = flow.sink(|_| taktline::yield_now()).run_on(&rt).await.expect_err("the closure panics");
                    let told: Vec<_> = error.failures().iter().map(|failure| failure.stage().to_owned()).collect();
                    assert!(told.iter().any(|stage| stage == "map"), "flow {at}: {error:?}");
                    // In order, a failure behind the panic never has its turn.
                    assert_eq!(told.len(), 1 + usize::from(fails), "flow {at}: {error:?}");
                    let report = error.report().expect("it was started");
                    let row = |name| report.stage(name).expect("it has a row");
                    let made: u64 = report
                        .stages()
                        .iter()
                        .filter(|row| row.name.starts_with("fill"))
                        .map(|row| row.items_out)
                        .sum();
                    assert_eq!(
                        (made, row("flat_map").items_out),
                        (row("flat_map").items_in, 21),
                        "flow {at}\n{report}"
                    );
                    assert!(report.balances(), "flow {at}\n{report}");
                }
            }
        });
    }
}

#[source]
async fn fill_and_rest(out: Out<u64>) {
    out.reserve().await.send(1);
    taktline::sleep(UNIT * 100).await;
}

#[stage]
async fn fill_each_and_rest(x: u64, out: Out<u64>) {
    out.reserve().await.send(x);
    taktline::sleep(UNIT * 100).await;
}

#[stage]
async fn fill_all_and_rest(input: In<u64>, out: Out<u64>) {
    while let Some(x) = input.next().await {
        out.reserve().await.send(x);
        taktline::sleep(UNIT * 100).await;
    }
}

#[test]
fn what_a_permit_was_filled_with_moves_on_while_its_body_waits() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let flows = [
                fill_and_rest().boxed(),
                iter(1..2u64).then(fill_each_and_rest()),
                iter(1..2u64).then(fill_each_and_rest().concurrency(2)),
                iter(1..2u64).then(fill_each_and_rest().concurrency(2).unordered()),
                iter(1..2u64).then(fill_all_and_rest()),
            ];
            for (at, flow) in flows.into_iter().enumerate() {
                let began = rt.now();
                let mut xs = flow.flat_map(|x| vec![x; 7]).buffer(2).start_on(&rt);
                for _ in 0..7 {
                    assert_eq!(xs.next().await.expect("nothing fails"), Some(1));
                }
                assert_eq!(rt.now() - began, Duration::ZERO, "flow {at}");
            }
        });
    }
}

/// Gives its first send up, and sends once more. Notes when that was accepted.
#[stage(concurrency = 2, unordered)]
async fn sends_again(x: u64, accepted: &Mutex<Vec<Duration>>, out: Out<u64>) {
    let began = taktline::now();
    let _ = taktline::timeout(UNIT, out.send(x)).await;
    out.send(x + 1).await;
    accepted.lock().expect("no holder panics").push(taktline::now() - began);
}

#[test]
fn a_send_behind_one_that_a_step_has_begun_on_waits_for_its_own_turn() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let accepted = Arc::new(Mutex::new(Vec::new()));
            let flow = iter(0..1u64).then(sends_again(accepted.clone())).flat_map(|x| [x; 3]);
            let read = Arc::new(Mutex::new(Vec::new()));
            let note = read.clone();
            let slow = move |x: u64| {
                note.lock().expect("no holder panics").push(x);
                taktline::sleep(UNIT * 10)
            };
            let done = flow.buffer(1).sink(slow).run_on(&rt).await.expect("nothing fails");
            assert_eq!(*read.lock().expect("no holder panics"), [0, 0, 0, 1, 1, 1]);
            // One output is with the sink and one waits, so the sixth is accepted as the fifth is started.
            assert_eq!(*accepted.lock().expect("no holder panics"), [UNIT * 40], "{}", done.report);
            assert!(done.report.balances(), "{}", done.report);
        });
    }
}

#[test]
fn an_item_that_a_step_has_begun_on_is_abandoned_at_a_cancel() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let pass = || stage(|x: u64| async move { x }).name("pass");
            for pass in [pass(), pass().concurrency(2), pass().concurrency(2).unordered()] {
                let flow = iter(0..1u64).then(pass).flat_map(|x| [x; 5]).buffer(1);
                let running = flow.sink(|_| taktline::sleep(UNIT * 10)).start_on(&rt);
                rt.sleep(UNIT).await;
                let error = running.cancel().await.expect_err("it had not ended");
                let report = error.report().expect("it was started");
                for name in ["pass", "flat_map"] {
                    let row = report.stage(name).expect("it has a row");
                    assert_eq!((row.items_in, row.finished), (1, 0), "seed {seed}\n{report}");
                    assert_eq!(row.done + row.abandoned, 1, "seed {seed}\n{report}");
                }
            }
        });
    }
}

/// Gives its send up after a while. Each of three sends at a time of its own, so that it is its turn.
#[stage]
async fn impatient(x: u64, out: Out<u64>) {
    taktline::sleep(UNIT * 2 * (x % 3) as u32).await;
    let _ = taktline::timeout(UNIT, out.send(x)).await;
}

#[test]
fn an_item_whose_send_was_given_up_has_no_output() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let stages = [impatient(), impatient().concurrency(3).window(3), impatient().concurrency(3).unordered()];
            for stage in stages {
                let slow = |x: u64| async move {
                    taktline::sleep(UNIT * 10).await;
                    x
                };
                let done = iter(0..9u64).then(stage).buffer(1).then(slow).count().run_on(&rt).await;
                let report = done.expect("nothing fails").report;
                let row = report.stage("impatient").expect("the stage has a row");
                assert!(row.filtered > 0 && row.items_out + row.filtered == 9, "{report}");
                assert!(report.balances(), "{report}");
            }
        });
    }
}
