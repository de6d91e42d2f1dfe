//! Flows within flows: what lists say of them, how they fail, and that nothing of them is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use taktline::error::Panicked;
use taktline::prelude::*;
use taktline::sim::{End, Fault, audit, explore};
use tests::{Item, UNIT, Witness, everywhere, on_sim};

use crate::input::{Input, Output};

/// How many a letter gives in the model of `flat_map_flow`.
pub(crate) fn times(letter: char) -> u64 {
    u64::from(letter) % 3
}

/// Each gives its letter every `period`, with `n` of them at once.
pub(crate) fn flat(input: &Input, n: usize, period: u64) -> Vec<Output> {
    let mut free_at = vec![0; n];
    let mut outputs = Vec::new();
    for (at, letter) in &input.events {
        let slot = free_at.iter_mut().min().expect("there are slots");
        let begin = (*at).max(*slot);
        outputs.extend((1..=times(*letter)).map(|tick| (begin + tick * period, letter.to_string())));
        *slot = begin + times(*letter) * period;
    }
    outputs.sort();
    outputs
}

/// Each gives its letter after `time`, if no other has come by then.
pub(crate) fn newest(input: &Input, time: u64) -> Vec<Output> {
    let next = input.events.iter().skip(1).map(|(at, _)| *at).chain([u64::MAX]);
    let left = input.events.iter().zip(next).filter(|((at, _), next)| at + time < *next);
    left.map(|((at, letter), _)| (at + time, letter.to_string())).collect()
}

/// Batches of `n` of each letter. What is left of one goes out when the letter has not come for `idle`.
pub(crate) fn grouped(input: &Input, n: usize, idle: u64) -> Vec<Output> {
    let mut outputs = Vec::new();
    for letter in 'a'..='e' {
        let times: Vec<_> = input.events.iter().filter(|(_, other)| *other == letter).map(|(at, _)| *at).collect();
        for times in times.chunk_by(|last, next| next - last < idle) {
            outputs.extend(times.chunks(n).map(|batch| {
                let last = batch[batch.len() - 1];
                let at = if batch.len() == n { last } else { (last + idle).min(input.end) };
                (at, letter.to_string().repeat(batch.len()))
            }));
        }
    }
    outputs.sort();
    outputs
}

#[stage]
async fn refuse(x: u64) -> Result<u64, String> {
    if x == 12 { Err("12 is bad".to_owned()) } else { Ok(x) }
}

#[test]
fn an_inner_flow_that_fails_fails_for_its_item() {
    let flows: [fn() -> BoxFlow<u64>; 2] = [
        || iter(0..3u64).flat_map_flow(1, |x| iter(10 * x..10 * x + 3).then(refuse())),
        || iter(0..3u64).then(pause).switch_map(|x| iter(10 * x..10 * x + 3).then(refuse())),
    ];
    // A stage of streams has no item in hand while it waits for the next one.
    for (flow, (stage, number)) in flows.into_iter().zip([("flat_map_flow", Some(1)), ("switch_map", None)]) {
        let error = taktline::sim::run(1, flow().count().run()).expect_err("12 is refused");
        let item = error.first().and_then(|failure| failure.item());
        assert_eq!((error.stage(), item), (Some(stage), number), "{error:?}");
        let inner = error.downcast_ref::<taktline::Error>().expect("it is that of the inner run");
        assert_eq!(inner.to_string(), "stage `refuse` failed on item 2: 12 is bad");
        audit(error.report().expect("it was started"));
    }
}

async fn pause(x: u64) -> u64 {
    taktline::sleep(UNIT).await;
    x
}

#[test]
fn an_inner_flow_that_panics_is_told_so() {
    let flow = iter(0..3u64).flat_map_flow(2, |x| iter([x]).map(|x| 1 / (x - 1)));
    let error = taktline::sim::run(1, flow.count().run()).expect_err("1 - 1 is zero");
    let inner = error.downcast_ref::<taktline::Error>().expect("it is that of the inner run");
    assert!(inner.downcast_ref::<Panicked>().is_some(), "{error:?}");
}

#[test]
fn as_many_flows_run_at_once_as_may() {
    for seed in 0..50 {
        for n in [1, 2, 5] {
            on_sim(seed, |rt| async move {
                let (now, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
                let (looked_at, high) = (now.clone(), peak.clone());
                let inner = move |x: u64| {
                    high.fetch_max(looked_at.fetch_add(1, SeqCst) + 1, SeqCst);
                    let now = looked_at.clone();
                    let last = after(UNIT * (1 + x as u32 % 3)).map(move |()| {
                        now.fetch_sub(1, SeqCst);
                        x
                    });
                    iter([x]).chain(last)
                };
                let done = iter(0..20u64).flat_map_flow(n, inner).collect::<Vec<_>>().run_on(&rt).await;
                let done = done.expect("nothing fails");
                audit(&done.report);
                assert_eq!((peak.load(SeqCst), now.load(SeqCst)), (n, 0), "seed {seed}");
                let in_order: Vec<_> = (0..20).flat_map(|x| [x, x]).collect();
                assert!(n > 1 || done.value == in_order, "{:?}", done.value);
                let mut sorted = done.value;
                sorted.sort_unstable();
                assert_eq!(sorted, in_order);
            });
        }
    }
}

/// Items with a witness, made and worked on in an inner flow that does not end.
fn endless(witness: &Witness) -> impl Fn(u64) -> BoxFlow<Item> + Clone + use<> {
    let witness = witness.clone();
    move |_| {
        let witness = witness.clone();
        let item = move |id| witness.item(id);
        iter(0..).map(item).then(stage(|item: Item| async move { item }).concurrency(3)).boxed()
    }
}

#[test]
fn nothing_of_inner_flows_is_left_when_the_run_returns() {
    everywhere(|rt| async move {
        let witness = Witness::new();
        let flows: [BoxFlow<Item>; 2] =
            [iter(0..9u64).flat_map_flow(3, endless(&witness)), iter(0..9u64).switch_map(endless(&witness))];
        for flow in flows {
            let done = flow.clone().take(5).count().run_on(&rt).await.expect("nothing fails");
            assert_eq!((done.value, witness.left()), (5, 0), "{}", done.report);
            audit(&done.report);
            let running = flow.then(stage(|_: Item| std::future::pending::<()>()).buffer(2)).count().start_on(&rt);
            taktline::sleep(UNIT / 100).await;
            assert!(running.cancel().await.is_err_and(|error| error.is_cancelled()));
            assert_eq!(witness.left(), 0, "after a cancel");
        }
    });
}

#[test]
fn a_flow_that_is_switched_away_from_is_gone_before_the_next_begins() {
    for seed in 0..50 {
        on_sim(seed, |rt| async move {
            let witness = Witness::new();
            let make = witness.clone();
            let held = move |x: u64| {
                assert!(x == 0 || make.left() <= 1, "at most the item of the former flow is still being dropped");
                let item = make.item(x);
                once([item]).then(|item: Item| async move {
                    taktline::sleep(UNIT * 100).await;
                    item
                })
            };
            let flow = iter(0..5u64).then(pause).switch_map(held);
            let done = flow.count().run_on(&rt).await.expect("nothing fails");
            assert_eq!((done.value, witness.left()), (1, 0));
            assert_eq!(done.report.elapsed(), UNIT * 105);
        });
    }
}

#[test]
fn inner_flows_end_with_whatever_ends_the_run() {
    explore(0..300, |case| async move {
        let witness = Witness::new();
        let (items, n, is_switch) = (case.draw(0..=9), case.size(), case.draw(0..=1) == 1);
        let make = witness.clone();
        let inner = move |x: u64| {
            let make = make.clone();
            let flow = interval(UNIT).take(x % 4).map(move |_| make.item(x));
            flow.then(stage(|item: Item| async move { item }).concurrency(2))
        };
        let outer = iter(0..items).then(pause);
        let flow = if is_switch { outer.switch_map(inner) } else { outer.flat_map_flow(n, inner) };
        match case.run(flow.count()).await {
            End::Well(done) => {
                let all: u64 = (0..items).map(|x| x % 4).sum();
                assert!(if is_switch { done.value <= all } else { done.value == all }, "{}", done.report);
            }
            End::Failed(error) => assert!(error.is_cancelled() && case.has(Fault::Cancel), "{error:?}"),
            End::Dropped => return,
        }
        assert_eq!(witness.left(), 0);
    });
}

#[test]
fn a_nested_plan_that_cannot_run_says_so() {
    let flow = iter(0..3u64).flat_map_flow(2, |_| iter([1u64]).batch(0));
    let error = taktline::sim::run(1, flow.count().run()).expect_err("there is no place");
    assert!(error.downcast_ref::<taktline::Error>().is_some_and(taktline::Error::is_invalid), "{error:?}");
    let zero = taktline::sim::run(1, iter(0..3u64).flat_map_flow(0, |x| iter([x])).count().run());
    assert!(zero.expect_err("none could run").is_invalid());
}
