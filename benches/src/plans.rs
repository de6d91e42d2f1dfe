//! taktline's pipelines that several rows use: default features, public API, the ledger on.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use taktline::prelude::*;

use crate::host::Lane;
use crate::item::Item;
use crate::shape::{self, FUSED, FUSED_SINK, SOURCE, own_loop, sink, stage as worker};

/// The default buffer of an edge.
pub(crate) const DEFAULT_BUFFER: u64 = 16;

/// A sum with one writer: a load and a store, no locked instruction.
#[derive(Clone, Default)]
pub(crate) struct Sum(Arc<AtomicU64>);

impl Sum {
    pub(crate) fn add(&self, value: u64) {
        self.0.store(self.0.load(Relaxed) + value, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// source -> four pairs of map and filter -> fold: one task.
pub(crate) async fn fused_steps(lane: Lane, items: u64) -> u64 {
    let plan = iter((0..items).map(black_box))
        .map(|x| x + 1)
        .filter(|x| x % 3 != 0)
        .map(|x| x + 2)
        .filter(|x| x % 5 != 0)
        .map(|x| x + 3)
        .filter(|x| x % 7 != 0)
        .map(|x| x + 4)
        .filter(|x| x % 11 != 0)
        .fold(0, |sum, x| sum + x);
    let done = plan.run_on(&lane.rt).await.expect("nothing fails");
    let mut steps = vec![SOURCE];
    steps.extend([FUSED; 8]);
    steps.push(FUSED_SINK);
    shape::check(&done.report, &steps);
    done.value
}

/// source -> edge -> sink: two tasks.
pub(crate) async fn edge<T: Item>(lane: Lane, items: u64, buffer: u64) -> u64 {
    let sum = Sum::default();
    let total = sum.clone();
    let plan = iter((0..items).map(T::new)).buffer(buffer as usize).sink(move |item: T| {
        total.add(item.value());
        async {}
    });
    assert_eq!(plan.bound() as u64, 1 + buffer + 1);
    let done = plan.run_on(&lane.rt).await.expect("nothing fails");
    shape::check(&done.report, &[SOURCE, sink(buffer)]);
    sum.get()
}

/// source -> edge -> the caller's own loop: two tasks.
pub(crate) async fn edge_to_own_loop(lane: Lane, items: u64, buffer: u64) -> u64 {
    let plan = iter(0..items).buffer(buffer as usize);
    let mut started = plan.start_on(&lane.rt);
    let mut sum = 0;
    while let Some(item) = started.next().await.expect("nothing fails") {
        sum += item;
    }
    let report = started.report().expect("it was started");
    shape::check(&report, &[SOURCE, own_loop(buffer)]);
    sum
}

/// source -> edge -> `stages` trivial async stages, each behind an edge -> edge -> sink. `None` leaves the buffers as they
/// are by default.
pub(crate) async fn chain<T: Item>(lane: Lane, items: u64, stages: u64, buffer: Option<u64>) -> u64 {
    let sum = Sum::default();
    let total = sum.clone();
    let mut flow = iter((0..items).map(T::new)).boxed();
    for _ in 0..stages {
        let step = stage(|item: T| async move { item.add_one() });
        flow = match buffer {
            None => flow.then(step),
            Some(buffer) => flow.then(step.buffer(buffer as usize)),
        };
    }
    let sum_up = move |item: T| {
        total.add(item.value());
        async {}
    };
    let plan = match buffer {
        None => flow.sink(sum_up),
        Some(buffer) => flow.buffer(buffer as usize).sink(sum_up),
    };
    let buffer = buffer.unwrap_or(DEFAULT_BUFFER);
    assert_eq!(plan.bound() as u64, 1 + (stages + 1) * (buffer + 1));
    let done = plan.run_on(&lane.rt).await.expect("nothing fails");
    let mut steps = vec![SOURCE];
    steps.extend(std::iter::repeat_n(worker(1, buffer), stages as usize));
    steps.push(sink(buffer));
    shape::check(&done.report, &steps);
    sum.get()
}

/// The same with a sink that is fused into the last stage: an edge and a task less.
pub(crate) async fn chain_to_fold(lane: Lane, items: u64, stages: u64, buffer: u64) -> u64 {
    let mut flow = iter(0..items).boxed();
    for _ in 0..stages {
        flow = flow.then(stage(|item: u64| async move { item + 1 }).buffer(buffer as usize));
    }
    let plan = flow.fold(0, |sum, item| sum + item);
    assert_eq!(plan.bound() as u64, 1 + stages * (buffer + 1));
    let done = plan.run_on(&lane.rt).await.expect("nothing fails");
    let mut steps = vec![SOURCE];
    steps.extend(std::iter::repeat_n(worker(1, buffer), stages as usize));
    steps.push(FUSED_SINK);
    shape::check(&done.report, &steps);
    done.value
}

/// source -> two pools of `width` workers, whose futures are ready at once -> fold, all buffers as they are by default.
pub(crate) async fn ready_pools(lane: Lane, items: u64, width: u64, is_ordered: bool) -> u64 {
    let pool = || {
        let pool = stage(|x: u64| async move { x + 1 }).concurrency(width as usize);
        if is_ordered { pool } else { pool.unordered() }
    };
    let plan = iter(0..items).then(pool()).then(pool()).fold(0, |sum, x| sum + x);
    let window = if is_ordered { 2 * width } else { width };
    assert_eq!(plan.bound() as u64, 1 + 2 * (DEFAULT_BUFFER + window));
    let done = plan.run_on(&lane.rt).await.expect("nothing fails");
    let pool = worker(width, DEFAULT_BUFFER);
    shape::check(&done.report, &[SOURCE, pool, pool, FUSED_SINK]);
    done.value
}
