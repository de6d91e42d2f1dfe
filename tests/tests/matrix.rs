//! Every form of a stage, at every place of a plan, with whatever may go wrong, on every runtime: one outcome, books that
//! balance, and no task or item that is left.
//!
//! A form is one more entry of a table.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use taktline::ledger::Report;
use taktline::prelude::*;
use taktline::sim::Sim;
use taktline::stages::{BoxStage, Stage};
use taktline::{Error, Rt};
use tests::{Bomb, Item, Tasks, Witness, counted};

/// The item at which it goes wrong.
const AT: u64 = 5;

const MS: Duration = Duration::from_millis(1);

/// After that a cell hangs.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Error,
    Panic,
    /// What the body holds panics when it is dropped: before it returns, since a value that is being returned would leak.
    Destructor,
    Cancel,
    /// A drain, which is late where the item is waited for.
    Drain,
    Drop,
    Shutdown,
}

const FAULTS: [Fault; 7] =
    [Fault::Error, Fault::Panic, Fault::Destructor, Fault::Cancel, Fault::Drain, Fault::Drop, Fault::Shutdown];

/// What the bodies of a cell share.
struct Cell {
    fault: Fault,
    witness: Witness,
    /// Whether the body of the item has begun.
    has_begun: AtomicBool,
}

impl Cell {
    fn strike(&self, id: u64) -> Result<Option<Bomb>, String> {
        if id != AT {
            return Ok(None);
        }
        self.has_begun.store(true, SeqCst);
        match self.fault {
            Fault::Error => Err(format!("item {id} is bad")),
            Fault::Panic => panic!("item {id} is bad"),
            Fault::Destructor => Ok(Some(Bomb)),
            Fault::Cancel | Fault::Drain | Fault::Drop | Fault::Shutdown => Ok(None),
        }
    }

    /// The same for a body that may wait: it does so for what comes from outside.
    async fn meet(&self, id: u64) -> Result<Option<Bomb>, String> {
        taktline::yield_now().await;
        let struck = self.strike(id)?;
        if id == AT && matches!(self.fault, Fault::Cancel | Fault::Drain | Fault::Drop | Fault::Shutdown) {
            pending::<()>().await;
        }
        Ok(struck)
    }

    async fn begun(&self) {
        while !self.has_begun.load(SeqCst) {
            taktline::yield_now().await;
        }
    }
}

/// Has no end: what ends the run is what goes wrong.
#[source]
async fn numbers(cell: &Cell, out: Out<Item>) {
    for id in 0.. {
        out.send(cell.witness.item(id)).await;
    }
}

#[source]
async fn meeting(cell: &Cell, out: Out<Item>) -> Result<(), String> {
    for id in 0.. {
        drop(cell.meet(id).await?);
        out.send(cell.witness.item(id)).await;
    }
    Ok(())
}

#[source]
async fn reserving(cell: &Cell, out: Out<Item>) -> Result<(), String> {
    for id in 0.. {
        let permit = out.reserve().await;
        drop(cell.meet(id).await?);
        permit.send(cell.witness.item(id));
    }
    Ok(())
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
    out.send(item.clone()).await;
    drop(cell.meet(item.id).await?);
    out.send(item).await;
    Ok(())
}

#[stage]
async fn all(input: In<Item>, cell: &Cell, out: Out<Item>) -> Result<(), String> {
    while let Some(item) = input.next().await {
        drop(cell.meet(item.id).await?);
        out.send(item).await;
    }
    Ok(())
}

#[derive(Clone)]
struct ByHand(Arc<Cell>);

impl Stage for ByHand {
    type In = Item;
    type Out = Item;

    async fn call(&mut self, item: Item, mut out: Out<'_, Item>) -> Result<Option<Item>, taktline::BoxError> {
        out.send(item.clone()).await;
        drop(self.0.meet(item.id).await?);
        Ok(Some(item))
    }
}

#[sink]
async fn store(item: Item, cell: &Cell) -> Result<(), String> {
    drop(cell.meet(item.id).await?);
    Ok(())
}

#[sink]
fn store_plain(item: Item, cell: &Cell) -> Result<(), String> {
    drop(cell.strike(item.id)?);
    Ok(())
}

#[sink]
async fn store_all(input: In<Item>, cell: &Cell) -> Result<(), String> {
    while let Some(item) = input.next().await {
        drop(cell.meet(item.id).await?);
    }
    Ok(())
}

type Flowing = BoxFlow<Item>;
type Source = fn(Arc<Cell>) -> Flowing;
type Form = fn(Flowing, Arc<Cell>) -> Flowing;
type Sink = fn(Flowing, Arc<Cell>) -> Pipeline<()>;

const SOURCES: [(&str, Source); 2] = [
    ("source", |cell| meeting(cell).name("form").boxed()),
    ("source by permits", |cell| reserving(cell).name("form").boxed()),
];

/// What fails is named `form`; a closure cannot be.
const FORMS: [(&str, Form); 14] = [
    ("plain", |flow, cell| flow.then(plain(cell).name("form")).boxed()),
    ("plain workers", |flow, cell| flow.then(plain(cell).name("form").concurrency(2))),
    ("blocking", |flow, cell| flow.then(blocking(cell).name("form"))),
    ("blocking workers", |flow, cell| flow.then(blocking(cell).name("form").concurrency(3))),
    ("one worker", |flow, cell| flow.then(each(cell).name("form"))),
    ("ordered pool", |flow, cell| flow.then(each(cell).name("form").concurrency(3).buffer(2))),
    ("unordered pool", |flow, cell| flow.then(each(cell).name("form").concurrency(3).unordered().buffer(1))),
    ("one to many", |flow, cell| flow.then(many(cell).name("form").buffer(1))),
    ("ordered one to many", |flow, cell| flow.then(many(cell).name("form").concurrency(2))),
    ("unordered one to many", |flow, cell| flow.then(many(cell).name("form").concurrency(2).unordered())),
    ("stream", |flow, cell| flow.then(all(cell).name("form"))),
    ("by hand", |flow, cell| flow.then(stage(ByHand(cell)).name("form"))),
    ("boxed", |flow, cell| flow.then(stage(BoxStage::of(ByHand(cell))).name("form").concurrency(2))),
    ("closure", |flow, cell| {
        flow.try_then(move |item: Item| {
            let cell = cell.clone();
            async move { cell.meet(item.id).await.map(drop).map(|()| item) }
        })
    }),
];

const SINKS: [(&str, Sink); 5] = [
    ("sink", |flow, cell| flow.sink(store(cell).name("form"))),
    ("sink workers", |flow, cell| flow.sink(store(cell).name("form").concurrency(3))),
    ("plain sink", |flow, cell| flow.sink(store_plain(cell).name("form"))),
    ("sink of a stream", |flow, cell| flow.sink(store_all(cell).name("form"))),
    ("fused sink", |flow, cell| flow.then(plain(cell).name("form")).for_each(drop)),
];

#[derive(Clone, Copy)]
enum Place {
    Source(Source),
    /// So many stages before it, of two.
    Stage(Form, usize),
    Sink(Sink),
}

impl Place {
    fn plan(self, cell: &Arc<Cell>) -> Pipeline<()> {
        let others: [fn(Flowing) -> Flowing; 2] =
            [|flow| flow.then(pass().buffer(2)), |flow| flow.then(pass().concurrency(2).buffer(1))];
        let numbers = || numbers(cell.clone()).boxed();
        let end = |flow: Flowing| flow.buffer(2).sink(|item: Item| async move { drop(item) });
        match self {
            Place::Source(source) => end(others.iter().fold(source(cell.clone()), |flow, other| other(flow))),
            Place::Stage(form, before) => {
                let flow = others[..before].iter().fold(numbers(), |flow, other| other(flow));
                end(others[before..].iter().fold(form(flow, cell.clone()), |flow, other| other(flow)))
            }
            Place::Sink(sink) => sink(others.iter().fold(numbers(), |flow, other| other(flow)), cell.clone()),
        }
    }
}

/// All rows: a form at a place.
fn rows() -> Vec<(String, Place)> {
    let sources = SOURCES.map(|(name, source)| (format!("{name} first"), Place::Source(source)));
    let sinks = SINKS.map(|(name, sink)| (format!("{name} last"), Place::Sink(sink)));
    let places = [("first", 0), ("in the middle", 1), ("last", 2)];
    let at = |(name, form)| places.map(|(place, before)| (format!("{name} {place}"), Place::Stage(form, before)));
    sources.into_iter().chain(FORMS.into_iter().flat_map(at)).chain(sinks).collect()
}

/// What a run has left, once it has ended.
fn check_books(report: &Report, cell: &Cell) {
    assert!(report.balances(), "{report}");
    let left: u64 = report.stages().iter().map(|row| row.waiting + row.in_work + row.finished).sum();
    assert_eq!((left, cell.witness.left()), (0, 0), "items of the ledger, items\n{report}");
}

fn check_error(error: &Error, cell: &Cell) {
    match cell.fault {
        Fault::Cancel => assert!(error.is_cancelled() && error.failures().is_empty(), "{error:?}"),
        Fault::Drain => {
            assert!(error.is_overdue() && error.failures().is_empty(), "{error:?}");
            assert!(error.stuck().iter().any(|name| matches!(&**name, "form" | "try_then")), "{error:?}");
        }
        Fault::Shutdown => assert!(error.first().is_some_and(|failure| failure.is_lost()), "{error:?}"),
        fault => {
            assert!(error.is_failed() && error.is_panic() == (fault != Fault::Error), "{error:?}");
            assert!(matches!(error.stage(), Some("form" | "try_then")), "{error:?}");
            assert_eq!(error.failures().len(), 1, "{error:?}");
        }
    }
    check_books(error.report().expect("it was started"), cell);
}

/// Runs a plan until it goes wrong, in whatever way but by a shutdown.
async fn run(place: Place, cell: &Arc<Cell>, rt: &Rt, tasks: &Tasks) {
    let running = place.plan(cell).start_on(rt);
    let books = rt.watched();
    let outcome = match cell.fault {
        Fault::Error | Fault::Panic | Fault::Destructor => Some(running.join().await),
        Fault::Cancel => {
            cell.begun().await;
            Some(running.cancel().await)
        }
        Fault::Drain => {
            cell.begun().await;
            match running.drain(50 * MS).await {
                Ok(done) => {
                    check_books(&done.report, cell);
                    None
                }
                late => Some(late),
            }
        }
        Fault::Drop | Fault::Shutdown => {
            cell.begun().await;
            drop(running);
            // A drop waits for nobody.
            while cell.witness.left() > 0 {
                rt.sleep(MS).await;
            }
            None
        }
    };
    if let Some(outcome) = outcome {
        check_error(&outcome.expect_err("it goes wrong"), cell);
    }
    // A task that has finished its work is dropped by the runtime soon after.
    while tasks.left() > 0 {
        rt.sleep(MS).await;
    }
    assert_eq!(books.len(), 1);
    books.iter().for_each(|run| check_books(&run.report(), cell));
}

/// Starts a plan, and gives it when the runtime is to go.
async fn start(place: Place, cell: &Arc<Cell>, rt: &Rt) -> taktline::run::Running<()> {
    let running = place.plan(cell).start_on(rt);
    cell.begun().await;
    running
}

fn check_lost(running: taktline::run::Running<()>, cell: &Cell, tasks: &Tasks) {
    let error = futures::executor::block_on(running.join()).expect_err("its tasks are lost");
    check_error(&error, cell);
    // A thread for blocking calls is done with the call before it is done with the task.
    while tasks.left() > 0 {
        thread::sleep(MS);
    }
}

fn on_tokio(mut builder: tokio::runtime::Builder, place: Place, cell: &Arc<Cell>) {
    let runtime = builder.enable_all().build().expect("a runtime can be built");
    let (rt, tasks) = counted(taktline_tokio::from_handle(runtime.handle().clone()));
    if cell.fault != Fault::Shutdown {
        return runtime.block_on(rt.enter(run(place, cell, &rt, &tasks)));
    }
    let running = runtime.block_on(rt.enter(start(place, cell, &rt)));
    drop(runtime);
    check_lost(running, cell, &tasks);
}

fn on_smol(place: Place, cell: &Arc<Cell>) {
    let executor = Arc::new(smol::Executor::new());
    let (rt, tasks) = counted(taktline_smol::from_executor(&executor));
    if cell.fault != Fault::Shutdown {
        return smol::block_on(executor.run(rt.enter(run(place, cell, &rt, &tasks))));
    }
    let running = smol::block_on(executor.run(rt.enter(start(place, cell, &rt))));
    drop(executor);
    check_lost(running, cell, &tasks);
}

fn on_sim(place: Place, cell: &Arc<Cell>) {
    let sim = Sim::new(1);
    let (rt, tasks) = counted(sim.rt());
    if cell.fault != Fault::Shutdown {
        return sim.block_on(rt.enter(run(place, cell, &rt, &tasks)));
    }
    let running = sim.block_on(rt.enter(start(place, cell, &rt)));
    drop(sim);
    check_lost(running, cell, &tasks);
}

/// Checks every row with every fault on a runtime. A cell that hangs, or does not hold, is named.
fn check_all(runtime: &str, on_runtime: fn(Place, &Arc<Cell>)) {
    let mut cells = 0;
    for (name, place) in rows() {
        for fault in FAULTS {
            let (done, ended) = mpsc::channel();
            let cell = Arc::new(Cell { fault, witness: Witness::new(), has_begun: AtomicBool::new(false) });
            let thread = thread::spawn(move || {
                on_runtime(place, &cell);
                done.send(())
            });
            let ended = ended.recv_timeout(LIMIT);
            assert!(ended != Err(mpsc::RecvTimeoutError::Timeout), "{name}, {fault:?}, {runtime}: hangs");
            assert!(thread.join().is_ok(), "{name}, {fault:?}, {runtime}");
            cells += 1;
        }
    }
    assert_eq!(cells, (SOURCES.len() + 3 * FORMS.len() + SINKS.len()) * FAULTS.len());
}

#[test]
fn whatever_goes_wrong_anywhere_ends_well_on_one_thread_of_tokio() {
    check_all("tokio current-thread", |place, cell| {
        on_tokio(tokio::runtime::Builder::new_current_thread(), place, cell);
    });
}

#[test]
fn whatever_goes_wrong_anywhere_ends_well_on_threads_of_tokio() {
    check_all("tokio multi-thread", |place, cell| on_tokio(tokio::runtime::Builder::new_multi_thread(), place, cell));
}

#[test]
fn whatever_goes_wrong_anywhere_ends_well_on_smol() {
    check_all("smol", on_smol);
}

#[test]
fn whatever_goes_wrong_anywhere_ends_well_on_sim() {
    check_all("sim", on_sim);
}
