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
fn pools_hold_their_bounds_and_reach_them() {
    for seed in 0..20 {
        for buffer in [1, 2, 3, 64] {
            for workers in [1, 2, 4] {
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
            assert!(peak * 3 > bound, "seed {seed}, buffer {buffer}: {peak} in flight, bound {bound} is far off");
            assert_eq!(witness.left(), 0);
        }
    }
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
