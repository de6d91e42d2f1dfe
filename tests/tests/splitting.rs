//! A split hands each item to its branches at exact times, lets a branch leave, and tells nobody but the last to end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::Duration;

use taktline::op::Branch;
use taktline::prelude::*;
use taktline::runtime::Rt;
use tests::{UNIT, Witness, everywhere, on_sim};

const MS: Duration = Duration::from_millis(1);

type Runs = Box<dyn FnOnce(Rt) -> Pin<Box<dyn Future<Output = ()>>>>;

/// Plans of different values in one list.
trait Boxed {
    fn runs(self) -> Runs;
}

impl<V: Send + 'static> Boxed for Pipeline<V> {
    fn runs(self) -> Runs {
        Box::new(move |rt| Box::pin(async move { _ = self.run_on(&rt).await.expect("nothing fails") }))
    }
}

#[sink(buffer = 1)]
async fn keep(x: u64, cost: u32, seen: &mpsc::Sender<(u64, Duration)>) {
    taktline::sleep(UNIT * cost).await;
    let _ = seen.send((x, taktline::now().since_epoch()));
}

/// Notes when the source was dropped.
struct Guard(Arc<AtomicBool>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[source]
async fn guarded(total: u64, is_dropped: &AtomicBoolArc, out: Out<u64>) {
    let _guard = Guard(is_dropped.0.clone());
    for i in 0..total {
        out.send(i).await;
        taktline::sleep(MS).await;
    }
    std::future::pending::<()>().await;
}

#[derive(Clone, Default)]
struct AtomicBoolArc(Arc<AtomicBool>);

#[test]
fn a_broadcast_gives_every_item_to_both_branches_at_the_pace_of_the_slow_one() {
    for seed in 0..100 {
        let (fast, slow) = on_sim(seed, |rt| async move {
            let ((fast, fast_ends), (slow, slow_ends)) = (mpsc::channel(), mpsc::channel());
            let plan = iter(0..10u64)
                .broadcast()
                .to(|f| f.sink(keep(1, fast).name("fast")))
                .to(|f| f.sink(keep(2, slow).name("slow")));
            let done = plan.run_on(&rt).await.expect("nothing fails");
            let report = done.report;
            assert!(report.balances(), "{report}");
            let row = |name| report.stage(name).expect("it has a row");
            assert_eq!((row("broadcast").items_in, row("broadcast").items_out), (10, 10));
            assert_eq!((row("fast").items_in, row("slow").items_in), (10, 10));
            (fast_ends.iter().collect::<Vec<_>>(), slow_ends.iter().collect::<Vec<_>>())
        });
        // Item n goes to both when the slow branch starts on item n - 1.
        let expected_slow: Vec<_> = (0..10).map(|n| (n, UNIT * (2 * n as u32 + 2))).collect();
        let expected_fast: Vec<_> =
            (0..10).map(|n| (n, UNIT * if n < 2 { n as u32 + 1 } else { 2 * (n as u32 - 1) + 1 })).collect();
        assert_eq!(slow, expected_slow, "seed {seed}");
        assert_eq!(fast, expected_fast, "seed {seed}");
        assert_eq!((slow[9].1, fast[9].1), (UNIT * 20, UNIT * 17));
    }
}

#[test]
fn a_branch_that_ends_early_leaves_and_the_others_go_on() {
    everywhere(|rt| async move {
        let slow = stage(|x: u64| async move {
            taktline::sleep(MS).await;
            x
        });
        let plan = iter(0..50u64)
            .broadcast()
            .to(|f| f.take(3).collect::<Vec<_>>())
            .to(|f| f.then(slow.clone()).take(5).collect::<Vec<_>>())
            .to(|f| f.buffer(1).then(slow.buffer(1)).count());
        let done = plan.run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, (vec![0, 1, 2], vec![0, 1, 2, 3, 4], 50));
        assert!(done.report.balances(), "{}", done.report);
        assert_eq!(done.report.stage("broadcast").expect("it has a row").done, 50);
    });
}

#[test]
fn when_all_branches_have_left_what_is_upstream_ends_at_once() {
    everywhere(|rt| async move {
        let is_dropped = AtomicBoolArc::default();
        let passed = stage(|x: u64| async move { x });
        let plan = guarded(20, is_dropped.clone()).broadcast().to(|f| f.take(2).count()).to(|f| f.then(passed).first());
        let done = plan.run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, (2, Some(0)));
        assert!(is_dropped.0.load(SeqCst), "the source would wait for ever");
        assert!(done.report.balances(), "{}", done.report);
    });
}

#[test]
fn the_last_branch_that_leaves_while_the_source_waits_ends_it() {
    for seed in 0..100 {
        let elapsed = on_sim(seed, |rt| async move {
            let is_dropped = AtomicBoolArc::default();
            let late = stage(|x: u64| async move {
                taktline::sleep(UNIT).await;
                x
            });
            // By then the source has sent all and waits: nothing but the branch can tell the split.
            let plan =
                guarded(2, is_dropped).broadcast().to(|f| f.then(late).take(1).count()).to(|f| f.take(1).count());
            let done = plan.run_on(&rt).await.expect("nothing fails");
            assert_eq!(done.value, (1, 1));
            done.report.elapsed()
        });
        assert_eq!(elapsed, UNIT, "seed {seed}");
    }
}

#[test]
fn a_failure_in_a_branch_lets_the_others_finish_what_was_accepted() {
    everywhere(|rt| async move {
        let (sends, kept) = mpsc::channel();
        let fails = |x: u64| async move { if x == 3 { Err(format!("{x} is bad")) } else { Ok(x) } };
        let plan = iter(0..1000u64)
            .broadcast()
            .to(|f| f.try_then(fails).count())
            .to(|f| f.for_each(move |x| sends.send(x).expect("somebody listens")));
        let error = plan.run_on(&rt).await.expect_err("the first branch fails");
        assert_eq!((error.stage(), error.failures().len()), (Some("try_then"), 1));
        let report = error.report().expect("it was started");
        assert!(report.balances(), "{report}");
        let kept: Vec<_> = kept.iter().collect();
        assert_eq!(kept, (0..kept.len() as u64).collect::<Vec<_>>());
        let row = report.stage("broadcast").expect("it has a row");
        assert_eq!((kept.len() as u64, row.items_out), (row.done, row.done), "{report}");
        assert_eq!(row.items_in, report.stage("iter").expect("it has a row").items_out, "nothing was cut: {report}");
    });
}

#[test]
fn a_broadcast_that_is_cancelled_or_dropped_leaves_nothing() {
    everywhere(|rt| async move {
        let witness = Witness::new();
        let made = witness.clone();
        let slow = |x: tests::Item| async move {
            taktline::sleep(Duration::from_secs(1000)).await;
            drop(x);
        };
        let plan = iter(0..20u64)
            .map(move |id| made.item(id))
            .broadcast()
            .to(move |f| f.buffer(1).sink(slow))
            .to(|f| f.collect::<Vec<_>>());
        for is_dropped in [true, false] {
            let running = plan.clone().start_on(&rt);
            taktline::sleep(MS * 5).await;
            if is_dropped {
                drop(running);
                taktline::sleep(MS * 5).await;
            } else {
                let error = running.cancel().await.expect_err("it had not ended");
                let report = error.report().expect("it was started");
                assert!(error.is_cancelled() && report.balances(), "{report}");
            }
            assert_eq!(witness.left(), 0, "items are left");
        }
    });
}

#[test]
fn a_broadcast_inside_of_a_branch_gives_a_tuple_in_a_tuple() {
    everywhere(|rt| async move {
        let plan = iter(0..4u64)
            .broadcast()
            .to(|f| f.broadcast().to(|f| f.count()).to(|f| f.map(|x| x + 1).collect::<Vec<_>>()))
            .to(|f| f.fold(0, |a, x| a + x));
        for _ in 0..2 {
            let done = plan.clone().run_on(&rt).await.expect("nothing fails");
            assert_eq!(done.value, ((4, vec![1, 2, 3, 4]), 6));
            assert!(done.report.balances(), "{}", done.report);
        }
    });
}

#[test]
fn a_clone_that_panics_fails_the_split() {
    #[derive(Debug)]
    struct Bad;
    impl Clone for Bad {
        fn clone(&self) -> Bad {
            panic!("it cannot be cloned")
        }
    }
    everywhere(|rt| async move {
        let plan = once([Bad]).broadcast().to(|f| f.count()).to(|f| f.count());
        let error = plan.run_on(&rt).await.expect_err("the clone panics");
        assert_eq!((error.stage(), error.is_panic()), (Some("broadcast"), true));
        assert!(error.report().is_some_and(taktline::ledger::Report::balances), "{error:?}");
    });
}

#[test]
fn a_branch_without_its_flow_makes_the_plan_invalid() {
    on_sim(1, |rt| async move {
        let unread = iter(0..3u64).broadcast().to(|f| f.count()).to(|_| iter(0..3u64).count());
        let error = unread.run_on(&rt).await.expect_err("the second branch reads something else");
        assert!(error.to_string().contains("branch 1 of `broadcast` does not read"), "{error}");
        let twice = iter(0..3u64).broadcast().to(|f| merge((f.clone(), f)).count());
        let error = twice.run_on(&rt).await.expect_err("the flow is read twice");
        assert!(error.to_string().contains("branch 0 of `broadcast` reads its flow twice"), "{error}");
        let mut taken = None;
        let _plan = iter(0..3u64).broadcast().to(|f| f.inspect(|_| ()).map(|x| x).count()).to(|f| {
            taken = Some(f.clone());
            f.count()
        });
        let error = taken.expect("it was given").count().run_on(&rt).await.expect_err("its split is not there");
        assert!(error.to_string().contains("taken out"), "{error}");
    });
}

#[test]
fn a_broadcast_tells_its_bound() {
    let plan = iter(0..9u64)
        .buffer(3)
        .broadcast()
        .to(|f| f.sink(keep(1, mpsc::channel().0)))
        .to(|f| f.then(|x| async move { x }).count());
    // The source and the split hold one each; each branch has an edge and a worker.
    assert_eq!(plan.bound(), 1 + 3 + 1 + (1 + 1) + (16 + 1));
}

#[sink(buffer = 1)]
async fn work(x: u64, cost: u32, branch: usize, seen: &mpsc::Sender<(usize, u64)>) {
    taktline::sleep(UNIT * cost).await;
    let _ = seen.send((branch, x));
}

#[test]
fn a_balance_gives_each_item_to_one_branch_that_has_room() {
    for seed in 0..100 {
        let (seen, elapsed) = on_sim(seed, |rt| async move {
            let (sends, seen) = mpsc::channel();
            let plan = iter(0..30u64).balance(2, |branch, f| f.sink(work([1, 4][branch], branch, sends.clone())));
            drop(sends);
            let done = plan.run_on(&rt).await.expect("nothing fails");
            assert!(done.report.balances(), "{}", done.report);
            assert_eq!(done.report.stage("balance").expect("it has a row").items_out, 30);
            (seen.iter().collect::<Vec<_>>(), done.report.elapsed())
        });
        let of = |branch: usize| seen.iter().filter(|(of, _)| *of == branch).map(|(_, x)| *x).collect::<Vec<_>>();
        let mut all = [of(0), of(1)].concat();
        assert!(of(0).is_sorted() && of(1).is_sorted(), "the order within a branch: {seen:?}");
        all.sort_unstable();
        assert_eq!(all, (0..30).collect::<Vec<_>>(), "each item once");
        // The branch that is four times as quick gets about four times as much.
        assert!((22..=24).contains(&of(0).len()), "seed {seed}: {} of 30", of(0).len());
        assert!((UNIT * 24..=UNIT * 32).contains(&elapsed), "seed {seed}: {elapsed:?}");
    }
}

#[test]
fn a_balance_of_ready_items_goes_round() {
    everywhere(|rt| async move {
        let plan = iter(0..9u64).balance(3, |_, f| f.collect::<Vec<_>>());
        let done = plan.run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, [[0, 3, 6], [1, 4, 7], [2, 5, 8]]);
        let open = iter(0..90u64).balance(3, |_, f| f.buffer(1).then(|x| async move { x }).buffer(1)).merge();
        let mut all = open.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails").value;
        all.sort_unstable();
        assert_eq!(all, (0..90).collect::<Vec<_>>());
    });
}

#[test]
fn a_balance_goes_on_with_the_branches_that_are_left() {
    everywhere(|rt| async move {
        let plan = iter(0..20u64).balance(3, |branch, f| f.take([2, 100, 3][branch]).count());
        let done = plan.run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, [2, 15, 3]);
        assert!(done.report.balances(), "{}", done.report);
        let endless = iter(0u64..).balance(2, |_, f| f.then(|x| async move { x }).take(4).count());
        let done = endless.run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, [4, 4], "all have left");
    });
}

#[test]
fn a_partition_keeps_the_order_of_each_key_and_its_branch() {
    for seed in 0..50 {
        let value = on_sim(seed, |rt| async move {
            let slow = stage(|x: (u64, u64)| async move {
                taktline::sleep(MS * (x.1 % 3) as u32).await;
                x
            });
            let items = iter(0..200u64).map(|x| (x % 7, x));
            let plan = items.partition(3, |x| x.0, |_, f| f.buffer(1).then(slow.clone()).collect::<Vec<_>>());
            let done = plan.run_on(&rt).await.expect("nothing fails");
            assert!(done.report.balances(), "{}", done.report);
            assert_eq!(done.report.stage("partition").expect("it has a row").items_out, 200);
            done.value
        });
        for key in 0..7 {
            let branches: Vec<Vec<u64>> = value
                .iter()
                .map(|branch| branch.iter().filter(|x| x.0 == key).map(|x| x.1).collect::<Vec<_>>())
                .filter(|items| !items.is_empty())
                .collect();
            assert_eq!(branches, [(0..200).filter(|x| x % 7 == key).collect::<Vec<_>>()], "seed {seed}, key {key}");
        }
    }
}

/// When the first item of a branch comes that ends in a sink, beside one whose reader needs a unit for each item.
async fn first_beside(
    rt: Rt,
    items: u64,
    slow: fn(Branch<u64>) -> BoxFlow<u64>,
    fast: fn(Branch<u64>) -> BoxFlow<u64>,
) -> Duration {
    let ((sends, _ends), (seen, first)) = (mpsc::channel(), mpsc::channel());
    let note = move |_| _ = seen.send(taktline::now().since_epoch());
    let plan = iter(0..items).broadcast().to(|f| slow(f).sink(keep(1, sends))).to(|f| fast(f).for_each(note));
    let done = plan.run_on(&rt).await.expect("nothing fails");
    assert!(done.report.balances(), "{}", done.report);
    first.recv().expect("the branch gets an item")
}

#[test]
fn a_branch_ends_at_once_while_what_another_has_kept_back_waits_for_room() {
    for seed in 0..50 {
        let first = on_sim(seed, |rt| async move {
            // One batch in work, one in the edge, and the last one waits for its place.
            let slow = |f: Branch<u64>| f.batch(3).map(|xs| xs[0]).boxed();
            let fast = |f: Branch<u64>| f.batch_within(100, UNIT * 1000).map(|xs| xs[0]).boxed();
            first_beside(rt, 7, slow, fast).await
        });
        assert_eq!(first, Duration::ZERO, "seed {seed}");
    }
}

#[test]
fn a_branch_gets_all_of_an_item_while_another_waits_for_room_for_it() {
    for seed in 0..50 {
        let first = on_sim(seed, |rt| async move {
            // One in work, one in the edge, and the last one waits for its place.
            first_beside(rt, 1, |f| f.flat_map(|x| [x; 3]).boxed(), |f| f.flat_map(|x| [x; 2]).boxed()).await
        });
        assert_eq!(first, Duration::ZERO, "seed {seed}");
    }
}

#[test]
fn an_item_for_a_branch_that_has_left_is_abandoned() {
    everywhere(|rt| async move {
        let plan = iter(0..100u64).partition(4, |x| *x, |branch, f| f.take(if branch == 0 { 1 } else { 100 }).count());
        let done = plan.run_on(&rt).await.expect("nothing fails");
        assert!(done.report.balances(), "{}", done.report);
        let row = done.report.stage("partition").expect("it has a row");
        assert_eq!((row.items_out, row.done), (done.value.iter().sum(), done.value.iter().sum()));
        assert!(done.value[0] == 1 && row.abandoned > 10 && row.abandoned + row.done == 100, "{}", done.report);
        let none = iter(0u64..).partition(2, |x| *x, |_, f| f.take(0).count());
        assert_eq!(none.run_on(&rt).await.expect("nothing fails").value, [0, 0]);
        let all_leave = iter(0u64..).partition(2, |x| *x, |_, f| f.take(3).count());
        assert_eq!(all_leave.run_on(&rt).await.expect("nothing fails").value, [3, 3]);
    });
}

#[test]
fn a_split_whose_branches_have_all_taken_enough_waits_for_no_item() {
    everywhere(|rt| async move {
        let one = || guarded(1, AtomicBoolArc::default());
        let none = || guarded(0, AtomicBoolArc::default());
        let odd = |x: u64| if x % 2 == 1 { Ok(x) } else { Err(x) };
        let plans = [
            none().broadcast().to(|f| f.take(0).count()).to(|f| f.take(0).count()).pipeline().runs(),
            one().broadcast().to(|f| f.take(1).count()).to(|f| f.first()).pipeline().runs(),
            none().balance(2, |_, f| f.take(0).count()).runs(),
            one().balance(1, |_, f| f.take(1).count()).runs(),
            none().partition(2, |x| *x, |_, f| f.take(0).count()).runs(),
            one().partition(1, |x| *x, |_, f| f.take(1).count()).runs(),
            none().route().case(odd, |f| f.take(0).count()).rest(|f| f.take(0).count()).runs(),
            one().route().case(odd, |f| f.take(0).count()).rest(|f| f.take(1).count()).runs(),
            none().map(|x| (x, x)).unzip(|f| f.take(0).count(), |f| f.take(0).count()).runs(),
            one().map(|x| (x, x)).unzip(|f| f.take(1).count(), |f| f.first()).runs(),
        ];
        for (at, plan) in plans.into_iter().enumerate() {
            let over = taktline::timeout(Duration::from_secs(20), plan(rt.clone())).await;
            assert!(over.is_ok(), "plan {at} waits for an item");
        }
    });
}

#[test]
fn a_full_branch_of_a_partition_holds_the_next_ones_back() {
    for seed in 0..50 {
        let ends = on_sim(seed, |rt| async move {
            let (sends, ends) = mpsc::channel();
            let timed = |cost: u32, sends: mpsc::Sender<(u64, Duration)>| keep(cost, sends);
            let [slow, fast] = [sends.clone(), sends];
            // Two items wait in the slow branch, one in the hand: then the others wait, too.
            let plan = iter([0u64, 2, 4, 1, 3])
                .route()
                .case(|x: u64| if x % 2 == 0 { Ok(x) } else { Err(x) }, |f| f.sink(timed(3, slow)))
                .rest(|f| f.sink(timed(1, fast)));
            plan.run_on(&rt).await.expect("nothing fails");
            let mut ends: Vec<_> = ends.iter().collect();
            ends.sort_unstable();
            ends
        });
        assert_eq!(ends, [(0, UNIT * 3), (1, UNIT * 4), (2, UNIT * 6), (3, UNIT * 5), (4, UNIT * 9)], "seed {seed}");
    }
}

#[test]
fn a_key_that_panics_fails_the_partition() {
    everywhere(|rt| async move {
        let key = |x: &u64| if *x == 3 { panic!("no key") } else { *x };
        let error = iter(0..9u64).partition(2, key, |_, f| f.count()).run_on(&rt).await.expect_err("the key panics");
        assert_eq!((error.stage(), error.is_panic()), (Some("partition"), true));
        let report = error.report().expect("it was started");
        let row = report.stage("partition").expect("it has a row");
        assert_eq!((row.done, row.failed, row.balances()), (3, 1, true), "{report}");
    });
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Circle(u64),
    Square(String),
    Other,
}

fn shapes() -> Vec<Shape> {
    (0..30)
        .map(|x| match x % 3 {
            0 => Shape::Circle(x),
            1 => Shape::Square(x.to_string()),
            _ => Shape::Other,
        })
        .collect()
}

fn circle(shape: Shape) -> Result<u64, Shape> {
    if let Shape::Circle(radius) = shape { Ok(radius) } else { Err(shape) }
}

#[test]
fn a_route_gives_each_item_to_the_first_case_that_takes_it() {
    everywhere(|rt| async move {
        let square = |shape| if let Shape::Square(text) = shape { Ok(text) } else { Err(shape) };
        let plan = iter(shapes())
            .route()
            .case(circle, |f| f.then(|x| async move { x + 1 }).collect::<Vec<_>>())
            .case(square, |f| f.map(|text| text.len()).fold(0, |sum, n| sum + n))
            .rest(|f| f.count());
        for _ in 0..2 {
            let done = plan.clone().run_on(&rt).await.expect("nothing fails");
            assert_eq!(done.value, ((0..10).map(|x| 3 * x + 1).collect::<Vec<_>>(), 17, 10));
            assert!(done.report.balances(), "{}", done.report);
            assert_eq!(done.report.stage("route").expect("it has a row").items_out, 30);
        }
        let open = iter(shapes()).route().case(circle, |f| f).rest(|f| f.map(|_| 1000)).merge();
        let mut all = open.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails").value;
        all.sort_unstable();
        assert_eq!(all, (0..10).map(|x| 3 * x).chain([1000; 20]).collect::<Vec<_>>());
    });
}

#[test]
fn a_route_goes_on_when_a_case_has_left_and_ends_when_all_have() {
    everywhere(|rt| async move {
        let plan = iter(shapes()).route().case(circle, |f| f.take(2).count()).rest(|f| f.count());
        let done = plan.run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, (2, 20));
        let row = done.report.stage("route").expect("it has a row");
        assert_eq!((row.done, row.abandoned, row.balances()), (22, 8, true), "{}", done.report);
        let even = |x: u64| if x % 2 == 0 { Ok(x) } else { Err(x) };
        let endless = iter(0u64..).route().case(even, |f| f.then(|x| async move { x }).first()).rest(|f| f.first());
        assert_eq!(endless.run_on(&rt).await.expect("nothing fails").value, (Some(0), Some(1)));
    });
}

#[test]
fn an_unzip_gives_each_branch_its_halves() {
    everywhere(|rt| async move {
        let pairs = || iter(0..40u64).map(|x| (x, x.to_string()));
        let slow = stage(|text: String| async move {
            taktline::sleep(MS).await;
            text.len()
        });
        let plan = pairs().unzip(|f| f.collect::<Vec<_>>(), |f| f.buffer(1).then(slow).fold(0, |sum, n| sum + n));
        let done = plan.run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, ((0..40).collect::<Vec<_>>(), 70));
        assert!(done.report.balances(), "{}", done.report);
        let done = pairs().unzip(|f| f.take(3).count(), |f| f.count()).run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, (3, 40));
        let endless = iter(0u64..).map(|x| (x, x)).unzip(|f| f.take(3).count(), |f| f.take(5).count());
        assert_eq!(endless.run_on(&rt).await.expect("nothing fails").value, (3, 5));
        let open = iter(0..3u64).map(|x| (x, 10 * x)).unzip(|f| f, |f| f).merge();
        let mut all = open.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails").value;
        all.sort_unstable();
        assert_eq!(all, [0, 0, 1, 2, 10, 20]);
    });
}

#[test]
fn a_zip_of_branches_gives_lists_in_their_order_and_ends_with_the_first_that_ends() {
    everywhere(|rt| async move {
        let slow = stage(|x: u64| async move {
            taktline::sleep(MS).await;
            10 * x
        });
        let all = iter(0..40u64).buffer(1).broadcast().to(|f| f.take(7)).to(|f| f.then(slow)).to(|f| f.map(|x| x + 1));
        let done = all.zip().collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, (0..7).map(|x| vec![x, 10 * x, x + 1]).collect::<Vec<_>>());
        assert!(done.report.balances(), "{}", done.report);
        let dealt = iter(0..9u64).balance(3, |_, f| f.then(|x| async move { x })).zip().count();
        assert_eq!(dealt.run_on(&rt).await.expect("nothing fails").value, 3);
    });
}

#[test]
fn the_zip_of_branches_is_tracked_as_they_are() {
    on_sim(1, |rt| async move {
        let (send, flow) = taktline::tracked_inlet::<u64>(4);
        let zip = flow.broadcast().to(|f| f).to(|f| f.then(|x| async move { x })).zip();
        let mut out = zip.start_on(&rt);
        let kept = send.send(3).await.expect("it is open");
        assert!(!kept.is_settled());
        assert_eq!(out.next().await.expect("nothing fails"), Some(vec![3, 3]));
        kept.await;
    });
}

#[test]
fn a_tap_loses_what_its_branch_has_no_room_for_and_says_how_much() {
    for seed in 0..100 {
        let (kept, report) = on_sim(seed, |rt| async move {
            let (sends, kept) = mpsc::channel();
            let paced = stage(|x: u64| async move {
                taktline::sleep(UNIT).await;
                x
            });
            let plan = iter(0..20u64).then(paced).tap(2, |f| f.sink(keep(4, sends))).collect::<Vec<_>>();
            let done = plan.run_on(&rt).await.expect("nothing fails");
            assert_eq!(done.value, (0..20).collect::<Vec<_>>(), "the flow itself loses nothing");
            (kept.iter().map(|(x, _)| x).collect::<Vec<_>>(), done.report)
        });
        let row = report.stage("tap").expect("it has a row");
        assert!(report.balances(), "{report}");
        assert_eq!((row.items_in, row.items_out, row.done), (20, kept.len() as u64, kept.len() as u64), "{report}");
        assert!(row.dropped > 8 && row.dropped + row.done == 20, "{report}");
        assert!(kept.is_sorted() && kept[..2] == [0, 1], "{kept:?}");
        // 20 units for the flow; then what waits beside it: two before the tap, one in its hand, one before the sink.
        assert!(report.elapsed() <= UNIT * (20 + 4 * 5), "{report}");
    }
}

#[test]
fn a_tap_whose_branch_has_left_is_nobodys_business_and_one_that_fails_fails_the_run() {
    everywhere(|rt| async move {
        let plan = iter(0..50u64).tap(1, |f| f.first()).then(|x| async move { x }).count();
        let done = plan.run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, 50);
        assert!(done.report.balances(), "{}", done.report);
        let bad = |_: u64| async move { Err::<u64, _>("it is bad") };
        let error = iter(0..50u64).tap(1, |f| f.try_then(bad).count()).count().run_on(&rt).await.expect_err("it fails");
        assert_eq!(error.stage(), Some("try_then"));
        assert!(error.report().is_some_and(taktline::ledger::Report::balances), "{error:?}");
        let cut = iter(0u64..).tap(4, |f| f.count()).take(7).count();
        assert_eq!(cut.run_on(&rt).await.expect("nothing fails").value, 7);
    });
}

#[test]
fn a_split_of_no_branch_makes_the_plan_invalid() {
    on_sim(1, |rt| async move {
        let error = iter(0..3u64).balance(0, |_, f| f.count()).run_on(&rt).await.expect_err("nobody takes an item");
        assert!(error.to_string().contains("`balance` has no branch"), "{error}");
        let error = iter(0..3u64).tap(0, |f| f.count()).count().run_on(&rt).await.expect_err("it has no place");
        assert!(error.to_string().contains("`tap` has a buffer of 0"), "{error}");
    });
}
