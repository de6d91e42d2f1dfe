//! Runs a spec to the ending that it asks for.

use std::sync::{Arc, Mutex};

use taktline::ledger::Report;
use taktline::prelude::*;
use taktline::runtime::Rt;
use taktline::{Error, run::Running};
use tests::{Item, Tasks};

use crate::bodies::{Shop, arrive, arrive_all, arrive_plain};
use crate::flows::build;
use crate::spec::{Ending, Place, Sink, Spec};

#[derive(Debug)]
pub(crate) enum End {
    Well(Report),
    Failed(Error),
    /// The run was dropped, by what was drawn or by the loop.
    Dropped,
}

#[derive(Debug)]
pub(crate) enum Value {
    List(Vec<u64>),
    Count(u64),
    First(Option<u64>),
}

pub(crate) struct Outcome {
    /// None if the run gave none and nobody saw the items.
    pub(crate) value: Option<Value>,
    pub(crate) end: End,
    /// Bodies started, items left and tasks left when the run had returned or was dropped.
    pub(crate) started: usize,
    pub(crate) left: (usize, usize),
}

pub(crate) async fn perform(spec: &Spec, rt: &Rt, tasks: &Tasks, shop: &Shop) -> Outcome {
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let flow = build(spec, shop);
    let desk = shop.desk(spec, Place::Sink);
    let note = arrived.clone();
    let (end, mut value) = match spec.sink {
        Sink::Collect => finish(spec, rt, shop, flow.collect::<Vec<_>>(), |list| Value::List(ids(&list))).await,
        Sink::Count => finish(spec, rt, shop, flow.count(), Value::Count).await,
        Sink::First => finish(spec, rt, shop, flow.first(), |item| Value::First(item.map(|item| item.id))).await,
        Sink::Fold => {
            let push = |mut list: Vec<u64>, item: Item| {
                list.push(item.id);
                list
            };
            finish(spec, rt, shop, flow.fold(Vec::new(), push), Value::List).await
        }
        Sink::ForEach => {
            let push = move |item: Item| {
                desk.or_panic(&item);
                note.lock().expect("no holder panics").push(item.id);
            };
            (finish(spec, rt, shop, flow.for_each(push), |()| Value::Count(0)).await.0, None)
        }
        Sink::Workers(n) => {
            let sink = arrive(desk, note).name("sink").concurrency(n).buffer(n);
            (finish(spec, rt, shop, flow.sink(sink), |()| Value::Count(0)).await.0, None)
        }
        Sink::Plain => {
            let sink = arrive_plain(desk, note).name("sink");
            (finish(spec, rt, shop, flow.sink(sink), |()| Value::Count(0)).await.0, None)
        }
        Sink::Stream => {
            let sink = arrive_all(desk, note).name("sink").buffer(2);
            (finish(spec, rt, shop, flow.sink(sink), |()| Value::Count(0)).await.0, None)
        }
        Sink::Loop { .. } => (read(spec, rt, shop, flow, &arrived).await, None),
    };
    let is_seen = !matches!(spec.sink, Sink::Collect | Sink::Count | Sink::First | Sink::Fold);
    if is_seen {
        value = Some(Value::List(arrived.lock().expect("no holder panics").clone()));
    }
    Outcome { value, end, started: shop.started(spec), left: (shop.witness.left(), tasks.left()) }
}

fn ids(items: &[Item]) -> Vec<u64> {
    items.iter().map(|item| item.id).collect()
}

async fn finish<V: Send + 'static>(
    spec: &Spec,
    rt: &Rt,
    shop: &Shop,
    plan: Pipeline<V>,
    value: impl FnOnce(V) -> Value,
) -> (End, Option<Value>) {
    let running = plan.start_on(rt);
    let outcome = match spec.ending {
        Ending::Cancel(_) | Ending::CancelAtStep(_) => {
            let is_over = waited(spec, rt, shop, &running).await;
            let outcome = running.cancel().await;
            assert_eq!(outcome.as_ref().err().is_some_and(Error::is_cancelled), !is_over);
            outcome
        }
        Ending::Drop(_) | Ending::DropAtStep(_) => {
            if !waited(spec, rt, shop, &running).await {
                drop(running);
                return (End::Dropped, None);
            }
            running.join().await
        }
        _ => running.join().await,
    };
    match outcome {
        Ok(done) => (End::Well(done.report), Some(value(done.value))),
        Err(error) => (End::Failed(error), None),
    }
}

/// Waits for the run, for as long as the ending says. Whether it has ended.
async fn waited<V: Send + 'static>(spec: &Spec, rt: &Rt, shop: &Shop, running: &Running<V>) -> bool {
    let is_over = match spec.ending {
        Ending::Cancel(ticks) | Ending::Drop(ticks) => {
            rt.timeout(shop.unit * ticks as u32, running.wait()).await.is_ok()
        }
        Ending::CancelAtStep(steps) | Ending::DropAtStep(steps) => {
            for _ in 0..steps {
                rt.yield_now().await;
            }
            false
        }
        Ending::Well | Ending::Fails(_) => false,
    };
    let report = running.report().expect("it was started");
    assert!(report.balances(), "{report}");
    is_over || running.is_over()
}

/// The user's own loop.
async fn read(spec: &Spec, rt: &Rt, shop: &Shop, flow: BoxFlow<Item>, arrived: &Mutex<Vec<u64>>) -> End {
    let Sink::Loop { pause, patience, stop } = spec.sink else { unreachable!("it is a loop") };
    let mut started = flow.buffer(2).start_on(rt);
    let begun = rt.now();
    let is_late = |at: u64| rt.now() - begun >= shop.unit * at as u32;
    let mut read = 0;
    // One that is to be stopped looks at the clock.
    let patience = patience.or((!matches!(spec.ending, Ending::Well | Ending::Fails(_))).then_some(1));
    let mut steps = 0;
    loop {
        steps += 1;
        let next = match patience {
            None => Ok(started.next().await),
            Some(ticks) => rt.timeout(shop.unit * ticks as u32, started.next()).await,
        };
        match next {
            Err(_) => {}
            Ok(Err(error)) => return End::Failed(error),
            Ok(Ok(None)) => return End::Well(started.report().expect("it was started")),
            Ok(Ok(Some(item))) => {
                arrived.lock().expect("no holder panics").push(item.id);
                read += 1;
                if stop == Some(read) {
                    return End::Dropped;
                }
                rt.sleep(shop.unit * (item.id % pause) as u32).await;
            }
        }
        match spec.ending {
            Ending::Drop(at) if is_late(at) => return End::Dropped,
            Ending::DropAtStep(at) if steps >= at => return End::Dropped,
            Ending::CancelAtStep(at) if steps >= at => {
                return started.cancel().await.map_or_else(End::Failed, End::Well);
            }
            Ending::Cancel(at) if is_late(at) => {
                return started.cancel().await.map_or_else(End::Failed, End::Well);
            }
            _ => {}
        }
    }
}
