//! What lists cannot say: demand, panics, plans that cannot run, and what was abandoned.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use taktline::error::Idle;
use taktline::lineage::{Receipt, Ticket};
use taktline::prelude::*;
use taktline::sim::{Sim, audit, marbles, probe};
use taktline::{Error, Rate};
use tests::{UNIT, Witness, counted, on_sim};

use crate::input::{Input, send};

fn run<V>(plan: Pipeline<V>) -> Result<Done<V>, Error>
where
    V: Send + 'static,
{
    let sim = Sim::new(1);
    let outcome = sim.block_on(plan.run_on(&sim.rt()));
    match &outcome {
        Ok(done) => audit(&done.report),
        Err(error) => error.report().into_iter().for_each(audit),
    }
    outcome
}

#[test]
fn a_batch_whose_time_is_over_is_filled_until_there_is_room() {
    taktline::sim::test(|| async {
        let (numbers, flow) = probe::source();
        let (batches, sink) = probe::sink();
        let batched = flow.name("numbers").batch_within(3, UNIT);
        let running = batched.sink(sink.buffer(1)).start();
        // The first goes into the only place before the sink.
        numbers.push(0);
        sleep(2 * UNIT).await;
        numbers.push(1);
        sleep(9 * UNIT).await;
        numbers.push(2).push(3).push(4);
        probe::settled().await;
        batches.expect(vec![0]).await;
        batches.expect(vec![1, 2, 3]).await;
        // The time of the next one began as it was taken.
        batches.expect_nothing().await;
        sleep(UNIT).await;
        batches.expect(vec![4]).await;
        numbers.close();
        batches.expect_end().await;
        audit(&running.join().await.expect("nothing fails").report);
    });
}

#[test]
fn a_slow_reader_gets_what_has_come_meanwhile_as_one_batch() {
    let slow = stage(|batch: Vec<u64>| async move {
        sleep(UNIT).await;
        batch.len()
    });
    let lengths = run(iter(0..100u64).batch_ready(50).then(slow.buffer(1)).collect::<Vec<_>>()).expect("nothing fails");
    assert_eq!(lengths.value.iter().sum::<usize>(), 100);
    assert_eq!(lengths.value.iter().max(), Some(&50), "{:?}", lengths.value);
}

#[test]
fn fused_steps_behind_batches_give_all_of_the_last_one() {
    let nested = |flow: BoxFlow<u64>| flow.batch(4).batch(2).unbatch().unbatch().batch(3).map(|batch| batch.len());
    let slow = || {
        stage(|n: usize| async move {
            sleep(UNIT).await;
            n
        })
        .buffer(1)
    };
    let pooled = || {
        stage(|x: u64| async move {
            sleep(UNIT * (x % 3) as u32).await;
            x
        })
    };
    let flows = [
        iter(0..10u64).boxed(),
        iter(0..10u64).then(|x| async move { x }),
        iter(0..10u64).then(pooled().concurrency(3)),
        iter(0..10u64).then(pooled().concurrency(3).unordered()),
        merge([iter(0..5u64), iter(5..10)]).boxed(),
        iter(0..5u64).chain(iter(5..10)).boxed(),
        iter(0..100u64).take(10).boxed(),
        iter(0..100u64).take_while(|x| *x < 10).boxed(),
        iter(0..100u64).scan((), |(), x| (x < 10).then_some(x)).boxed(),
        iter(0..10u64).delay(UNIT).boxed(),
    ];
    for (at, flow) in flows.into_iter().enumerate() {
        let done = run(nested(flow).then(slow()).collect::<Vec<_>>()).expect("nothing fails");
        assert_eq!(done.value, [3, 3, 3, 1], "flow {at}\n{}", done.report);
    }
}

#[stage]
fn refuse(x: u64) -> Result<u64, String> {
    if x < 5 { Ok(x) } else { Err("5 or more".to_owned()) }
}

#[stage]
async fn refuse_later(x: u64) -> Result<u64, String> {
    if x < 5 { Ok(x) } else { Err("5 or more".to_owned()) }
}

#[test]
fn a_batch_that_is_open_goes_out_before_a_failure() {
    let plans = [
        iter(0..10u64).then(refuse()).boxed(),
        iter(0..10u64).then(refuse_later()),
        iter(0..10u64).then(refuse_later().concurrency(2)),
        iter(0..10u64).then(refuse_later()).then(|x| async move { x }),
    ];
    for (at, plan) in plans.into_iter().enumerate() {
        for is_slow in [false, true] {
            let (batches, seen) = std::sync::mpsc::channel();
            let keep = move |batch: Vec<u64>| {
                let batches = batches.clone();
                async move {
                    taktline::sleep(if is_slow { UNIT } else { Duration::ZERO }).await;
                    batches.send(batch).expect("it is read");
                }
            };
            let plan = plan.clone().batch(3).then(stage(keep).buffer(1)).count();
            let error = run(plan).expect_err("5 is refused");
            let seen: Vec<_> = seen.iter().collect();
            assert_eq!(seen, [vec![0, 1, 2], vec![3, 4]], "plan {at}: {error:?}");
        }
    }
}

#[test]
fn closures_that_panic_fail_their_operators() {
    let plans: [(&str, Pipeline<u64>); 3] = [
        ("skip_while", iter(0..9u64).skip_while(|x| 1 / (4 - *x) < 9).count()),
        ("batch_weighted", iter(0..9u64).batch_weighted(99, UNIT, |x| 1 / (4 - *x)).count()),
        ("throttle", iter(0..9u64).throttle(Rate::per_second(9), 9).cost(|x| 1 / (4 - *x)).count()),
    ];
    for (name, plan) in plans {
        let error = run(plan).expect_err("it panics");
        assert!(error.is_panic() && error.stage() == Some(name), "{name}: {error:?}");
        let row = error.report().and_then(|report| report.stage(name)).expect("it was started").clone();
        assert_eq!(row.failed, 1, "{error:?}");
    }
}

#[test]
fn zeros_make_a_plan_invalid() {
    let zero = Duration::ZERO;
    let plans = [
        ("batch(0)", iter(0..9u64).batch(0).count()),
        ("batch_within(0, ..)", iter(0..9u64).batch_within(0, UNIT).count()),
        ("batch_weighted(0, ..)", iter(0..9u64).batch_weighted(0, UNIT, |_| 1).count()),
        ("batch_ready(0)", iter(0..9u64).batch_ready(0).count()),
        ("batch_every", iter(0..9u64).batch_every(zero).count()),
        ("distinct(0)", iter(0..9u64).distinct(0).count()),
        ("throttle", iter(0..9u64).throttle(Rate::per_second(0), 1).count()),
        ("throttle", iter(0..9u64).throttle(Rate::new(1, zero), 1).count()),
        ("throttle", iter(0..9u64).throttle(Rate::per_second(1), 0).count()),
        ("sample", iter(0..9u64).sample(zero).count()),
        ("interval", interval(zero).count()),
    ];
    for (name, plan) in plans {
        let error = run(plan).expect_err("it cannot run");
        assert!(error.is_invalid() && error.to_string().contains(name), "{name}: {error}");
    }
}

#[test]
fn a_plan_tells_what_its_operators_hold() {
    let flow = iter(0..9u64).buffer(2);
    let bound = |held: usize| 1 + held;
    assert_eq!(flow.clone().batch(4).count().bound(), bound(3));
    assert_eq!(flow.clone().batch_within(4, UNIT).count().bound(), bound(2 + 4));
    assert_eq!(flow.clone().batch_ready(4).count().bound(), bound(2 + 4));
    assert_eq!(flow.clone().batch_every(UNIT).count().bound(), bound(2 + 2));
    assert_eq!(flow.clone().throttle(Rate::per_second(1), 1).count().bound(), bound(2 + 1));
    assert_eq!(flow.clone().delay(UNIT).count().bound(), bound(2 + 2));
}

#[test]
fn what_is_held_never_passes_the_bound_and_reaches_it() {
    let stuck = || {
        stage(|x: Vec<u64>| async move {
            sleep(UNIT * 1000).await;
            x
        })
        .buffer(1)
    };
    let sim = Sim::new(1);
    let running = iter(0..).buffer(3).batch_within(4, UNIT).then(stuck()).count().start_on(&sim.rt());
    sim.advance(UNIT * 10);
    let report = running.report().expect("it was started");
    let row = report.stage("batch_within").expect("it has a row");
    assert_eq!((row.waiting, row.in_work, row.work_peak), (3, 4, 4), "{report}");
}

#[test]
fn a_future_that_is_ready_ends_the_flow_once() {
    let witness = Witness::new();
    let ticks = {
        let witness = witness.clone();
        interval(UNIT).map(move |tick| witness.item(tick))
    };
    let plan = ticks.take_until(sleep_on_sim(UNIT * 7 / 2)).map(|item| item.id).collect::<Vec<_>>();
    let done = run(plan.clone()).expect("nothing fails");
    assert_eq!((done.value, done.report.elapsed()), (vec![0, 1, 2], UNIT * 7 / 2));
    assert_eq!(witness.left(), 0);
    assert!(run(plan).expect_err("the future is gone").is_spent());
}

/// Made where no simulation runs yet.
async fn sleep_on_sim(time: Duration) {
    taktline::sleep(time).await;
}

#[test]
fn a_future_that_panics_fails_the_run() {
    let error = run(iter(0..).take_until(async { panic!("no end") }).count()).expect_err("it panics");
    assert!(error.is_panic() && error.stage() == Some("take_until"), "{error:?}");
}

#[test]
fn a_flow_is_idle_only_while_it_could_send() {
    let slow = || {
        stage(|x: char| async move {
            sleep(UNIT * 50).await;
            x
        })
        .buffer(1)
    };
    // Slower than the limit, but that is not its fault.
    let flow = marbles::flow("abcde|").buffer(1).timeout_idle(UNIT * 5).then(slow());
    assert_eq!(run(flow.count()).expect("nothing fails").value, 5);
    let error = run(marbles::flow("a--b").timeout_idle(UNIT * 5).count()).expect_err("it stays open");
    assert_eq!(error.downcast_ref::<Idle>().map(Idle::time), Some(UNIT * 5));
    assert_eq!(error.report().map(|report| report.elapsed()), Some(UNIT * 8));
}

#[test]
fn a_rate_is_never_passed_whatever_the_reader_does() {
    for seed in 0..50 {
        on_sim(seed, |rt| async move {
            let input = Input::draw(|| rt.random());
            let (burst, pauses) = (1 + rt.random() % 3, [0, 0, 1, 5, 9]);
            let begin = rt.now();
            let (times, seen) = std::sync::mpsc::channel();
            let clock = rt.clone();
            let pass = move |x: char| {
                times.send(clock.now().duration_since(begin).as_secs()).expect("it is read");
                x
            };
            let random = rt.random();
            let slow = stage(move |x: char| async move {
                sleep(UNIT * pauses[((random ^ u64::from(x)) % 5) as usize]).await;
                x
            });
            let throttled = send(input.clone(), false).throttle(Rate::new(1, UNIT * 3), burst).map(pass);
            let done = throttled.then(slow.buffer(1)).count().run_on(&rt).await.expect("nothing fails");
            assert_eq!(done.value, input.letters().count() as u64);
            let times: Vec<_> = seen.try_iter().collect();
            for (at, first) in times.iter().enumerate() {
                for (more, last) in times[at..].iter().enumerate() {
                    assert!((more as u64) < burst + (last - first) / 3, "seed {seed}, burst {burst}: {times:?}");
                }
            }
        });
    }
}

#[test]
fn ticks_keep_their_rhythm_and_say_which_were_missed() {
    for seed in 0..50 {
        on_sim(seed, |rt| async move {
            let begin = rt.now();
            let ticks = interval(UNIT).map(move |tick| (tick, taktline::now().duration_since(begin)));
            let done = ticks.clone().take(9).collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
            let expected: Vec<_> = (0..9).map(|tick| (tick, UNIT * (tick as u32 + 1))).collect();
            assert_eq!(done.value, expected);
        });
    }
    let slow = stage(|tick| async move {
        sleep(UNIT * 5 / 2).await;
        tick
    });
    let done = run(interval(UNIT).then(slow.buffer(1)).take(5).collect::<Vec<_>>()).expect("nothing fails");
    assert_eq!(done.value, [0, 1, 2, 5, 7]);
}

/// Receipts by the number of their item.
type Receipts = Arc<Mutex<Vec<Receipt>>>;

fn followed(receipts: &Receipts) -> impl Flow<Item = u64, Lineage = Ticket> + use<> {
    let receipts = receipts.clone();
    iter(0..12u64).tracked(move |_| {
        let (ticket, receipt) = Ticket::new();
        receipts.lock().expect("nothing panics").push(receipt);
        ticket
    })
}

#[test]
fn tickets_of_all_that_an_output_is_made_of_settle_with_it() {
    type Attach = fn(&Receipts) -> BoxFlow<Vec<u64>, Ticket>;
    let flows: [Attach; 6] = [
        |receipts| followed(receipts).batch(5).boxed(),
        |receipts| followed(receipts).batch_within(5, UNIT).boxed(),
        |receipts| followed(receipts).batch_ready(5).boxed(),
        |receipts| {
            followed(receipts)
                .map(|x| vec![x])
                .conflate(|mut made, next| {
                    made.extend(next);
                    made
                })
                .boxed()
        },
        |receipts| followed(receipts).max_in_flight(3).map(|x| vec![x]).boxed(),
        |receipts| followed(receipts).delay(UNIT).throttle(Rate::per_second(3), 2).map(|x| vec![x]).boxed(),
    ];
    for (at, attach) in flows.into_iter().enumerate() {
        let receipts = Receipts::default();
        let looked_at = receipts.clone();
        let look = move |ids: Vec<u64>| {
            let receipts = looked_at.clone();
            async move {
                taktline::sleep(UNIT).await;
                let receipts = receipts.lock().expect("nothing panics");
                ids.iter().filter(|id| receipts[**id as usize].is_settled()).count()
            }
        };
        let done = run(attach(&receipts).then(stage(look).buffer(1)).collect::<Vec<_>>()).expect("nothing fails");
        assert_eq!(done.value.iter().sum::<usize>(), 0, "flow {at}: settled before it was done");
        assert!(receipts.lock().expect("nothing panics").iter().all(Receipt::is_settled), "flow {at}");
    }
}

#[test]
fn what_never_waits_makes_no_task() {
    on_sim(1, |rt| async move {
        let (rt, tasks) = counted(rt);
        let flow = iter(0..40u64).skip_while(|x| *x < 4).dedup().distinct(9).batch(4).unbatch().max_in_flight(9);
        let done = flow.count().run_on(&rt).await.expect("nothing fails");
        assert_eq!((done.value, tasks.given()), (36, 1), "that of the source");
        let done = iter(0..4u64).delay(UNIT).batch_within(2, UNIT).latest().count().run_on(&rt).await;
        assert_eq!((done.expect("nothing fails").value, tasks.given()), (2, 1 + 4), "one for each that waits");
    });
}
