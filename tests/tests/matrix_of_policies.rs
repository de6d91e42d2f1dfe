//! Every form of a stage under every policy, at every place of a plan, with an item that fails in every way, on every
//! runtime: the run goes on, the item meets its policy, the others arrive, and nothing is left.
//!
//! What ends a run is in the other matrix.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use taktline::prelude::*;
use taktline::stages::{BoxStage, Stage};
use tests::{Bomb, Item, Witness, everywhere};

/// The item that fails.
const AT: u64 = 5;
const ITEMS: u64 = 12;

#[derive(Clone, Copy, Debug)]
enum Fault {
    Error,
    Panic,
    /// What the body holds panics when it is dropped.
    Destructor,
}

/// What the bodies of a cell share.
struct Cell {
    fault: Fault,
    /// How many attempts fail.
    bad: u64,
    tried: AtomicU64,
}

impl Cell {
    fn strike(&self, id: u64) -> Result<Option<Bomb>, String> {
        if id != AT || self.tried.fetch_add(1, SeqCst) >= self.bad {
            return Ok(None);
        }
        match self.fault {
            Fault::Error => Err(format!("item {id} is bad")),
            Fault::Panic => panic!("item {id} is bad"),
            Fault::Destructor => Ok(Some(Bomb)),
        }
    }

    async fn meet(&self, id: u64) -> Result<Option<Bomb>, String> {
        taktline::yield_now().await;
        let struck = self.strike(id)?;
        taktline::yield_now().await;
        Ok(struck)
    }
}

#[stage]
async fn pass(item: Item) -> Item {
    item
}

#[stage]
fn plain(item: Item, cell: &Cell) -> Result<Item, String> {
    drop(cell.strike(item.id)?);
    Ok(item)
}

#[stage(blocking)]
fn blocking(item: Item, cell: &Cell) -> Result<Item, String> {
    drop(cell.strike(item.id)?);
    Ok(item)
}

#[stage]
async fn each(item: Item, cell: &Cell) -> Result<Item, String> {
    drop(cell.meet(item.id).await?);
    Ok(item)
}

#[stage]
async fn many(item: Item, cell: &Cell, out: Out<Item>) -> Result<(), String> {
    drop(cell.meet(item.id).await?);
    out.send(item).await;
    Ok(())
}

#[derive(Clone)]
struct ByHand(Arc<Cell>);

impl Stage for ByHand {
    type In = Item;
    type Out = Item;

    async fn call(&mut self, item: Item, mut out: Out<'_, Item>) -> Result<Option<Item>, taktline::BoxError> {
        drop(self.0.meet(item.id).await?);
        out.send(item).await;
        Ok(None)
    }
}

#[sink]
async fn store(item: Item, cell: &Cell) -> Result<(), String> {
    drop(cell.meet(item.id).await?);
    Ok(())
}

type Flowing = BoxFlow<Item>;

const FORMS: usize = 10;
const POLICIES: [&str; 4] = ["skip", "retry, and skip", "retry until it works", "dead letters"];

/// The form under the policies, behind a flow.
macro_rules! forms {
    ($flow:ident, $cell:ident, $form:ident, $($policy:tt)*) => {{
        let cell = $cell.clone();
        match $form {
            0 => $flow.then(each(cell).name("form")$($policy)*),
            1 => $flow.then(each(cell).name("form").concurrency(3).buffer(2)$($policy)*),
            2 => $flow.then(each(cell).name("form").concurrency(3).unordered().buffer(1)$($policy)*),
            3 => $flow.then(many(cell).name("form").buffer(1)$($policy)*),
            4 => $flow.then(many(cell).name("form").concurrency(2)$($policy)*),
            5 => $flow.then(many(cell).name("form").concurrency(2).unordered()$($policy)*),
            6 => $flow.then(plain(cell).name("form").concurrency(2)$($policy)*),
            7 => $flow.then(blocking(cell).name("form").concurrency(2)$($policy)*),
            8 => $flow.then(stage(ByHand(cell)).name("form")$($policy)*),
            _ => $flow.then(stage(BoxStage::of(ByHand(cell))).name("form").concurrency(2)$($policy)*),
        }
    }};
}

fn under(policy: usize, flow: Flowing, cell: &Arc<Cell>, form: usize) -> Flowing {
    match policy {
        0 => forms!(flow, cell, form, .on_error(OnError::Skip).on_panic(OnError::Skip)),
        1 => {
            forms!(flow, cell, form, .retry(2).backoff(Duration::ZERO).on_error(OnError::Skip).on_panic(OnError::Skip))
        }
        2 => forms!(flow, cell, form, .retry(2).backoff(Duration::ZERO)),
        _ => forms!(flow, cell, form, .dead_letters(|letters| letters.count()).on_panic(OnError::DeadLetter)),
    }
}

fn sunk(policy: usize, flow: Flowing, cell: &Arc<Cell>, workers: usize) -> Pipeline<()> {
    let sink = store(cell.clone()).name("form").concurrency(workers);
    match policy {
        0 => flow.sink(sink.on_error(OnError::Skip).on_panic(OnError::Skip)),
        1 => flow.sink(sink.retry(2).backoff(Duration::ZERO).on_error(OnError::Skip).on_panic(OnError::Skip)),
        2 => flow.sink(sink.retry(2).backoff(Duration::ZERO)),
        _ => flow.sink(sink.dead_letters(|letters| letters.count()).on_panic(OnError::DeadLetter)),
    }
}

fn check_all(plan: impl Fn(usize, Flowing, &Arc<Cell>) -> Pipeline<()>, what: &str) {
    for (policy, name) in POLICIES.into_iter().enumerate() {
        for fault in [Fault::Error, Fault::Panic, Fault::Destructor] {
            everywhere(|rt| {
                // A retry works at the third attempt, if it is to work.
                let bad = if policy == 2 { 2 } else { u64::MAX };
                let (witness, cell) = (Witness::new(), Arc::new(Cell { fault, bad, tried: AtomicU64::new(0) }));
                let made = witness.clone();
                let plan = plan(policy, iter(0..ITEMS).map(move |id| made.item(id)).boxed(), &cell);
                async move {
                    let done =
                        plan.run_on(&rt).await.unwrap_or_else(|error| panic!("{what}, {name}, {fault:?}: {error:?}"));
                    let row = done.report.stage("form").expect("it has a row");
                    let fate = (row.failed, row.skipped, row.dead_lettered, row.retried);
                    let expected = [(1, 1, 0, 0), (1, 1, 0, 2), (0, 0, 0, 2), (1, 0, 1, 0)][policy];
                    let say = || format!("{what}, {name}, {fault:?}\n{}", done.report);
                    assert_eq!((row.items_in, row.done + row.failed, fate), (ITEMS, ITEMS, expected), "{}", say());
                    assert!(done.report.balances() && witness.left() == 0, "{} left: {}", witness.left(), say());
                    assert_eq!(cell.tried.load(SeqCst), 1 + row.retried, "attempts: {}", say());
                }
            });
        }
    }
}

#[test]
fn an_item_that_fails_meets_its_policy_in_every_form_of_a_stage_at_every_place() {
    let others: [fn(Flowing) -> Flowing; 2] =
        [|flow| flow.then(pass().buffer(2)), |flow| flow.then(pass().concurrency(2).buffer(1))];
    for form in 0..FORMS {
        for before in 0..=2 {
            let plan = |policy, flow: Flowing, cell: &Arc<Cell>| {
                let flow = others[..before].iter().fold(flow, |flow, other| other(flow));
                let flow = others[before..].iter().fold(under(policy, flow, cell, form), |flow, other| other(flow));
                flow.for_each(drop)
            };
            check_all(plan, &format!("form {form}, {before} before it"));
        }
    }
}

#[test]
fn an_item_that_fails_meets_its_policy_in_every_sink() {
    for workers in [1, 3] {
        check_all(|policy, flow, cell| sunk(policy, flow, cell, workers), &format!("a sink of {workers}"));
    }
}
