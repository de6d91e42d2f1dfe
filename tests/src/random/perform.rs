//! Runs a spec to its ending.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures::future::{Either, select, select_all};
use taktline::ledger::Report;
use taktline::lineage::{Lineage, Ticket};
use taktline::prelude::*;
use taktline::runtime::Rt;
use taktline::sim::{Case, Fault};
use taktline::{Error, run::Running};

use super::bodies::{Shop, arrive, arrive_all, arrive_plain};
use super::described::check_described;
use super::operators::Site;
use super::spec::{Form, Node, Place, Sink, Spec};
use super::tickets::Track;
use crate::{Item, Tasks};

#[derive(Debug)]
pub(super) enum End {
    Well(Report),
    Failed(Error),
    /// The run was dropped, by what was drawn or by the loop.
    Dropped,
}

#[derive(Debug)]
pub(super) enum Value {
    List(Vec<u64>),
    Count(u64),
    First(Option<u64>),
}

pub(super) struct Outcome {
    /// None if the run gave none and nobody saw the items.
    pub(super) value: Option<Value>,
    pub(super) end: End,
    /// A drain was asked for before the end.
    pub(super) is_drained: bool,
    pub(super) left: Left,
}

/// What was left when the run had returned.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Left {
    items: usize,
    tasks: usize,
    /// Those that are not settled.
    receipts: usize,
}

impl Left {
    pub(super) fn of(shop: &Shop, tasks: &Tasks) -> Left {
        Left { items: shop.witness.left(), tasks: tasks.left(), receipts: shop.receipts.open() }
    }
}

/// What a run is performed with.
struct Stage<'a> {
    case: &'a Case,
    spec: &'a Spec,
    rt: &'a Rt,
    shop: &'a Shop,
    is_drained: AtomicBool,
    /// Pauses the run.
    token: StopToken,
}

pub(super) async fn perform(case: &Case, spec: &Spec, rt: &Rt, tasks: &Tasks, shop: &Shop) -> Outcome {
    let stage = Stage { case, spec, rt, shop, is_drained: AtomicBool::new(false), token: StopToken::new() };
    if spec.is_tracked { stage.perform::<Ticket>(tasks).await } else { stage.perform::<()>(tasks).await }
}

impl Stage<'_> {
    async fn perform<L: Track>(&self, tasks: &Tasks) -> Outcome {
        let Stage { spec, shop, .. } = *self;
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let flow = build::<L>(spec, shop, spec.nodes.len() - 1);
        let desk = shop.desk(spec, Place::Sink);
        let note = arrived.clone();
        let (end, mut value) = match spec.sink {
            Sink::Collect => self.finish(flow.collect::<Vec<_>>(), |list| Value::List(ids(list))).await,
            Sink::Count => self.finish(flow.count(), Value::Count).await,
            Sink::First => self.finish(flow.first(), |item| Value::First(item.map(id))).await,
            Sink::Fold => {
                let push = |mut list: Vec<u64>, item: Item| {
                    list.push(item.id);
                    list
                };
                self.finish(flow.fold(Vec::new(), push), Value::List).await
            }
            Sink::ForEach => {
                let push = move |item: Item| {
                    let id = desk.looks_at(&item);
                    note.lock().expect("no holder panics").push(id);
                };
                (self.finish(flow.for_each(push), |()| Value::Count(0)).await.0, None)
            }
            Sink::Workers { workers, buffer } => {
                let sink = arrive(desk, note).name("sink").concurrency(workers).buffer(buffer);
                (self.finish(flow.sink(sink), |()| Value::Count(0)).await.0, None)
            }
            Sink::Plain => {
                let sink = arrive_plain(desk, note).name("sink");
                (self.finish(flow.sink(sink), |()| Value::Count(0)).await.0, None)
            }
            Sink::Stream { buffer } => {
                let sink = arrive_all(desk, note).name("sink").buffer(buffer);
                (self.finish(flow.sink(sink), |()| Value::Count(0)).await.0, None)
            }
            Sink::Loop { .. } => (self.read(flow, &arrived).await, None),
        };
        if !matches!(spec.sink, Sink::Collect | Sink::Count | Sink::First | Sink::Fold) {
            value = Some(Value::List(arrived.lock().expect("no holder panics").clone()));
        }
        let is_drained = self.is_drained.load(SeqCst);
        Outcome { value, end, is_drained, left: Left::of(shop, tasks) }
    }
}

/// The flow of a node.
fn build<L: Track>(spec: &Spec, shop: &Shop, at: usize) -> BoxFlow<Item, L> {
    let Node { form, inputs, params, .. } = &spec.nodes[at];
    let desk = shop.desk(spec, Place::Node(at));
    let mut inputs = inputs.iter().map(|input| build::<L>(spec, shop, *input));
    match form {
        Form::Source(source, ids) => {
            let flow = (source.attach)(ids.clone().collect(), format!("source{at}"), desk);
            L::begin(flow, shop.receipts.clone())
        }
        Form::Join(join) => L::joined(join)(inputs.collect()).buffer(params.buffer).boxed(),
        Form::Step(op) => {
            let site = Site { params: *params, name: format!("step{at}"), desk };
            L::attach(op)(site, inputs.next().expect("a step has an input"))
        }
    }
}

fn id(item: Item) -> u64 {
    item.disarmed().id
}

/// Each is disarmed before the next one can be dropped.
fn ids(items: Vec<Item>) -> Vec<u64> {
    let items: Vec<_> = items.into_iter().map(Item::disarmed).collect();
    items.into_iter().map(id).collect()
}

impl Stage<'_> {
    async fn finish<V: Send + 'static>(
        &self,
        plan: Pipeline<V>,
        value: impl FnOnce(V) -> Value,
    ) -> (End, Option<Value>) {
        let Stage { case, rt, .. } = self;
        let description = plan.describe();
        let running = plan.stop_on(&self.token).start_on(rt);
        case.watch_books(rt);
        let outcome = match self.ended(&running).await {
            None => running.join().await,
            Some(Fault::Cancel) => {
                let (is_over, begun) = (running.is_over(), rt.now());
                let outcome = running.cancel().await;
                let is_timeless = rt.name() == "sim" && !case.has(Fault::ClockJump);
                assert!(!is_timeless || rt.now() == begun, "a cancel takes no time");
                match &outcome {
                    Ok(_) => assert!(is_over, "a run that was cancelled ends well"),
                    Err(error) => assert!(error.is_cancelled() != is_over || error.is_failed(), "{error:?}"),
                }
                outcome
            }
            Some(Fault::Drain) => {
                self.is_drained.store(!running.is_over(), SeqCst);
                running.drain(self.within()).await
            }
            Some(_) => {
                drop(running);
                return (End::Dropped, None);
            }
        };
        if let Some(report) = outcome.as_ref().map_or_else(Error::report, |done| Some(&done.report)) {
            check_described(&description, report);
        }
        match outcome {
            Ok(done) => (End::Well(done.report), Some(value(done.value))),
            Err(error) => (End::Failed(error), None),
        }
    }

    /// Waits for the end of the run, or for what stops it.
    async fn ended<V: Send + 'static>(&self, running: &Running<V>) -> Option<Fault> {
        let (mut wait, mut stop) = (pin!(running.wait()), pin!(self.stopped()));
        poll_fn(|cx| match wait.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => stop.as_mut().poll(cx).map(Some),
        })
        .await
    }

    /// Waits until the run is to be cancelled or dropped. May pause it meanwhile.
    async fn stopped(&self) -> Fault {
        let stops = self.spec.stops;
        let stops = [(Fault::Cancel, stops.cancel), (Fault::DropRun, stops.drop), (Fault::Drain, stops.drain)];
        let waits = stops.map(|(fault, stop)| {
            Box::pin(async move {
                self.wait_for(fault, stop).await;
                fault
            })
        });
        match select(select_all(waits), Box::pin(self.pause())).await {
            Either::Left(((fault, ..), _)) => fault,
            Either::Right((never, _)) => match never {},
        }
    }

    async fn wait_for(&self, fault: Fault, stop: Option<Option<u64>>) {
        match stop {
            None => pending().await,
            Some(None) => self.case.moment(fault).await,
            Some(Some(ticks)) => self.rt.sleep(self.shop.tick * ticks as u32).await,
        }
    }

    async fn pause(&self) -> Infallible {
        let stops = self.spec.stops;
        self.wait_for(Fault::Pause, stops.pause).await;
        self.shop.is_paused.store(true, SeqCst);
        self.token.pause();
        self.rt.sleep(self.shop.tick * stops.paused_for as u32).await;
        self.token.resume();
        self.shop.is_paused.store(false, SeqCst);
        pending().await
    }

    /// How long a drain may take. Longer than any run.
    fn within(&self) -> Duration {
        self.spec.stops.within.map_or(Duration::from_secs(1_000_000), |ticks| self.shop.tick * ticks as u32)
    }

    /// The user's own loop.
    async fn read(&self, flow: BoxFlow<Item, impl Lineage>, arrived: &Mutex<Vec<u64>>) -> End {
        let Stage { case, spec, rt, shop, .. } = self;
        let Sink::Loop { pause, patience, stop } = spec.sink else { unreachable!("it is a loop") };
        let flow = flow.buffer(2);
        let description = flow.describe();
        let mut started = flow.start_on(rt).stop_on(&self.token);
        case.watch_books(rt);
        let mut stopped: Pin<Box<dyn Future<Output = Fault> + Send + '_>> = Box::pin(self.stopped());
        let mut read = 0;
        loop {
            let next = async {
                match patience {
                    None => Some(started.next().await),
                    Some(ticks) => rt.timeout(shop.tick * ticks as u32, started.next()).await.ok(),
                }
            };
            let next = match select(Box::pin(next), stopped.as_mut()).await {
                Either::Left((next, _)) => Ok(next),
                Either::Right((fault, _)) => Err(fault),
            };
            let next = match next {
                Ok(next) => next,
                Err(Fault::Drain) => {
                    self.is_drained.store(true, SeqCst);
                    started.drain(self.within());
                    stopped = Box::pin(pending());
                    continue;
                }
                Err(Fault::Cancel) => return started.cancel().await.map_or_else(End::Failed, End::Well),
                Err(_) => return End::Dropped,
            };
            match next {
                None => {}
                Some(Err(error)) => return End::Failed(error),
                Some(Ok(None)) => {
                    let report = started.report().expect("it was started");
                    check_described(&description, &report);
                    return End::Well(report);
                }
                Some(Ok(Some(item))) => {
                    let id = id(item);
                    arrived.lock().expect("no holder panics").push(id);
                    read += 1;
                    if stop == Some(read) {
                        return End::Dropped;
                    }
                    let slow = spec.slow.consumer.filter(|(remainder, _)| id % 7 == *remainder);
                    let ticks = id % pause + slow.map_or(0, |(_, ticks)| ticks);
                    rt.sleep(shop.tick * ticks as u32).await;
                }
            }
        }
    }
}
