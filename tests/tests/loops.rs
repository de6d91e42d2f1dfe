//! A loop ends when nothing is left in it, never waits for itself, and tells when its limit is passed.

use std::time::Duration;

use taktline::op::LoopFull;
use taktline::prelude::*;
use tests::{Item, UNIT, Witness, everywhere, on_sim};

const MS: Duration = Duration::from_millis(1);

/// A node of a tree in which each has three children, down to a depth of four.
#[stage(concurrency = 3)]
async fn visit(depth: u32, cost: Duration, out: Out<Again<u32, u32>>) {
    taktline::sleep(cost).await;
    if depth < 4 {
        for _ in 0..3 {
            out.send(Again::Back(depth + 1)).await;
        }
    }
    out.send(Again::On(depth)).await;
}

/// 1 + 3 + 9 + 27 + 81 nodes.
const NODES: usize = 121;

#[test]
fn a_tree_is_visited_whole_and_the_loop_ends_at_the_exact_time() {
    for seed in 0..100 {
        for buffer in [1, 4, 16] {
            for is_ordered in [true, false] {
                let done = on_sim(seed, |rt| async move {
                    let visit = visit(UNIT).buffer(buffer);
                    let visit = if is_ordered { visit } else { visit.unordered() };
                    let flow = iter([0u32]).buffer(buffer).feedback(1000, |f| f.then(visit));
                    flow.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails")
                });
                let report = &done.report;
                assert_eq!((done.value.len(), report.balances()), (NODES, true), "seed {seed}\n{report}");
                // One round for the root, one for its children, then three at a time.
                assert_eq!(report.elapsed(), UNIT * 41, "seed {seed}, buffer {buffer}, ordered {is_ordered}");
                let row = report.stage("feedback").expect("it has a row");
                assert_eq!((row.items_in, row.items_out, row.done), (121, 121, 121), "{report}");
                assert!(done.value.is_sorted() || !is_ordered, "the oldest go first: {:?}", done.value);
            }
        }
    }
}

#[test]
fn a_loop_that_passes_its_limit_fails_and_does_not_hang() {
    everywhere(|rt| async move {
        for buffer in [1, 4] {
            let flow = iter([0u32]).buffer(buffer).feedback(50, |f| f.then(visit(Duration::ZERO).buffer(buffer)));
            let error = flow.count().run_on(&rt).await.expect_err("the tree is wider than that");
            assert_eq!((error.stage(), error.failures().len()), (Some("feedback"), 1), "{error:?}");
            assert!(error.downcast_ref::<LoopFull>().is_some(), "{error:?}");
            let report = error.report().expect("it was started");
            let row = report.stage("feedback").expect("it has a row");
            assert!(report.balances() && row.failed == 1 && row.edge_peak == 50, "{report}");
            assert_eq!(row.waiting + row.in_work + row.finished, 0, "{report}");
        }
    });
}

#[test]
fn a_limit_that_is_just_enough_is_enough() {
    on_sim(1, |rt| async move {
        // One item that goes round ten times: never more than one waits.
        let round = |x: u64| if x < 10 { Again::Back(x + 1) } else { Again::On(x) };
        let flow = iter([0u64]).feedback(1, move |f| f.map(round));
        let done = flow.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
        assert_eq!((done.value, done.report.stage("feedback").map(|row| row.items_in)), (vec![10], Some(11)));
        let two = iter([0u64]).feedback(1, |f| {
            f.flat_map(|x| if x == 0 { vec![Again::Back(1), Again::Back(2)] } else { vec![Again::On(x)] })
        });
        let error = two.count().run_on(&rt).await.expect_err("two wait at once");
        assert!(error.downcast_ref::<LoopFull>().is_some(), "{error:?}");
    });
}

#[test]
fn what_comes_from_outside_waits_until_the_loop_takes_it() {
    for seed in 0..50 {
        let (times, report) = on_sim(seed, |rt| async move {
            let twice = stage(|(x, round): (u64, u32)| async move {
                taktline::sleep(UNIT).await;
                if round == 0 { Again::Back((x, 1)) } else { Again::On(x) }
            });
            let outside = iter(0..4u64).map(|x| (x, 0)).buffer(1);
            let mut xs = outside.feedback(10, |f| f.then(twice.buffer(1))).start_on(&rt);
            let mut times = Vec::new();
            while let Some(x) = xs.next().await.expect("nothing fails") {
                times.push((x, rt.now().since_epoch()));
            }
            (times, xs.report().expect("it was started"))
        });
        assert_eq!(times.len(), 4);
        assert_eq!(times.last().map(|(_, at)| *at), Some(UNIT * 8), "two units each, seed {seed}: {times:?}");
        assert!(times.iter().map(|(x, _)| *x).eq(0..4), "{times:?}");
        let row = report.stage("feedback").expect("it has a row");
        assert_eq!((row.items_in, row.done, report.balances()), (8, 8, true), "{report}");
    }
}

#[test]
fn an_empty_outside_ends_the_loop_and_an_open_one_does_not() {
    everywhere(|rt| async move {
        let on = |x: u64| async move { Again::<u64, u64>::On(x) };
        let none = iter(0..0u64).feedback(3, |f| f.then(on)).count();
        assert_eq!(none.run_on(&rt).await.expect("nothing fails").value, 0);
        let open = stream(futures::stream::pending::<u64>()).feedback(3, |f| f.then(on)).count();
        let over = taktline::timeout(MS * 5, open.run_on(&rt)).await;
        assert!(over.is_err(), "more may come from outside");
    });
}

#[test]
fn a_slow_reader_holds_the_loop_back_and_does_not_stop_it() {
    everywhere(|rt| async move {
        let flow = iter([0u32]).feedback(200, |f| f.then(visit(Duration::ZERO).buffer(1))).buffer(1);
        let mut xs = flow.start_on(&rt);
        let mut seen = 0;
        while xs.next().await.expect("nothing fails").is_some() {
            seen += 1;
            if seen % 20 == 0 {
                taktline::sleep(MS).await;
            }
        }
        assert_eq!(seen, NODES);
    });
}

/// Gives nothing before its input has ended.
#[stage]
async fn total(mut input: In<u64>, out: Out<u64>) {
    let mut total = 0;
    while let Some(x) = input.next().await {
        total += x;
    }
    out.send(total).await;
}

#[test]
fn a_loop_ends_while_what_has_left_it_is_kept() {
    everywhere(|rt| async move {
        let flow = iter(1..5u64).feedback(3, |f| f.map(Again::<u64, u64>::On)).then(total());
        assert_eq!(flow.first().run_on(&rt).await.expect("nothing fails").value, Some(10));
    });
}

/// Sends an item back so often.
async fn circle(mut item: Item) -> Result<Again<Item, Item>, String> {
    taktline::sleep(MS).await;
    item.id += 10;
    match item.id {
        33 => Err("it is bad".to_owned()),
        ..100 => Ok(Again::Back(item)),
        _ => Ok(Again::On(item)),
    }
}

#[test]
fn a_loop_that_is_stopped_in_any_way_leaves_nothing() {
    everywhere(|rt| async move {
        let witness = Witness::new();
        let made = witness.clone();
        let items = move |ids: std::ops::Range<u64>| {
            let made = made.clone();
            iter(ids).map(move |id| made.item(id))
        };
        let failing = items(0..5).feedback(9, |f| f.try_then(circle));
        let error = failing.count().run_on(&rt).await.expect_err("item 3 fails in its third round");
        assert_eq!(error.stage(), Some("try_then"));
        assert!(error.report().is_some_and(taktline::ledger::Report::balances), "{error:?}");
        assert_eq!(witness.left(), 0, "items are left after a failure");
        let good = items(4..8).feedback(9, |f| f.buffer(1).try_then(circle));
        let running = good.clone().count().start_on(&rt);
        taktline::sleep(MS * 3).await;
        let error = running.cancel().await.expect_err("it had not ended");
        let report = error.report().expect("it was started");
        let row = report.stage("feedback").expect("it has a row");
        assert!(report.balances() && row.waiting + row.in_work + row.finished == 0, "{report}");
        assert_eq!(witness.left(), 0, "items are left after a cancel");
        let done = good.clone().take(2).count().run_on(&rt).await.expect("nothing fails");
        assert_eq!((done.value, done.report.balances(), witness.left()), (2, true, 0), "{}", done.report);
        let done = good.count().run_on(&rt).await.expect("nothing fails");
        assert_eq!((done.value, done.report.balances(), witness.left()), (4, true, 0), "{}", done.report);
    });
}

#[test]
fn a_split_inside_of_a_loop_ends_with_it() {
    everywhere(|rt| async move {
        let down = |x: u64| if x > 3 { Again::Back(x / 2) } else { Again::On(x) };
        let even = |x: u64| if x % 2 == 0 { Ok(x) } else { Err(x) };
        let flow = iter(10..20u64).feedback(20, |f| {
            f.route().case(even, |f| f.then(move |x| async move { down(x) })).rest(|f| f.map(down)).merge()
        });
        let mut all = flow.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails").value;
        all.sort_unstable();
        assert_eq!(all, [2, 2, 2, 2, 2, 2, 3, 3, 3, 3]);
    });
}

#[test]
fn a_loop_tells_its_bound_and_what_cannot_work() {
    let flow = iter(0..9u64).buffer(2).feedback(30, |f| f.then(|x| async move { Again::<u64, u64>::On(x) }));
    // Source, edge, hand of the loop, what waits to go round, the edge and the worker of the body.
    assert_eq!(flow.count().bound(), 1 + 2 + 1 + 30 + 16 + 1);
    on_sim(1, |rt| async move {
        let none = iter(0..9u64).feedback(0, |f| f.map(Again::<u64, u64>::On)).count();
        let error = none.run_on(&rt).await.expect_err("nothing can go back");
        assert!(error.to_string().contains("feedback(0"), "{error}");
    });
}

#[test]
fn what_goes_back_at_the_instant_of_a_cancel_is_abandoned() {
    for seed in 0..100 {
        on_sim(seed, |rt| async move {
            let back = |x: u64| async move {
                taktline::sleep(UNIT).await;
                Again::<u64, u64>::Back(x)
            };
            let running = iter(0..3u64).feedback(9, |f| f.then(stage(back).concurrency(3))).count().start_on(&rt);
            taktline::sleep(UNIT * 2).await;
            let error = running.cancel().await.expect_err("it never ends");
            let report = error.report().expect("it was started");
            let row = report.stage("feedback").expect("it has a row");
            assert!(report.balances() && row.waiting + row.in_work + row.finished == 0, "seed {seed}\n{report}");
        });
    }
}

#[test]
fn what_goes_back_when_the_body_reads_no_more_is_abandoned() {
    everywhere(|rt| async move {
        let back = |x: u64| async move {
            taktline::sleep(MS).await;
            Again::<u64, u64>::Back(x)
        };
        let flow = iter(0..9u64).feedback(9, |f| f.take(2).then(back));
        let done = flow.count().run_on(&rt).await.expect("nothing fails");
        let row = done.report.stage("feedback").expect("it has a row");
        assert_eq!((done.value, row.done, row.waiting), (0, 2, 0), "{}", done.report);
        assert!(done.report.balances() && row.abandoned >= 2, "{}", done.report);
    });
}
