//! A merge is fair, keeps each input's order, takes as long as its longest input, and polls only what is ready.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use taktline::prelude::*;
use taktline::runtime::Rt;
use tests::{UNIT, counted, everywhere, on_sim};

const MS: Duration = Duration::from_millis(1);

/// Which input an item is from, and its number there.
type From = (usize, u64);

fn value<V: std::fmt::Debug>(outcome: taktline::Result<Done<V>>) -> V {
    let done = outcome.expect("nothing fails");
    assert!(done.report.balances(), "{}", done.report);
    done.value
}

#[source]
async fn ready(input: usize, out: Out<From>) {
    for i in 0.. {
        out.send((input, i)).await;
    }
}

#[stage(buffer = 1)]
async fn reader(x: From) -> From {
    taktline::sleep(UNIT).await;
    x
}

#[sink(buffer = 1)]
async fn keep(x: From, seen: &Mutex<Vec<From>>) {
    seen.lock().expect("nothing panics").push(x);
    taktline::sleep(UNIT).await;
}

/// How many items are from each of `inputs`.
fn shares(seen: &[From], inputs: usize) -> Vec<usize> {
    (0..inputs).map(|input| seen.iter().filter(|(from, _)| *from == input).count()).collect()
}

fn is_fair(shares: &[usize]) -> bool {
    shares.iter().all(|share| *share >= 450)
}

fn is_in_order(seen: &[From], inputs: usize) -> bool {
    (0..inputs).all(|input| {
        let numbers = seen.iter().filter(|(from, _)| *from == input).map(|(_, number)| *number);
        numbers.enumerate().all(|(at, number)| at as u64 == number)
    })
}

/// The first 500 items for each input, as a reader of one unit an item gets them.
async fn first_items(rt: &Rt, flow: impl Flow<Item = From, Lineage = ()>, inputs: usize) -> Vec<From> {
    value(flow.then(reader()).take(500 * inputs as u64).collect::<Vec<_>>().run_on(rt).await)
}

#[test]
fn inputs_that_are_always_ready_get_equal_shares() {
    for seed in 0..20 {
        for inputs in [2, 3] {
            for buffer in [1, 16] {
                let seen = on_sim(seed, |rt| async move {
                    let flows: Vec<_> = (0..inputs).map(|input| ready(input).buffer(buffer)).collect();
                    first_items(&rt, merge(flows), inputs).await
                });
                let shares = shares(&seen, inputs);
                assert!(is_fair(&shares), "seed {seed}, buffer {buffer}: {shares:?}");
                assert!(is_in_order(&seen, inputs), "seed {seed}, buffer {buffer}");
            }
        }
    }
}

#[test]
fn iterators_behind_pools_get_equal_shares() {
    for seed in 0..10 {
        let seen = on_sim(seed, |rt| async move {
            let pooled = iter(0..).map(|i| (1, i)).then(|x| async move { x });
            first_items(&rt, merge((ready(0), pooled)), 2).await
        });
        let shares = shares(&seen, 2);
        assert!(is_fair(&shares) && is_in_order(&seen, 2), "seed {seed}: {shares:?}");
    }
}

#[test]
fn a_sink_and_a_loop_get_equal_shares() {
    for seed in 0..20 {
        for inputs in [2, 3] {
            let seen = on_sim(seed, |rt| async move {
                let flows: Vec<_> = (0..inputs).map(ready).collect();
                let mut xs = merge(flows.clone()).buffer(1).start_on(&rt);
                let mut seen = Vec::new();
                while seen.len() < 500 * inputs {
                    seen.extend(xs.next().await.expect("nothing fails"));
                    rt.sleep(UNIT).await;
                }
                drop(xs);
                let sunk = Arc::new(Mutex::new(Vec::new()));
                let running = merge(flows).sink(keep(sunk.clone())).start_on(&rt);
                rt.sleep(UNIT * 500 * inputs as u32).await;
                drop(running);
                let mut sunk = std::mem::take(&mut *sunk.lock().expect("nothing panics"));
                sunk.truncate(500 * inputs);
                [seen, sunk]
            });
            for seen in seen {
                let shares = shares(&seen, inputs);
                assert_eq!(shares.iter().sum::<usize>(), 500 * inputs);
                assert!(is_fair(&shares) && is_in_order(&seen, inputs), "seed {seed}: {shares:?}");
            }
        }
    }
}

#[test]
fn a_merge_that_asks_its_first_input_first_is_found_unfair() {
    let seen = on_sim(1, |rt| async move {
        let mut inputs = [0, 1].map(|input| (0..).map(move |i| (input, i)));
        let first_ready =
            stream(futures::stream::poll_fn(move |_| Poll::Ready(inputs.iter_mut().find_map(Iterator::next))));
        first_items(&rt, first_ready, 2).await
    });
    let shares = shares(&seen, 2);
    assert!(!is_fair(&shares), "{shares:?}");
    assert!(!is_in_order(&[(0, 0), (1, 0), (0, 2)], 2), "a gap is found");
    assert!(!is_in_order(&[(0, 1), (0, 0)], 2), "a swap is found");
}

#[source]
async fn paced(input: usize, total: u64, pause: Duration, out: Out<From>) {
    for i in 0..total {
        taktline::sleep(pause).await;
        out.send((input, i)).await;
    }
}

#[test]
fn a_merge_takes_as_long_as_its_longest_input() {
    for seed in 0..100 {
        for buffer in [1, 16] {
            let done = on_sim(seed, |rt| async move {
                let flow =
                    merge([(5, UNIT), (7, UNIT), (3, UNIT * 4)].map(|(n, pause)| paced(0, n, pause).buffer(buffer)));
                flow.count().run_on(&rt).await.expect("nothing fails")
            });
            assert!(done.report.balances(), "{}", done.report);
            assert_eq!((done.value, done.report.elapsed()), (15, UNIT * 12), "seed {seed}");
        }
    }
}

#[stage]
async fn renumber(x: From, input: usize) -> From {
    taktline::sleep(MS).await;
    (input, x.1)
}

#[test]
fn flows_of_different_types_are_merged_each_in_its_order() {
    everywhere(|rt| async move {
        let stages = || paced(0, 30, MS).then(renumber(1).concurrency(3));
        let flow = merge((
            paced(0, 40, MS),
            stages(),
            iter(0..50u64).map(|i| (2, i)),
            once(0..20u64).map(|i| (3, i)),
            stream(futures::stream::iter(0..10u64)).map(|i| (4, i)),
            merge([25, 0].map(|total| iter(0..total).map(|i| (5, i)))),
        ));
        let seen = value(flow.collect::<Vec<_>>().run_on(&rt).await);
        assert_eq!(shares(&seen, 6), [40, 30, 50, 20, 10, 25]);
        assert!(is_in_order(&seen, 6));
        let flows: Vec<_> = (0..7).map(|input| paced(input, input as u64, MS)).collect();
        let seen = value(merge(flows).collect::<Vec<_>>().run_on(&rt).await);
        assert_eq!(shares(&seen, 7), [0, 1, 2, 3, 4, 5, 6]);
        assert!(is_in_order(&seen, 7));
    });
}

#[source]
async fn breaks(input: usize, after: u64, out: Out<From>) -> Result<(), String> {
    for i in 0..after {
        out.send((input, i)).await;
    }
    Err("out of order".to_owned())
}

#[test]
fn an_input_that_fails_is_named_behind_what_it_has_sent() {
    everywhere(|rt| async move {
        let flow = merge((breaks(0, 5), paced(1, 1_000_000, MS)));
        let mut xs = flow.then(renumber_slowly()).start_on(&rt);
        let mut seen = Vec::new();
        let error = loop {
            match xs.next().await {
                Ok(x) => seen.push(x.expect("it does not end well")),
                Err(error) => break error,
            }
        };
        assert_eq!((error.stage(), error.failures().len()), (Some("breaks"), 1));
        assert!(error.to_string().contains("out of order"), "{error}");
        let report = error.report().expect("it was started");
        assert!(report.balances(), "{report}");
        assert_eq!(shares(&seen, 1), [5], "what was accepted before arrives");
        assert!(is_in_order(&seen, 2));
        assert_eq!(report.stage("paced").expect("the other source has a row").items_out, seen.len() as u64 - 5);
    });
}

#[stage]
async fn renumber_slowly(x: From) -> From {
    taktline::sleep(MS).await;
    x
}

#[test]
fn an_idle_input_is_not_polled() {
    everywhere(|rt| async move {
        let polls = Arc::new(AtomicUsize::new(0));
        let count = polls.clone();
        let idle = futures::stream::poll_fn(move |_| {
            count.fetch_add(1, SeqCst);
            Poll::<Option<From>>::Pending
        });
        let flow = merge((ready(0), stream(idle), ready(2)));
        let seen = value(flow.then(|x| async move { x }).take(1000).collect::<Vec<_>>().run_on(&rt).await);
        let shares = shares(&seen, 3);
        assert_eq!((shares[0] + shares[2], shares[1]), (1000, 0));
        // Once at the start, and perhaps once more as the run stops.
        assert!((1..=2).contains(&polls.load(SeqCst)), "{} polls", polls.load(SeqCst));
    });
}

#[source]
async fn first_part(has_ended: &AtomicBool, out: Out<u64>) {
    for i in 0..5 {
        taktline::sleep(MS).await;
        out.send(i).await;
    }
    has_ended.store(true, SeqCst);
}

#[source]
async fn second_part(first: &AtomicBool, out: Out<u64>) {
    assert!(first.load(SeqCst), "the second flow was started before the first had ended");
    for i in 5..10 {
        out.send(i).await;
    }
}

#[test]
fn a_chain_starts_its_second_flow_when_the_first_has_ended() {
    everywhere(|rt| async move {
        let (rt, tasks) = counted(rt);
        let has_ended = Arc::new(AtomicBool::new(false));
        let flow = first_part(has_ended.clone()).chain(second_part(has_ended.clone()));
        let mut xs = flow.start_on(&rt);
        for i in 0..10 {
            let given = tasks.given();
            if !has_ended.load(SeqCst) {
                assert_eq!(given, 2, "the first source and the chain");
            }
            assert_eq!(xs.next().await.expect("nothing fails"), Some(i));
            if i >= 5 {
                assert_eq!(tasks.given(), 3);
            }
        }
        assert_eq!(xs.next().await.expect("nothing fails"), None);
        assert!(xs.report().expect("it was started").balances());
    });
}

#[test]
fn a_chain_that_is_cut_in_its_first_flow_never_starts_its_second() {
    everywhere(|rt| async move {
        let (rt, tasks) = counted(rt);
        let has_ended = Arc::new(AtomicBool::new(false));
        let flow = first_part(has_ended.clone()).chain(second_part(has_ended));
        assert_eq!(value(flow.take(3).collect::<Vec<_>>().run_on(&rt).await), [0, 1, 2]);
        assert_eq!(tasks.given(), 2);
    });
}

#[test]
fn a_chain_yields_its_flows_one_after_the_other() {
    for seed in 0..100 {
        let done = on_sim(seed, |rt| async move {
            let flow = paced(0, 5, UNIT).chain(paced(1, 4, UNIT)).chain(paced(2, 3, UNIT));
            flow.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails")
        });
        assert!(done.report.balances(), "{}", done.report);
        let expected: Vec<From> =
            [5, 4, 3].into_iter().enumerate().flat_map(|(at, n)| (0..n).map(move |i| (at, i))).collect();
        assert_eq!((done.value, done.report.elapsed()), (expected, UNIT * 12), "seed {seed}");
    }
}
