//! Every edge is bounded exactly: the bound is never passed, and it is reached.
//!
//! Waiting and in work are counted here, after every poll of the simulated runtime: what a `send` has returned for and
//! no body has started, and what a body has started and not ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use taktline::prelude::*;
use taktline::sim::Sim;
use tests::{Item, Witness, counted, everywhere};

/// What the bodies count.
#[derive(Default)]
struct Count {
    sent: AtomicUsize,
    started: AtomicUsize,
    ended: AtomicUsize,
    waiting_peak: AtomicUsize,
    in_work_peak: AtomicUsize,
}

impl Count {
    /// Looks at what must always hold.
    fn look(&self, buffer: usize, workers: usize) {
        let (sent, started, ended) = (self.sent.load(SeqCst), self.started.load(SeqCst), self.ended.load(SeqCst));
        // Within one poll a body may start before the task that has sent its item is polled again.
        let waiting = sent.saturating_sub(started);
        let in_work = started - ended;
        assert!(waiting <= buffer, "{waiting} wait, where {buffer} may");
        assert!(in_work <= workers, "{in_work} are in work, where {workers} may");
        self.waiting_peak.fetch_max(waiting, SeqCst);
        self.in_work_peak.fetch_max(in_work, SeqCst);
    }
}

#[source]
async fn numbers(items: u64, count: &Count, out: Out<u64>) {
    for i in 0..items {
        out.send(i).await;
        count.sent.fetch_add(1, SeqCst);
    }
}

#[stage]
async fn slow(x: u64, count: &Count) -> u64 {
    count.started.fetch_add(1, SeqCst);
    sleep(Duration::from_millis(1 + x % 3)).await;
    count.ended.fetch_add(1, SeqCst);
    x
}

#[sink]
async fn slow_sink(x: u64, count: &Count) {
    count.started.fetch_add(1, SeqCst);
    sleep(Duration::from_millis(1 + x % 3)).await;
    count.ended.fetch_add(1, SeqCst);
}

/// Runs `plan` and looks after every poll. Gives the peaks, and those that the report tells of `stage`.
fn peaks(seed: u64, count: &Arc<Count>, plan: Pipeline<impl Send + 'static>, stage: &str, bounds: (usize, usize)) {
    let (buffer, workers) = bounds;
    let sim = Sim::new(seed);
    let seen = count.clone();
    sim.after_each_poll(move || seen.look(buffer, workers));
    let done = sim.block_on(plan.run_on(&sim.rt())).expect("nothing fails");
    let peaks = (count.waiting_peak.load(SeqCst), count.in_work_peak.load(SeqCst));
    assert_eq!(peaks, bounds, "seed {seed}: waiting and in work\n{}", done.report);
    let row = done.report.stage(stage).expect("every stage has a row");
    assert_eq!((row.edge_peak, row.work_peak), (buffer as u64, workers as u64), "{}", done.report);
    assert!(done.report.balances());
    assert_eq!((sim.task_count(), sim.timer_count()), (0, 0));
}

#[test]
fn what_waits_before_a_slow_sink_is_exactly_its_buffer() {
    for buffer in [1, 2, 3, 8, 64] {
        let count = Arc::new(Count::default());
        let sink = slow_sink(count.clone()).buffer(buffer);
        peaks(buffer as u64, &count, numbers(20_000, count.clone()).sink(sink), "slow_sink", (buffer, 1));
    }
}

#[test]
fn what_waits_before_a_slow_stage_is_exactly_its_buffer() {
    for buffer in [1, 2, 3, 8, 64] {
        let count = Arc::new(Count::default());
        let flow = numbers(20_000, count.clone()).then(slow(count.clone()).buffer(buffer));
        let plan = flow.sink(|x| async move { assert!(x < 20_000) });
        peaks(buffer as u64, &count, plan, "slow", (buffer, 1));
        assert_eq!(count.ended.load(SeqCst), 20_000);
    }
}

#[test]
fn pools_hold_their_bounds_and_reach_them() {
    for seed in 0..20 {
        for buffer in [1, 2, 3, 64] {
            for workers in [1, 2, 3, 4] {
                let bounds = (buffer, workers);
                for is_ordered in [true, false] {
                    let count = Arc::new(Count::default());
                    let pool = slow(count.clone()).concurrency(workers).buffer(buffer);
                    let pool = if is_ordered { pool } else { pool.unordered() };
                    peaks(seed, &count, numbers(300, count.clone()).then(pool).count(), "slow", bounds);
                }
                let count = Arc::new(Count::default());
                let sink = slow_sink(count.clone()).concurrency(workers).buffer(buffer);
                peaks(seed, &count, numbers(300, count.clone()).sink(sink), "slow_sink", bounds);
            }
        }
    }
}

#[test]
fn in_work_and_finished_fill_the_window_and_never_more() {
    for seed in 0..20 {
        for (workers, window) in [(1, 1), (1, 3), (2, 2), (2, 4), (3, 4), (4, 4), (4, 9)] {
            for is_ordered in [true, false] {
                let (count, accepted) = (Arc::new(Count::default()), Arc::new(AtomicUsize::new(0)));
                let pool = slow(count.clone()).concurrency(workers).buffer(2);
                let (pool, window) =
                    if is_ordered { (pool.window(window), window) } else { (pool.unordered(), workers) };
                let out = accepted.clone();
                let flow = numbers(300, count.clone()).then(pool).inspect(move |_| {
                    out.fetch_add(1, SeqCst);
                });
                // Three times as slow as the pool is, so finished items wait for room.
                let plan = flow.buffer(1).sink(|_| sleep(Duration::from_millis(6)));
                let sim = Sim::new(seed);
                let peak = Arc::new(AtomicUsize::new(0));
                let (seen, at_most) = (count.clone(), peak.clone());
                sim.after_each_poll(move || {
                    let occupied = seen.started.load(SeqCst) - accepted.load(SeqCst);
                    assert!(occupied <= window, "{occupied} in work or finished, where {window} may");
                    let in_work = seen.started.load(SeqCst) - seen.ended.load(SeqCst);
                    assert!(in_work <= workers, "{in_work} are in work, where {workers} may");
                    at_most.fetch_max(occupied, SeqCst);
                });
                let done = sim.block_on(plan.run_on(&sim.rt())).expect("nothing fails");
                assert_eq!(peak.load(SeqCst), window, "seed {seed}, {workers} workers\n{}", done.report);
                let row = done.report.stage("slow").expect("the stage has a row");
                if is_ordered {
                    assert_eq!(row.window_peak, window as u64, "seed {seed}, {workers} workers\n{}", done.report);
                }
                assert!(done.report.balances(), "{}", done.report);
            }
        }
    }
}

#[test]
fn what_waits_before_a_merge_is_exactly_the_buffer_of_each_input() {
    for seed in 0..20 {
        for buffers in [[1, 1, 1], [1, 2, 3], [2, 8, 64], [64, 3, 1]] {
            let counts = [(); 3].map(|()| Arc::new(Count::default()));
            let flows = [0, 1, 2].map(|at| {
                let flow = numbers(300, counts[at].clone()).map(move |_| at);
                flow.buffer(buffers[at])
            });
            let moved = counts.clone();
            let joined = merge(flows).inspect(move |at: &usize| {
                moved[*at].started.fetch_add(1, SeqCst);
            });
            let plan = joined.buffer(1).sink(|_| sleep(Duration::from_millis(1)));
            let sim = Sim::new(seed);
            let seen = counts.clone();
            sim.after_each_poll(move || {
                for (count, buffer) in seen.iter().zip(buffers) {
                    let waiting = count.sent.load(SeqCst).saturating_sub(count.started.load(SeqCst));
                    assert!(waiting <= buffer, "{waiting} wait, where {buffer} may");
                    count.waiting_peak.fetch_max(waiting, SeqCst);
                }
            });
            let done = sim.block_on(plan.run_on(&sim.rt())).expect("nothing fails");
            let peaks = counts.map(|count| count.waiting_peak.load(SeqCst));
            assert_eq!(peaks, buffers, "seed {seed}\n{}", done.report);
            let row = done.report.stage("merge").expect("the merge has a row");
            assert_eq!(row.edge_peak, *buffers.iter().max().expect("three") as u64, "seed {seed}\n{}", done.report);
            assert!(done.report.balances(), "{}", done.report);
        }
    }
}

#[source]
async fn counted_items(witness: Witness, items: u64, out: Out<Item>) {
    for id in 0..items {
        out.send(witness.item(id)).await;
    }
}

#[stage]
async fn three(item: Item, out: Out<Item>) {
    for _ in 0..2 {
        out.send(item.clone()).await;
    }
    out.send(item).await;
}

#[stage]
async fn dawdle(item: Item) -> Item {
    sleep(Duration::from_millis(1 + item.id % 5)).await;
    item
}

#[test]
fn items_in_flight_stay_within_the_bound_that_a_plan_tells() {
    for seed in 0..20 {
        for buffer in [1, 3, 16] {
            let witness = Witness::new();
            let items = || counted_items(witness.clone(), 60).buffer(buffer);
            let joined = merge([items().boxed(), items().boxed()]).buffer(buffer);
            // The last step holds an item while it clones it: one more than the plan knows of.
            let flow = joined.then(dawdle().concurrency(3).buffer(buffer)).then(three().buffer(buffer));
            let flow = flow.then(dawdle().concurrency(2).unordered().buffer(buffer));
            let plan = flow.for_each(drop);
            let (bound, seen) = (plan.bound() + 1, witness.clone());
            let sim = Sim::new(seed);
            let peak = Arc::new(AtomicUsize::new(0));
            let at_most = peak.clone();
            sim.after_each_poll(move || {
                at_most.fetch_max(seen.left(), SeqCst);
            });
            let done = sim.block_on(plan.run_on(&sim.rt())).expect("nothing fails");
            let peak = peak.load(SeqCst);
            assert!(peak <= bound, "seed {seed}, buffer {buffer}: {peak} in flight, bound {bound}\n{}", done.report);
            assert!(done.report.balances(), "{}", done.report);
            assert!(peak * 3 > bound, "seed {seed}, buffer {buffer}: {peak} in flight, bound {bound} is far off");
            assert_eq!(witness.left(), 0);
        }
    }
}

/// Holds one item at a time, since the source waits for room before it makes one.
#[source]
async fn made_late(witness: Witness, items: u64, out: Out<Item>) {
    for id in 0..items {
        out.reserve().await.send(witness.item(id));
    }
}

#[stage]
async fn again(item: Item) -> Item {
    sleep(Duration::from_millis(2 + item.id % 3)).await;
    item
}

#[stage]
async fn as_many(item: Item, out: Out<Item>) {
    for _ in 0..item.id % 7 {
        out.send(item.clone()).await;
    }
    out.send(item).await;
}

#[stage]
async fn pass(input: In<Item>, out: Out<Item>) {
    while let Some(item) = input.next().await {
        out.send(item).await;
    }
}

#[sink]
async fn slowest(item: Item) {
    sleep(Duration::from_millis(5 + item.id % 2)).await;
}

/// Holds its item until it has given it for the second time.
fn twice(item: Item) -> impl Iterator<Item = Item> + Send + 'static {
    std::iter::repeat_n(item, 2)
}

type Items = BoxFlow<Item>;
type Moves = fn(Items, Items, usize) -> Items;

/// Shapes in which nothing is made before there is room for it, with their buffers set to `buffer`.
const MOVES: [(&str, Moves); 12] = [
    ("nothing", |a, _, buffer| a.buffer(buffer).boxed()),
    ("a fused step", |a, _, buffer| a.map(|item| item).filter(|item| item.id % 2 == 0).buffer(buffer).boxed()),
    ("a stage", |a, _, buffer| a.then(again().buffer(buffer)).boxed()),
    ("a pool", |a, _, buffer| a.then(again().concurrency(3).buffer(buffer)).boxed()),
    ("a wide window", |a, _, buffer| a.then(again().concurrency(2).window(7).buffer(buffer)).boxed()),
    ("unordered", |a, _, buffer| a.then(again().concurrency(3).unordered().buffer(buffer)).boxed()),
    ("a pool before a fused step that holds an item", |a, _, buffer| {
        a.then(again().concurrency(3).buffer(buffer)).flat_map(twice).buffer(buffer).boxed()
    }),
    ("unordered before a fused step that holds an item", |a, _, buffer| {
        a.then(again().concurrency(3).unordered().buffer(buffer)).flat_map(twice).buffer(buffer).boxed()
    }),
    ("a stream", |a, _, buffer| a.then(pass().buffer(buffer)).boxed()),
    ("a chain", |a, b, buffer| a.buffer(buffer).chain(b.buffer(buffer)).boxed()),
    ("a merge", |a, b, buffer| merge([a.buffer(buffer), b.buffer(buffer)]).boxed()),
    ("all", |a, b, buffer| {
        let flow = merge((a.then(again()).buffer(buffer), b.buffer(buffer))).then(again().concurrency(2));
        flow.then(pass().buffer(buffer)).then(again().concurrency(2).unordered()).boxed()
    }),
];

fn peak_in_flight(seed: u64, witness: &Witness, plan: Pipeline<impl Send + 'static>, what: &str) -> usize {
    let bound = plan.bound();
    let sim = Sim::new(seed);
    let (peak, seen) = (Arc::new(AtomicUsize::new(0)), witness.clone());
    let at_most = peak.clone();
    sim.after_each_poll(move || {
        at_most.fetch_max(seen.left(), SeqCst);
    });
    let done = sim.block_on(plan.run_on(&sim.rt())).expect("nothing fails");
    let peak = peak.load(SeqCst);
    assert!(peak <= bound, "{what}, seed {seed}: {peak} in flight, bound {bound}\n{}", done.report);
    assert!(done.report.balances(), "{}", done.report);
    assert_eq!(witness.left(), 0);
    peak
}

#[test]
fn items_in_flight_never_pass_the_bound_of_any_plan() {
    for seed in 0..10 {
        for buffer in [1, 2, 16] {
            for (what, moves) in MOVES {
                let witness = Witness::new();
                let made = || counted_items(witness.clone(), 80).boxed();
                let flow = moves(made(), made(), buffer);
                let plan = flow.sink(slowest().buffer(buffer));
                let bound = plan.bound();
                let peak = peak_in_flight(seed, &witness, plan, what);
                assert!(2 * peak >= bound, "{what}, seed {seed}: {peak} in flight, bound {bound} is far off");
                let made = || made_late(witness.clone(), 80).boxed();
                peak_in_flight(seed, &witness, moves(made(), made(), buffer).count(), what);
                peak_in_flight(seed, &witness, moves(made(), made(), buffer).sink(slowest().concurrency(3)), what);
            }
        }
    }
}

#[test]
fn outputs_that_are_held_back_stay_within_the_bound() {
    for seed in 0..20 {
        for (buffer, workers, window) in [(1, 2, 2), (1, 3, 6), (4, 2, 4), (16, 3, 3)] {
            let witness = Witness::new();
            let pool = as_many().concurrency(workers).window(window).buffer(2);
            let flow = counted_items(witness.clone(), 60).then(pool).buffer(buffer);
            let plan = flow.sink(slowest());
            let bound = plan.bound();
            assert_eq!(bound, 1 + 2 + window + window * buffer + buffer + 1);
            // A worker holds its item beside the clone that it sends, which waits for a place.
            let (sim, peak) = (Sim::new(seed), Arc::new(AtomicUsize::new(0)));
            let (seen, at_most) = (witness.clone(), peak.clone());
            sim.after_each_poll(move || {
                at_most.fetch_max(seen.left(), SeqCst);
            });
            let done = sim.block_on(plan.run_on(&sim.rt())).expect("nothing fails");
            let peak = peak.load(SeqCst);
            assert!(peak <= bound + workers, "seed {seed}: {peak} in flight, bound {bound}\n{}", done.report);
            assert!(peak > buffer + window, "seed {seed}: {peak} in flight: nothing was held back\n{}", done.report);
            assert!(done.report.balances(), "{}", done.report);
            assert_eq!(witness.left(), 0);
        }
    }
}

#[test]
fn all_mistakes_of_a_plan_are_told_at_once_and_nothing_is_spawned() {
    everywhere(|rt| async move {
        let (rt, tasks) = counted(rt);
        let count = Arc::new(Count::default());
        let stage = |name: &'static str| slow(count.clone()).name(name);
        let one = numbers(3, count.clone()).then(stage("a").concurrency(0)).then(stage("b").window(0));
        let two = numbers(3, count.clone()).then(stage("c").concurrency(3).window(2)).buffer(0);
        let flow = merge([one.boxed(), two.boxed()]).then(stage("d").window(2).unordered()).then(stage("e").buffer(0));
        let plan = flow.sink(slow_sink(count.clone()).concurrency(0).buffer(0));
        let outcomes = [plan.clone().run_on(&rt).await, plan.clone().start_on(&rt).join().await];
        for outcome in outcomes {
            let error = outcome.expect_err("it cannot work");
            assert!(error.is_invalid() && error.report().is_none(), "{error}");
            let text = error.to_string();
            for told in [
                "`a` has a concurrency of 0",
                "`b` has a window of 0",
                "`c` has a window of 2 for a concurrency of 3",
                "`merge` has a buffer of 0",
                "`d` has a window and is unordered",
                "`e` has a buffer of 0",
                "`slow_sink` has a concurrency of 0",
                "`slow_sink` has a buffer of 0",
            ] {
                assert!(text.contains(told), "{told}: not in {text}");
            }
        }
        assert_eq!((tasks.given(), count.sent.load(SeqCst)), (0, 0));
    });
}

#[test]
fn what_cannot_work_is_told_before_anything_is_spawned() {
    everywhere(|rt| async move {
        let (rt, tasks) = counted(rt);
        let count = Arc::new(Count::default());
        let stage = || slow(count.clone());
        let plans = [
            (iter(0..3u64).then(stage().concurrency(0)), "concurrency of 0"),
            (iter(0..3u64).then(stage().window(0)), "window of 0"),
            (iter(0..3u64).then(stage().buffer(0)), "buffer of 0"),
            (iter(0..3u64).then(stage().concurrency(4).window(3)), "give it 4 or more"),
            (iter(0..3u64).then(stage().window(3).unordered()), "take one of the two away"),
        ];
        for (plan, told) in plans {
            let error = plan.clone().count().run_on(&rt).await.expect_err("it cannot work");
            assert!(error.is_invalid());
            let text = error.to_string();
            assert!(text.contains("`slow`") && text.contains(told), "{text}");
            let error = plan.start_on(&rt).next().await.expect_err("it cannot work");
            assert!(error.is_invalid());
        }
        let all = iter(0..3u64).then(stage().buffer(0).name("a")).then(stage().concurrency(0).name("b")).buffer(0);
        let text = all.start_on(&rt).next().await.expect_err("it cannot work").to_string();
        assert!(["`a`", "`b`", "`next`"].iter().all(|name| text.contains(name)), "all at once: {text}");
        assert_eq!(tasks.given(), 0);
    });
}

#[sink(concurrency = 3, buffer = 4)]
async fn three_at_a_time(_: u64) {}

/// A sink has no window: what is finished has left.
#[test]
fn a_sink_with_several_workers_adds_no_window_to_the_bound() {
    assert_eq!(iter(0..9u64).sink(three_at_a_time()).bound(), 1 + 4 + 3);
    assert_eq!(iter(0..9u64).sink(three_at_a_time().concurrency(1)).bound(), 1 + 4 + 1);
}
