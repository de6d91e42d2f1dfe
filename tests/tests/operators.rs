//! Each operator is the method of `Iterator` of the same name; stages and fused steps give what their functions give.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use taktline::prelude::*;
use taktline::runtime::Rt;
use tests::{UNIT, counted, everywhere, on_sim};

const SEEDS: u64 = 200;

fn value<V: std::fmt::Debug>(outcome: taktline::Result<Done<V>>) -> V {
    let done = outcome.expect("nothing fails");
    assert!(done.report.balances(), "{}", done.report);
    done.value
}

/// Up to 40 small numbers, often few.
fn random_items(rt: &Rt) -> Vec<u64> {
    let length = rt.random() % [1, 4, 41][(rt.random() % 3) as usize];
    (0..length).map(|_| rt.random() % 20).collect()
}

async fn all<F: Flow<Item = T, Lineage = ()>, T: std::fmt::Debug + Send + 'static>(rt: &Rt, flow: F) -> Vec<T> {
    value(flow.collect::<Vec<_>>().run_on(rt).await)
}

/// Checks one operator, alone and behind a stage, by calling it as a method of a flow and of an iterator.
macro_rules! same_as_iterator {
    ($rt:ident, $items:ident, |$x:ident| $operator:expr) => {{
        let expected: Vec<_> = {
            let $x = $items.clone().into_iter();
            $operator.collect()
        };
        let alone = {
            let $x = iter($items.clone());
            $operator
        };
        assert_eq!(all(&$rt, alone).await, expected, "alone");
        let staged = {
            let $x = iter($items.clone()).then(pass());
            $operator
        };
        assert_eq!(all(&$rt, staged.then(pass_any())).await, expected, "between stages");
    }};
}

#[stage(concurrency = 2)]
async fn pass(x: u64) -> u64 {
    taktline::yield_now().await;
    x
}

#[stage]
async fn pass_any<T: Send + 'static>(x: T) -> T {
    x
}

fn on_random_items<F: Future<Output = ()>>(check: impl Fn(Rt, Vec<u64>, u64) -> F) {
    for seed in 0..SEEDS {
        on_sim(seed, |rt| {
            let (items, n) = (random_items(&rt), rt.random() % 45);
            check(rt, items, n)
        });
    }
}

#[test]
fn map_is_that_of_iterators() {
    on_random_items(|rt, items, n| async move { same_as_iterator!(rt, items, |xs| xs.map(move |x| x * 3 + n)) });
}

#[test]
fn filter_is_that_of_iterators() {
    on_random_items(
        |rt, items, n| async move { same_as_iterator!(rt, items, |xs| xs.filter(move |x| x * n % 3 == 0)) },
    );
}

#[test]
fn filter_map_is_that_of_iterators() {
    on_random_items(|rt, items, n| async move {
        same_as_iterator!(rt, items, |xs| xs.filter_map(move |x: u64| x.checked_sub(n % 20)));
    });
}

#[test]
fn flat_map_is_that_of_iterators() {
    on_random_items(|rt, items, n| async move {
        same_as_iterator!(rt, items, |xs| xs.flat_map(move |x| (0..x % 5).map(move |y| (x, y + n))));
    });
}

#[test]
fn inspect_is_that_of_iterators() {
    on_random_items(|rt, items, _| async move {
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let look = || {
            let seen = seen.clone();
            move |x: &u64| seen.lock().expect("nothing panics").push(*x)
        };
        same_as_iterator!(rt, items, |xs| xs.inspect(look()));
        let expected = items.repeat(3);
        assert_eq!(*seen.lock().expect("nothing panics"), expected, "each item is looked at once, in order");
    });
}

#[test]
fn take_and_skip_are_those_of_iterators() {
    on_random_items(|rt, items, n| async move {
        for n in [0, 1, n, items.len() as u64] {
            let expected: Vec<_> = items.iter().copied().take(n as usize).collect();
            assert_eq!(all(&rt, iter(items.clone()).take(n)).await, expected);
            assert_eq!(all(&rt, iter(items.clone()).then(pass()).take(n).then(pass())).await, expected);
            let expected: Vec<_> = items.iter().copied().skip(n as usize).collect();
            assert_eq!(all(&rt, iter(items.clone()).skip(n)).await, expected);
            assert_eq!(all(&rt, iter(items.clone()).then(pass()).skip(n).then(pass())).await, expected);
        }
    });
}

#[test]
fn take_while_is_that_of_iterators() {
    on_random_items(
        |rt, items, n| async move { same_as_iterator!(rt, items, |xs| xs.take_while(move |x| *x != n % 20)) },
    );
}

#[test]
fn enumerate_is_that_of_iterators() {
    on_random_items(|rt, items, _| async move {
        let expected: Vec<_> = items.iter().copied().enumerate().map(|(at, x)| (at as u64, x)).collect();
        assert_eq!(all(&rt, iter(items.clone()).enumerate()).await, expected);
        assert_eq!(all(&rt, iter(items).then(pass()).enumerate().then(pass_any())).await, expected);
    });
}

#[test]
fn scan_is_that_of_iterators() {
    on_random_items(|rt, items, n| async move {
        same_as_iterator!(rt, items, |xs| xs.scan(n, move |sum, x| {
            *sum += x;
            (*sum < 4 * n).then_some((*sum, x))
        }));
    });
}

#[test]
fn chain_is_that_of_iterators() {
    on_random_items(|rt, items, n| async move {
        let others: Vec<u64> = (0..n).collect();
        let expected: Vec<_> = items.iter().chain(&others).chain(&items).copied().collect();
        let flow = iter(items.clone()).chain(iter(others.clone())).chain(iter(items.clone()));
        assert_eq!(all(&rt, flow).await, expected);
        let flow = iter(items.clone()).then(pass()).chain(iter(others).then(pass()).chain(iter(items)));
        assert_eq!(all(&rt, flow.then(pass())).await, expected);
    });
}

#[test]
fn fold_and_count_and_first_are_those_of_iterators() {
    on_random_items(|rt, items, n| async move {
        let step = |text: String, x: u64| format!("({text}{x})");
        let expected = items.iter().copied().fold(n.to_string(), step);
        for flow in [iter(items.clone()).boxed(), iter(items.clone()).then(pass()).boxed()] {
            assert_eq!(value(flow.clone().fold(n.to_string(), step).run_on(&rt).await), expected);
            assert_eq!(value(flow.clone().count().run_on(&rt).await), items.len() as u64);
            assert_eq!(value(flow.first().run_on(&rt).await), items.first().copied());
        }
    });
}

type Both = (BoxFlow<u64>, Box<dyn Iterator<Item = u64>>);

/// The same random operator behind a flow and behind an iterator.
fn grow((flow, items): Both, kind: u64, n: u64) -> Both {
    match kind {
        0 => (flow.map(move |x| x * 2 + n).boxed(), Box::new(items.map(move |x| x * 2 + n))),
        1 => (flow.filter(move |x| x % 7 != n % 7).boxed(), Box::new(items.filter(move |x| x % 7 != n % 7))),
        2 => {
            let f = move |x: u64| x.checked_sub(n % 5);
            (flow.filter_map(f).boxed(), Box::new(items.filter_map(f)))
        }
        3 => {
            let f = move |x: u64| (0..x % 4).map(move |y| x + y);
            (flow.flat_map(f).boxed(), Box::new(items.flat_map(f)))
        }
        4 => (flow.inspect(|_| ()).boxed(), Box::new(items.inspect(|_| ()))),
        5 => (flow.take(n + 2).boxed(), Box::new(items.take(n as usize + 2))),
        6 => (flow.take_while(move |x| x % 17 != n).boxed(), Box::new(items.take_while(move |x| x % 17 != n))),
        7 => (flow.skip(n % 4).boxed(), Box::new(items.skip(n as usize % 4))),
        8 => (flow.enumerate().map(|(at, x)| at + x).boxed(), Box::new(items.enumerate().map(|(at, x)| at as u64 + x))),
        9 => {
            let f = move |sum: &mut u64, x: u64| {
                *sum = (*sum + x) % 1000;
                (*sum % 19 != n % 19).then_some(*sum)
            };
            (flow.scan(n, f).boxed(), Box::new(items.scan(n, f)))
        }
        10 => (flow.chain(iter(0..n)).boxed(), Box::new(items.chain(0..n))),
        11 => (flow.then(pass().buffer(n as usize % 3 + 1)).boxed(), items),
        _ => (flow.then(pass_any()).boxed(), items),
    }
}

#[test]
fn operators_compose_as_those_of_iterators_do() {
    let lengths = (0..SEEDS).map(|seed| {
        on_sim(seed, |rt| async move {
            let items = random_items(&rt);
            let mut both: Both = (iter(items.clone()).boxed(), Box::new(items.into_iter()));
            let mut kinds = Vec::new();
            for _ in 0..rt.random() % 7 + 1 {
                let (kind, n) = (rt.random() % 13, rt.random() % 20);
                kinds.push((kind, n));
                both = grow(both, kind, n);
            }
            let (flow, items) = both;
            let expected: Vec<_> = items.collect();
            assert_eq!(all(&rt, flow.clone()).await, expected, "seed {seed}: {kinds:?}");
            assert_eq!(value(flow.count().run_on(&rt).await), expected.len() as u64, "seed {seed}: {kinds:?}");
            expected.len()
        })
    });
    assert!(lengths.filter(|length| *length > 0).count() as u64 > SEEDS / 4, "many of the cases yield something");
}

#[stage]
async fn running_sum(input: In<u64>, out: Out<u64>) {
    let mut sum = 0;
    while let Some(x) = input.next().await {
        sum += x;
        out.send(sum).await;
    }
}

#[test]
fn a_stage_from_stream_to_stream_keeps_a_running_sum() {
    everywhere(|rt| async move {
        assert_eq!(all(&rt, iter(0..5u64).then(running_sum())).await, [0, 1, 3, 6, 10]);
        assert_eq!(all(&rt, iter(0..0u64).then(running_sum())).await, []);
    });
}

#[stage]
async fn twice(x: u64, out: Out<u64>) {
    out.send(x).await;
    taktline::yield_now().await;
    out.send(x).await;
}

#[stage]
async fn twice_slowly(x: u64, out: Out<u64>) {
    // The later an item comes, the sooner it is ready.
    taktline::sleep(UNIT * (5 - x as u32)).await;
    out.send(x).await;
    taktline::sleep(UNIT * (5 - x as u32)).await;
    out.send(x).await;
}

#[test]
fn one_to_many_gives_ten_from_five_in_order() {
    let expected = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4];
    everywhere(|rt| async move {
        for workers in [1, 3] {
            for buffer in [1, 16] {
                let stage = twice().concurrency(workers).buffer(buffer);
                let done = iter(0..5u64).then(stage).collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
                assert!(done.report.balances(), "{}", done.report);
                assert_eq!(done.value, expected, "{workers} workers");
                let row = done.report.stage("twice").expect("the stage has a row");
                assert_eq!((row.items_in, row.items_out, row.done), (5, 10, 5));
            }
        }
    });
    for seed in 0..100 {
        for workers in [1, 3] {
            let seen =
                on_sim(
                    seed,
                    |rt| async move { all(&rt, iter(0..5u64).then(twice_slowly().concurrency(workers))).await },
                );
            assert_eq!(seen, expected, "seed {seed}, {workers} workers");
        }
    }
}

#[test]
fn a_filter_that_passes_nothing_lets_others_run() {
    for seed in 0..20 {
        let polls = on_sim(seed, |rt| async move {
            let polls = Arc::new(AtomicUsize::new(0));
            let count = polls.clone();
            let other = rt.spawn(async move {
                loop {
                    count.fetch_add(1, SeqCst);
                    taktline::yield_now().await;
                }
            });
            let plan = iter(0..100_000u64).filter(|_| false).count();
            assert_eq!(value(plan.run_on(&rt).await), 0);
            drop(other);
            polls.load(SeqCst)
        });
        assert!(polls >= 500, "seed {seed}: the other task was polled {polls} times");
    }
}

#[test]
fn fused_steps_make_no_task() {
    everywhere(|rt| async move {
        let (rt, tasks) = counted(rt);
        let flow = iter(0..10u64).map(|x| x + 1).filter(|x| x % 2 == 0);
        assert_eq!(value(flow.clone().count().run_on(&rt).await), 5);
        assert_eq!(tasks.given(), 1);
        let long = flow.enumerate().flat_map(|(at, x)| [at, x]).skip(1).take(5).inspect(|_| ()).scan(0, |_, x| Some(x));
        value(long.take_while(|x| *x < 100).filter_map(Some).collect::<Vec<_>>().run_on(&rt).await);
        assert_eq!(tasks.given(), 2);
        value(iter(0..10u64).map(|x| x + 1).then(|x| async move { x }).map(|x| x + 1).count().run_on(&rt).await);
        assert_eq!(tasks.given(), 4, "a stage that awaits has a task of its own");
    });
}
