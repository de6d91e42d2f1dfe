//! No poll goes on for long, whatever a loop passes on: others get their turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use taktline::prelude::*;
use taktline::sim::Sim;

const ITEMS: u64 = 10_000;
/// A body and the steps behind it have a budget each.
const MOST: usize = 300;

#[source]
async fn numbers(out: Out<u64>) {
    for i in 0..ITEMS {
        out.send(i).await;
    }
}

#[stage]
async fn pass(x: u64) -> u64 {
    x
}

#[stage]
async fn copy(x: u64, out: Out<u64>) {
    out.send(x).await;
}

#[stage]
async fn all(input: In<u64>, out: Out<u64>) {
    while let Some(x) = input.next().await {
        out.send(x).await;
    }
}

#[stage]
async fn swallow(input: In<u64>, out: Out<u64>) {
    while let Some(x) = input.next().await {
        if x == ITEMS {
            out.send(x).await;
        }
    }
}

/// Runs `plan` of each kind, and asserts that no poll looks at too many items.
fn bounded(name: &str, plan: impl Fn(Arc<AtomicUsize>) -> Pipeline<u64>) {
    let (looked_at, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let sim = Sim::new(1);
    let (seen, peak) = (looked_at.clone(), most.clone());
    sim.after_each_poll(move || {
        peak.fetch_max(seen.swap(0, SeqCst), SeqCst);
    });
    sim.block_on(plan(looked_at).run_on(&sim.rt())).expect("nothing fails");
    let most = most.load(SeqCst);
    assert!(most > 0 && most <= MOST, "{name}: a poll has looked at {most} items");
}

#[test]
fn a_loop_that_passes_everything_or_nothing_yields() {
    type Make = fn() -> BoxFlow<u64>;
    let ids = || iter(0..ITEMS);
    let flows: [(&str, Make); 9] = [
        ("iter", || iter(0..ITEMS).boxed()),
        ("stream", || stream(futures::stream::iter(0..ITEMS)).boxed()),
        ("source", || numbers().boxed()),
        ("one worker", || iter(0..ITEMS).buffer(5000).then(pass())),
        ("one to many", || iter(0..ITEMS).buffer(5000).then(copy())),
        ("pool", || iter(0..ITEMS).buffer(5000).then(pass().concurrency(2))),
        ("stream to stream", || iter(0..ITEMS).buffer(5000).then(all())),
        ("merge", || merge([iter(0..ITEMS).buffer(5000), iter(0..ITEMS).buffer(5000)]).boxed()),
        ("chain", || iter(0..ITEMS).buffer(5000).chain(iter(0..ITEMS).buffer(5000)).boxed()),
    ];
    for (name, flow) in flows {
        let count = |looked_at: Arc<AtomicUsize>| {
            move |_: &u64| {
                looked_at.fetch_add(1, SeqCst);
            }
        };
        bounded(name, |looked_at| flow().inspect(count(looked_at)).count());
        bounded(name, |looked_at| flow().inspect(count(looked_at)).filter(|_| false).count());
        bounded(name, |looked_at| flow().inspect(count(looked_at)).skip(u64::MAX).count());
        bounded(name, |looked_at| flow().take(3).flat_map(|_| 0..ITEMS).inspect(count(looked_at)).count());
    }
    bounded("swallow", |looked_at| {
        let count = move |_: &u64| {
            looked_at.fetch_add(1, SeqCst);
        };
        ids().inspect(count).buffer(5000).then(swallow()).count()
    });
}

#[test]
fn the_users_own_loop_lets_others_run() {
    let sim = Sim::new(1);
    let mut xs = iter(0..ITEMS).buffer(ITEMS as usize).start_on(&sim.rt());
    sim.settle();
    let (read, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (seen, peak) = (read.clone(), most.clone());
    sim.after_each_poll(move || {
        peak.fetch_max(seen.swap(0, SeqCst), SeqCst);
    });
    let sum = sim.block_on(async {
        let mut sum = 0;
        while let Some(x) = xs.next().await.expect("nothing fails") {
            read.fetch_add(1, SeqCst);
            sum += x;
        }
        sum
    });
    assert_eq!(sum, ITEMS * (ITEMS - 1) / 2);
    let most = most.load(SeqCst);
    assert!(most <= MOST, "a poll has read {most} items");
}
