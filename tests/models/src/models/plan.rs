//! Whole plans, started as a user starts them.

use super::explore::Model;
use super::threads::{Threads, block_on};
use super::witness::{Item, Items};
use crate::flow::{Flow, iter};
use crate::op::merge;
use crate::runtime::yield_now;
use crate::stage::stage;

pub(super) const MODELS: &[Model] = &[
    Model::new("plan_with_one_worker", one_worker),
    Model::new("plan_is_read_by_a_loop", read_by_a_loop),
    Model::new("plan_ends_at_the_first_item", first),
    Model::new("plan_is_cancelled", cancelled),
    Model::new("plan_is_dropped", dropped),
    Model::new("plan_merges_two_flows", || merged(1)),
    Model::large("large_plan_merges_two_flows", || merged(4)),
    Model::large("large_plan_with_pools", pools),
];

fn flow(items: &Items, n: u64) -> impl Flow<Item = Item, Lineage = ()> + use<> {
    let items = items.clone();
    iter(0..n).map(move |id| items.item(id)).buffer(1)
}

fn ids(items: Vec<Item>) -> Vec<u64> {
    items.into_iter().map(|item| item.id).collect()
}

fn one_worker() {
    let (threads, items) = (Threads::default(), Items::default());
    let run = flow(&items, 2).then(|item: Item| async move { item }).collect::<Vec<_>>().run_on(&threads.rt());
    let done = block_on(run).expect("it ends well");
    assert_eq!(ids(done.value), [0, 1]);
    assert_eq!(items.left(), 0, "items are left");
    threads.join();
}

fn read_by_a_loop() {
    let (threads, items) = (Threads::default(), Items::default());
    let mut started = flow(&items, 2).start_on(&threads.rt());
    let mut seen = Vec::new();
    while let Some(item) = block_on(started.next()).expect("it ends well") {
        seen.push(item.id);
    }
    assert_eq!(seen, [0, 1]);
    assert_eq!(items.left(), 0, "items are left");
    threads.join();
}

fn first() {
    let (threads, items) = (Threads::default(), Items::default());
    let run = flow(&items, 3).then(|item: Item| async move { item }).first().run_on(&threads.rt());
    let done = block_on(run).expect("it ends well");
    assert_eq!(done.value.expect("there is one").id, 0);
    assert_eq!(items.left(), 0, "items are left");
    threads.join();
}

fn cancelled() {
    let (threads, items) = (Threads::default(), Items::default());
    let running = flow(&items, 2).then(|item: Item| async move { item }).count().start_on(&threads.rt());
    match block_on(running.cancel()) {
        Ok(done) => assert_eq!(done.value, 2),
        Err(error) => assert!(error.is_cancelled(), "{error}"),
    }
    assert_eq!(items.left(), 0, "items are left");
    threads.join();
}

fn dropped() {
    let (threads, items) = (Threads::default(), Items::default());
    let running = flow(&items, 2).then(|item: Item| async move { item }).count().start_on(&threads.rt());
    drop(running);
    threads.join();
    assert_eq!(items.left(), 0, "items are left");
}

fn merged(n: u64) {
    let (threads, items) = (Threads::default(), Items::default());
    let later = flow(&items, n).map(|item| (1, item));
    let run = merge((flow(&items, n).map(|item| (0, item)), later)).collect::<Vec<_>>().run_on(&threads.rt());
    let done = block_on(run).expect("it ends well");
    for input in 0..2 {
        let seen: Vec<u64> = done.value.iter().filter(|one| one.0 == input).map(|one| one.1.id).collect();
        assert_eq!(seen, (0..n).collect::<Vec<_>>(), "each input keeps its order");
    }
    drop(done);
    assert_eq!(items.left(), 0, "items are left");
    threads.join();
}

fn pools() {
    let (threads, items) = (Threads::default(), Items::default());
    let body = |item: Item| async move {
        if item.id % 2 == 0 {
            yield_now().await;
        }
        item
    };
    let plan = flow(&items, 8).then(stage(body).concurrency(3)).then(stage(body).concurrency(2).buffer(1));
    let done = block_on(plan.collect::<Vec<_>>().run_on(&threads.rt())).expect("it ends well");
    assert_eq!(ids(done.value), (0..8).collect::<Vec<_>>());
    assert_eq!(items.left(), 0, "items are left");
    threads.join();
}
