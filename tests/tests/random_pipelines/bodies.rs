//! Bodies that keep counts of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use taktline::prelude::*;
use taktline::stages::{Permit, Stage};
use tests::{Item, Witness};

use crate::spec::{END, Fault, How, PRIME, Place, Spec, Step};

/// What the bodies of one place know of themselves.
#[derive(Default)]
pub(crate) struct Bench {
    now: AtomicUsize,
    peak: AtomicUsize,
    started: AtomicUsize,
    done: AtomicUsize,
    failed: AtomicUsize,
    cut: AtomicUsize,
}

impl Bench {
    pub(crate) fn peak(&self) -> usize {
        self.peak.load(SeqCst)
    }

    pub(crate) fn started(&self) -> usize {
        self.started.load(SeqCst)
    }

    pub(crate) fn done(&self) -> usize {
        self.done.load(SeqCst)
    }

    pub(crate) fn failed(&self) -> usize {
        self.failed.load(SeqCst)
    }

    pub(crate) fn cut(&self) -> usize {
        self.cut.load(SeqCst)
    }
}

/// What all bodies of a run share.
pub(crate) struct Shop {
    pub(crate) witness: Witness,
    /// How long a tick is.
    pub(crate) unit: Duration,
    pub(crate) benches: Vec<Arc<Bench>>,
}

impl Shop {
    /// A bench for each part of the source, each step, and the sink.
    pub(crate) fn new(spec: &Spec, unit: Duration) -> Shop {
        let benches = (0..=spec.parts.len() + spec.steps.len()).map(|_| Arc::default()).collect();
        Shop { witness: Witness::new(), unit, benches }
    }

    pub(crate) fn bench(&self, spec: &Spec, place: Place) -> &Arc<Bench> {
        match place {
            Place::Source(at) => &self.benches[at],
            Place::Step(at) => &self.benches[spec.parts.len() + at],
            Place::Sink => &self.benches[spec.parts.len() + spec.steps.len()],
        }
    }

    /// Bodies that have started, without those of blocking stages: a call that the runtime has been given may begin until
    /// the future that waits for it is dropped, which is soon after a drop of the run.
    pub(crate) fn started(&self, spec: &Spec) -> usize {
        let blocking = spec.steps.iter().map(|(step, _)| matches!(step, Step::Blocking(_)));
        let places = vec![false; spec.parts.len()].into_iter().chain(blocking).chain([false]);
        self.benches.iter().zip(places).filter(|(_, is_blocking)| !is_blocking).map(|(bench, _)| bench.started()).sum()
    }

    pub(crate) fn desk(&self, spec: &Spec, place: Place) -> Arc<Desk> {
        Arc::new(Desk {
            bench: self.bench(spec, place).clone(),
            witness: self.witness.clone(),
            tick: self.unit,
            pace: spec.pace,
            fault: spec.fault_at(place),
        })
    }
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("a bomb is dropped");
        }
    }
}

/// What the bodies of one place share.
pub(crate) struct Desk {
    bench: Arc<Bench>,
    witness: Witness,
    tick: Duration,
    pace: u64,
    fault: Option<Fault>,
}

impl Desk {
    pub(crate) fn begin(&self) -> Work<'_> {
        let bench = &self.bench;
        bench.started.fetch_add(1, SeqCst);
        bench.peak.fetch_max(bench.now.fetch_add(1, SeqCst) + 1, SeqCst);
        Work { bench, fate: &bench.cut }
    }

    pub(crate) async fn rest(&self, id: u64) {
        let ticks = (id % PRIME * 7 + 3) % self.pace;
        if ticks > 0 {
            taktline::sleep(self.tick * ticks as u32).await;
        }
    }

    /// Fails if it is the drawn item's turn.
    pub(crate) fn trouble(&self, id: u64) -> Result<(), String> {
        match self.fault.filter(|fault| fault.id == id).map(|fault| fault.how) {
            None => Ok(()),
            Some(How::Error) => Err(format!("item {id} is bad")),
            Some(How::Panic) => panic!("item {id} is bad"),
            Some(How::Destructor) => {
                drop(Bomb);
                Ok(())
            }
        }
    }

    /// The work of a closure that cannot await.
    pub(crate) fn at_once(&self, id: u64) -> Result<(), String> {
        self.begin().end(|| self.trouble(id))
    }

    /// The same, where there is no way to tell an error.
    pub(crate) fn or_panic(&self, item: &Item) {
        self.at_once(item.id).expect("only panics are drawn here");
    }
}

/// A body in work. Dropped before its end, it was cut: also by a panic behind it, in a step that it sends into.
pub(crate) struct Work<'a> {
    bench: &'a Bench,
    fate: &'a AtomicUsize,
}

impl Work<'_> {
    /// A part of the body that may fail, or panic.
    fn part(&mut self, how: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
        self.fate = &self.bench.failed;
        how()?;
        self.fate = &self.bench.cut;
        Ok(())
    }

    pub(crate) fn end(mut self, how: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
        self.part(how)?;
        self.fate = &self.bench.done;
        Ok(())
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.bench.now.fetch_sub(1, SeqCst);
        self.fate.fetch_add(1, SeqCst);
    }
}

#[source]
pub(crate) async fn generate(ids: Vec<u64>, desk: &Desk, out: Out<Item>) -> Result<(), String> {
    for id in ids {
        let work = desk.begin();
        desk.rest(id).await;
        work.end(|| desk.trouble(id))?;
        out.send(desk.witness.item(id)).await;
    }
    desk.trouble(END)
}

#[stage]
pub(crate) fn plain(item: Item, desk: &Desk) -> Result<Item, String> {
    desk.at_once(item.id).map(|()| item)
}

#[stage]
pub(crate) async fn each(item: Item, desk: &Desk) -> Result<Item, String> {
    let work = desk.begin();
    desk.rest(item.id).await;
    work.end(|| desk.trouble(item.id)).map(|()| item)
}

#[stage]
pub(crate) async fn many(item: Item, desk: &Desk, out: Out<Item>) -> Result<(), String> {
    let mut work = desk.begin();
    work.part(|| desk.trouble(item.id))?;
    for _ in 0..item.id % 4 {
        desk.rest(item.id).await;
        out.send(item.clone()).await;
    }
    work.end(|| Ok(()))
}

/// Fills permits, and gives up waiting for one now and then.
#[stage]
pub(crate) async fn fill(item: Item, desk: &Desk, out: Out<Item>) -> Result<(), String> {
    let mut work = desk.begin();
    work.part(|| desk.trouble(item.id))?;
    for _ in 0..item.id % 4 {
        reserve(desk, &mut out).await.send(item.clone());
        desk.rest(item.id).await;
    }
    work.end(|| Ok(()))
}

async fn reserve<'a>(desk: &Desk, out: &'a mut Out<'_, Item>) -> Permit<'a, Item> {
    while taktline::timeout(desk.tick, out.reserve()).await.is_err() {}
    out.reserve().await
}

#[source]
pub(crate) async fn fill_from(ids: Vec<u64>, desk: &Desk, out: Out<Item>) -> Result<(), String> {
    for id in ids {
        let work = desk.begin();
        desk.rest(id).await;
        work.end(|| desk.trouble(id))?;
        reserve(desk, &mut out).await.send(desk.witness.item(id));
    }
    desk.trouble(END)
}

/// Reads with a clock in hand, and fills permits.
#[stage]
pub(crate) async fn refill(input: In<Item>, desk: &Desk, out: Out<Item>) -> Result<(), String> {
    loop {
        let item = match taktline::timeout(desk.tick, input.next()).await {
            Err(_) => continue,
            Ok(None) => return Ok(()),
            Ok(Some(item)) => item,
        };
        desk.at_once(item.id)?;
        desk.rest(item.id).await;
        reserve(desk, &mut out).await.send(item);
    }
}

/// A stage by hand, to be boxed.
#[derive(Clone)]
pub(crate) struct ByHand(pub(crate) Arc<Desk>);

impl Stage for ByHand {
    type In = Item;
    type Out = Item;

    async fn call(&mut self, item: Item, mut out: Out<'_, Item>) -> Result<Option<Item>, taktline::BoxError> {
        let mut work = self.0.begin();
        work.part(|| self.0.trouble(item.id))?;
        out.send(item.clone()).await;
        self.0.rest(item.id).await;
        work.end(|| Ok(()))?;
        Ok(Some(item))
    }
}

#[stage]
pub(crate) async fn sum(input: In<Item>, desk: &Desk, out: Out<Item>) -> Result<(), String> {
    let mut sum = 0;
    while let Some(mut item) = input.next().await {
        desk.at_once(item.id)?;
        sum = (sum + item.id) % PRIME;
        item.id = sum;
        out.send(item).await;
    }
    Ok(())
}

#[stage]
pub(crate) async fn pairs(input: In<Item>, desk: &Desk, out: Out<Item>) -> Result<(), String> {
    while let Some(mut item) = input.next().await {
        desk.at_once(item.id)?;
        if let Some(other) = input.next().await {
            desk.at_once(other.id)?;
            item.id += other.id;
        }
        item.id %= PRIME;
        out.send(item).await;
    }
    Ok(())
}

#[stage(blocking)]
pub(crate) fn block(item: Item, desk: &Desk) -> Result<Item, String> {
    desk.at_once(item.id).map(|()| item)
}

#[sink]
pub(crate) async fn arrive_all(
    input: In<Item>,
    desk: &Desk,
    arrived: &std::sync::Mutex<Vec<u64>>,
) -> Result<(), String> {
    while let Some(item) = input.next().await {
        desk.rest(item.id).await;
        desk.at_once(item.id)?;
        arrived.lock().expect("no holder panics").push(item.id);
    }
    Ok(())
}

#[sink]
pub(crate) fn arrive_plain(item: Item, desk: &Desk, arrived: &std::sync::Mutex<Vec<u64>>) -> Result<(), String> {
    desk.at_once(item.id)?;
    arrived.lock().expect("no holder panics").push(item.id);
    Ok(())
}

#[sink]
pub(crate) async fn arrive(item: Item, desk: &Desk, arrived: &std::sync::Mutex<Vec<u64>>) -> Result<(), String> {
    let work = desk.begin();
    desk.rest(item.id).await;
    work.end(|| desk.trouble(item.id))?;
    arrived.lock().expect("no holder panics").push(item.id);
    Ok(())
}
