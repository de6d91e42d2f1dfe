//! A join yields what lists say, whatever the timing of its inputs, and tells them when it needs no more.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use taktline::prelude::*;
use taktline::runtime::Rt;
use tests::{Item, UNIT, Witness, everywhere, on_sim};

const MS: Duration = Duration::from_millis(1);

/// Sends these items with pauses that depend on the seed.
#[source]
async fn uneven(items: Vec<u64>, seed: u64, out: Out<u64>) {
    for (at, x) in items.into_iter().enumerate() {
        let pause = (at as u64 + 1).wrapping_mul(seed.wrapping_mul(2_654_435_761) | 1) % 7;
        if pause > 3 {
            taktline::sleep(UNIT * pause as u32).await;
        }
        out.send(x).await;
    }
}

#[source]
async fn paced(items: Vec<u64>, pause: Duration, out: Out<u64>) {
    for x in items {
        taktline::sleep(pause).await;
        out.send(x).await;
    }
}

/// Sends so many items and then nothing, for ever.
#[source]
async fn stuck(total: u64, out: Out<u64>) {
    for x in 0..total {
        out.send(x).await;
    }
    std::future::pending::<()>().await;
}

#[source]
async fn breaks(after: u64, out: Out<u64>) -> Result<(), String> {
    for x in 0..after {
        out.send(x).await;
    }
    Err("out of order".to_owned())
}

async fn list<T: Send + 'static>(rt: &Rt, flow: impl Flow<Item = T>) -> Vec<T> {
    let done = flow.collect::<Vec<_>>().run_on(rt).await.expect("nothing fails");
    assert!(done.report.balances(), "{}", done.report);
    done.value
}

/// Lists of different lengths, drawn by the seed.
fn lists(seed: u64, of: usize) -> Vec<Vec<u64>> {
    let length = |at: usize| (seed * 7 + 5 * at as u64) % 13;
    (0..of).map(|at| (0..length(at)).map(|x| 100 * at as u64 + x).collect()).collect()
}

fn flows(seed: u64, lists: &[Vec<u64>]) -> Vec<impl Flow<Item = u64, Lineage = ()> + use<>> {
    let buffer = [1, 2, 16][seed as usize % 3];
    let flow = |(at, items): (usize, &Vec<u64>)| uneven(items.clone(), seed + at as u64).buffer(buffer);
    lists.iter().enumerate().map(flow).collect()
}

#[test]
fn a_zip_pairs_what_a_zip_of_lists_pairs() {
    for seed in 0..200 {
        let lists = lists(seed, 2);
        let [left, right]: [_; 2] = flows(seed, &lists).try_into().unwrap_or_else(|_| panic!("there are two"));
        let seen = on_sim(seed, |rt| {
            let flow = left.clone().zip(right.clone());
            async move { list(&rt, flow).await }
        });
        let model: Vec<_> = lists[0].iter().copied().zip(lists[1].iter().copied()).collect();
        assert_eq!(seen, model, "seed {seed}");
    }
}

#[test]
fn a_zip_ends_with_the_first_input_that_ends() {
    for seed in 0..100 {
        let report = on_sim(seed, |rt| async move {
            let short = paced(vec![1, 2], UNIT);
            let flow = stuck(5).buffer(1).zip(short).map(|(x, y)| x + y);
            let done = flow.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
            assert_eq!(done.value, [1, 3]);
            done.report
        });
        let row = report.stage("zip").expect("it has a row");
        assert_eq!((report.elapsed(), report.balances()), (UNIT * 2, true), "seed {seed}\n{report}");
        // Of the five, one may wait for a partner, and none is taken beyond it.
        assert!(row.items_in <= 5, "seed {seed}\n{report}");
        assert_eq!((row.items_out, row.done, row.abandoned), (2, 4, row.items_in - 4), "seed {seed}\n{report}");
    }
}

#[test]
fn a_zip_waits_for_the_slower_input() {
    for seed in 0..100 {
        for buffer in [1, 16] {
            let elapsed = on_sim(seed, |rt| async move {
                let flow =
                    paced((0..5).collect(), UNIT).buffer(buffer).zip(paced((0..5).collect(), UNIT * 2).buffer(1));
                let done = flow.count().run_on(&rt).await.expect("nothing fails");
                assert_eq!(done.value, 5);
                done.report.elapsed()
            });
            assert_eq!(elapsed, UNIT * 10, "seed {seed}");
        }
    }
}

/// The pairs that the latest items make, given when each item comes.
fn latest_pairs(left: &[(u32, u64)], right: &[(u32, u64)]) -> Vec<(u64, u64)> {
    let mut all: Vec<_> = left.iter().map(|x| (x.0, 0, x.1)).chain(right.iter().map(|x| (x.0, 1, x.1))).collect();
    all.sort_unstable();
    let mut latest = [None, None];
    let pair = |(_, side, x): (u32, usize, u64)| {
        latest[side] = Some(x);
        latest[0].zip(latest[1])
    };
    all.into_iter().filter_map(pair).collect()
}

#[test]
fn a_zip_latest_pairs_each_new_item_with_the_latest_of_the_other() {
    for seed in 0..100 {
        for (left, right) in [(2, 3), (5, 1), (1, 7), (3, 4)] {
            let seen = on_sim(seed, |rt| async move {
                // Never at one instant: the right one is half a unit late.
                let late = stage(|x: u64| async move {
                    taktline::sleep(UNIT / 2).await;
                    x
                });
                let right = paced((0..6).collect(), UNIT * right).buffer(1).then(late.concurrency(2));
                list(&rt, paced((0..8).collect(), UNIT * left).zip_latest(right)).await
            });
            let left: Vec<_> = (0..8).map(|x| (2 * left * (x as u32 + 1), x)).collect();
            let right: Vec<_> = (0..6).map(|x| (2 * right * (x as u32 + 1) + 1, x)).collect();
            assert_eq!(seen, latest_pairs(&left, &right), "seed {seed}");
        }
    }
}

#[test]
fn a_zip_latest_ends_when_no_pair_can_come() {
    everywhere(|rt| async move {
        assert_eq!(list(&rt, stuck(3).zip_latest(iter(0..0u64))).await, [], "one has ended without an item");
        assert_eq!(list(&rt, iter(0..0u64).zip_latest(stuck(3))).await, []);
        let flow = iter(0..1u64).zip_latest(paced((0..5).collect(), MS));
        let done = flow.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4)], "the other goes on");
        let row = done.report.stage("zip_latest").expect("it has a row");
        assert_eq!((row.items_in, row.items_out, row.done, row.filtered), (6, 5, 6, 1), "{}", done.report);
    });
}

#[test]
fn an_interleave_takes_so_many_of_each_whatever_the_timing() {
    for seed in 0..200 {
        let lists = lists(seed, 3);
        let n = 1 + seed as usize % 3;
        let flows = flows(seed, &lists);
        let seen = on_sim(seed, |rt| {
            let flow = interleave(n, flows.clone());
            async move { list(&rt, flow).await }
        });
        let mut model = Vec::new();
        let mut rest: Vec<_> = lists.iter().map(|items| items.iter().copied().peekable()).collect();
        while rest.iter_mut().any(|items| items.peek().is_some()) {
            rest.iter_mut().for_each(|items| model.extend(items.take(n)));
        }
        assert_eq!(seen, model, "seed {seed}");
    }
    on_sim(1, |rt| async move {
        assert_eq!(list(&rt, interleave(1, Vec::<BoxFlow<u64>>::new())).await, []);
        let error = interleave(0, [iter(0..3u64)]).count().run_on(&rt).await.expect_err("it takes nothing");
        assert!(error.to_string().contains("interleave(0"), "{error}");
    });
}

#[test]
fn a_merge_of_sorted_flows_is_sorted_whatever_the_timing() {
    for seed in 0..200 {
        let mut lists = lists(seed, 4);
        for (at, items) in lists.iter_mut().enumerate() {
            items
                .iter_mut()
                .enumerate()
                .for_each(|(n, x)| *x = 10 * ((n as u64 * (seed + 3) + at as u64) / 4) + at as u64);
        }
        // Equal by their tens: then the input decides.
        let flows = flows(seed, &lists);
        let seen = on_sim(seed, |rt| {
            let flow = merge_sorted(flows.clone(), |x, y| (x / 10).cmp(&(y / 10)));
            async move { list(&rt, flow).await }
        });
        let mut model = lists.concat();
        model.sort_by_key(|x| x / 10);
        assert_eq!(seen, model, "seed {seed}");
    }
}

#[test]
fn a_merge_of_sorted_flows_waits_for_each_that_is_open() {
    for seed in 0..50 {
        let seen = on_sim(seed, |rt| async move {
            let late = paced(vec![1], UNIT * 5);
            let mut xs = merge_sorted([iter(vec![0, 2, 3]).boxed(), late.boxed()], u64::cmp).start_on(&rt);
            let mut seen = Vec::new();
            while let Some(x) = xs.next().await.expect("nothing fails") {
                seen.push((x, rt.now().since_epoch()));
            }
            seen
        });
        assert_eq!(seen, [0, 1, 2, 3].map(|x| (x, UNIT * 5)), "seed {seed}");
    }
}

#[stage(buffer = 1)]
async fn reader(x: (usize, u64)) -> (usize, u64) {
    taktline::sleep(UNIT).await;
    x
}

#[test]
fn a_merge_that_prefers_takes_the_later_inputs_only_when_the_first_waits() {
    for seed in 0..50 {
        let (greedy, polite) = on_sim(seed, |rt| async move {
            let ready = |input: usize| iter(0u64..).map(move |x| (input, x));
            let greedy = merge_prefer([ready(0).boxed(), ready(1).boxed()]).then(reader()).take(100);
            // One item each four units: the rest is for the other.
            let slow = paced((0..100).collect(), UNIT * 4).map(|x| (0, x));
            let polite = merge_prefer((slow, ready(1))).then(reader()).take(100);
            (list(&rt, greedy).await, list(&rt, polite).await)
        });
        let of = |seen: &[(usize, u64)], input| seen.iter().filter(|(from, _)| *from == input).count();
        // The second may have been the first to have anything at all.
        assert!(of(&greedy, 0) >= 97, "seed {seed}: {greedy:?}");
        assert!((23..=25).contains(&of(&polite, 0)), "seed {seed}: {polite:?}");
        let second: Vec<_> = polite.iter().filter(|(from, _)| *from == 1).map(|(_, x)| *x).collect();
        assert_eq!(second, (0..second.len() as u64).collect::<Vec<_>>());
    }
}

#[test]
fn what_merge_takes_may_be_an_iterator() {
    everywhere(|rt| async move {
        let mut all = list(&rt, merge((0..5u64).map(|n| iter(n * 10..n * 10 + n)))).await;
        all.sort_unstable();
        assert_eq!(all, [10, 20, 21, 30, 31, 32, 40, 41, 42, 43]);
    });
}

/// Each join, of two inputs.
fn joins(left: BoxFlow<u64>, right: BoxFlow<u64>) -> Vec<(&'static str, BoxFlow<u64>)> {
    let sum = |(x, y): (u64, u64)| x + y;
    vec![
        ("merge", merge([left.clone(), right.clone()]).boxed()),
        ("merge_prefer", merge_prefer([left.clone(), right.clone()]).boxed()),
        ("merge_sorted", merge_sorted([left.clone(), right.clone()], u64::cmp).boxed()),
        ("interleave", interleave(2, [left.clone(), right.clone()]).boxed()),
        ("zip", left.clone().zip(right.clone()).map(sum).boxed()),
        ("zip_latest", left.zip_latest(right).map(sum).boxed()),
    ]
}

#[test]
fn an_input_that_fails_fails_the_run_behind_what_it_has_sent() {
    everywhere(|rt| async move {
        for is_left in [true, false] {
            let (bad, good) = (breaks(3).boxed(), iter(0..50u64).boxed());
            let (left, right) = if is_left { (bad, good) } else { (good, bad) };
            for (name, flow) in joins(left, right) {
                let error = flow.count().run_on(&rt).await.expect_err("an input fails");
                assert_eq!((error.stage(), error.failures().len()), (Some("breaks"), 1), "{name}");
                let report = error.report().expect("it was started");
                let row = report.stage(name).expect("it has a row");
                assert!(report.balances() && row.items_in >= 3, "{name}\n{report}");
                assert_eq!(row.waiting + row.in_work + row.finished, 0, "{name}\n{report}");
            }
        }
    });
}

#[test]
fn a_join_that_is_stopped_in_any_way_leaves_nothing_and_balances() {
    everywhere(|rt| async move {
        for buffer in [1, 3] {
            for (name, flow) in joins(stuck(9).buffer(buffer).boxed(), stuck(4).buffer(buffer).boxed()) {
                let done = flow.clone().take(2).count().run_on(&rt).await.expect("nothing fails");
                assert_eq!((done.value, done.report.balances()), (2, true), "{name}: {}", done.report);
                let running = flow.clone().count().start_on(&rt);
                taktline::sleep(MS).await;
                let error = running.cancel().await.expect_err("it had not ended");
                let report = error.report().expect("it was started");
                let row = report.stage(name).expect("it has a row");
                let left = row.waiting + row.in_work + row.finished;
                assert!(report.balances() && error.is_cancelled() && left == 0, "{name}\n{report}");
                drop(flow.count().start_on(&rt));
            }
        }
    });
}

#[test]
fn a_join_that_is_cut_drops_every_item() {
    everywhere(|rt| async move {
        let witness = Witness::new();
        let made = witness.clone();
        let items = move |n: u64| {
            let made = made.clone();
            stuck(n).map(move |id| made.item(id)).boxed()
        };
        let by = |x: &Item, y: &Item| x.id.cmp(&y.id);
        let flows = [
            items(5).zip(items(3)).map(|pair| pair.0).boxed(),
            items(5).zip_latest(items(3)).map(|pair| pair.0).boxed(),
            merge_sorted([items(5), items(3)], by).boxed(),
            interleave(1, [items(5), items(3)]).boxed(),
        ];
        for flow in flows {
            let running = flow.count().start_on(&rt);
            taktline::sleep(MS).await;
            let error = running.cancel().await.expect_err("it had not ended");
            assert!(error.report().is_some_and(taktline::ledger::Report::balances), "{error:?}");
            assert_eq!(witness.left(), 0, "items are left");
        }
    });
}

#[test]
fn a_comparison_or_a_clone_that_panics_fails_the_join() {
    #[derive(Debug)]
    struct Bad(u64);
    impl Clone for Bad {
        fn clone(&self) -> Bad {
            assert!(self.0 < 2, "it cannot be cloned");
            Bad(self.0)
        }
    }
    everywhere(|rt| async move {
        let by = |x: &u64, y: &u64| if *x == 3 { panic!("no order") } else { x.cmp(y) };
        let sorted = merge_sorted([iter(0..9u64), iter(0..9u64)], by).count();
        let latest = once((0..9).map(Bad)).zip_latest(once((0..9).map(Bad))).count();
        for (plan, name) in [(sorted, "merge_sorted"), (latest, "zip_latest")] {
            let error = plan.run_on(&rt).await.expect_err("it panics");
            assert_eq!((error.stage(), error.is_panic()), (Some(name), true));
            let report = error.report().expect("it was started");
            assert!(report.balances(), "{report}");
            let row = report.stage(name).expect("it has a row");
            assert_eq!(row.waiting + row.in_work + row.finished, 0, "{report}");
        }
    });
}

#[test]
fn a_join_tells_its_bound() {
    let (left, right) = (iter(0..9u64).buffer(3), iter(0..9u64).buffer(2));
    // Two sources, two edges, and the hand of the join.
    let edges = 2 + 3 + 2;
    assert_eq!(left.clone().zip(right.clone()).count().bound(), edges + 1);
    assert_eq!(merge_sorted([left.clone(), right.clone()], u64::cmp).count().bound(), edges + 1);
    assert_eq!(interleave(1, [left.clone(), right.clone()]).count().bound(), edges + 1);
    // And the latest item of each.
    assert_eq!(left.zip_latest(right).count().bound(), edges + 3);
}

#[test]
fn a_thousand_idle_inputs_are_polled_no_more_than_one() {
    everywhere(|rt| async move {
        let polls = Arc::new(AtomicU64::new(0));
        let idle = || {
            let polls = polls.clone();
            stream(futures::stream::poll_fn(move |_| {
                polls.fetch_add(1, SeqCst);
                std::task::Poll::<Option<u64>>::Pending
            }))
        };
        let mut flows: Vec<_> = (0..200).map(|_| idle().boxed()).collect();
        flows.push(iter(0u64..).boxed());
        let seen = Arc::new(Mutex::new(0));
        let note = seen.clone();
        let flow =
            merge_prefer(flows).then(|x| async move { x }).inspect(move |_| *note.lock().expect("nothing panics") += 1);
        assert_eq!(list(&rt, flow.take(2000)).await.len(), 2000);
        assert!(polls.load(SeqCst) <= 2 * 200, "{} polls", polls.load(SeqCst));
    });
}
