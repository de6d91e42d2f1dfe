//! Bodies that keep counts of their own, and go wrong where the seed says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use taktline::prelude::*;
use taktline::stages::{Permit, Stage};

use super::operators::is_skipped;
use super::spec::{END, Form, How, PRIME, Place, Slow, Spec, Trouble};
use super::tickets::Receipts;
use crate::{Item, Witness};

/// What the bodies of one place know of themselves.
#[derive(Debug, Default)]
pub(super) struct Bench {
    pub(super) started: Count,
    pub(super) done: Count,
    pub(super) failed: Count,
    pub(super) cut: Count,
    /// Sends that have returned.
    pub(super) sent: Count,
    /// Whether a body waits in a send.
    pub(super) sends: AtomicBool,
    now: AtomicUsize,
    peak: AtomicUsize,
}

#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(SeqCst)
    }
}

impl Bench {
    /// Bodies that are in work now.
    pub(super) fn now(&self) -> usize {
        self.now.load(SeqCst)
    }

    /// Most bodies that were ever in work at once.
    pub(super) fn peak(&self) -> usize {
        self.peak.load(SeqCst)
    }
}

/// What all bodies of a run share.
pub(super) struct Shop {
    pub(super) witness: Witness,
    /// Of the items, if they are tracked.
    pub(super) receipts: Receipts,
    /// How long a tick is.
    pub(super) tick: Duration,
    /// Whether the run was paused and not resumed.
    pub(super) is_paused: AtomicBool,
    /// One for each node, and one for the sink.
    benches: Vec<Arc<Bench>>,
    /// Which of them are of calls that may begin until the future that waits for them is dropped, soon after the run was.
    lingers: Vec<bool>,
}

impl Shop {
    pub(super) fn new(spec: &Spec, tick: Duration) -> Shop {
        let benches = (0..=spec.nodes.len()).map(|_| Arc::default()).collect();
        let is_blocking = |form: &Form| matches!(form, Form::Step(op) if op.name == "blocking");
        let lingers = spec.nodes.iter().map(|node| is_blocking(&node.form)).chain([false]).collect();
        let (witness, receipts) = (Witness::new(), Receipts::default());
        Shop { witness, receipts, tick, is_paused: AtomicBool::new(false), benches, lingers }
    }

    pub(super) fn bench(&self, place: Place) -> &Arc<Bench> {
        match place {
            Place::Node(at) => &self.benches[at],
            Place::Sink => self.benches.last().expect("the sink has a bench"),
        }
    }

    /// Whether a body of the place may go on after its worker was cut.
    pub(super) fn lingers(&self, place: Place) -> bool {
        matches!(place, Place::Node(at) if self.lingers[at])
    }

    /// Bodies that have started, but for those that may still do.
    pub(super) fn started(&self) -> usize {
        let benches = self.benches.iter().zip(&self.lingers).filter(|(_, lingers)| !**lingers);
        benches.map(|(bench, _)| bench.started.get() as usize).sum()
    }

    pub(super) fn desk(&self, spec: &Spec, place: Place) -> Arc<Desk> {
        Arc::new(Desk {
            bench: self.bench(place).clone(),
            witness: self.witness.clone(),
            tick: self.tick,
            pace: spec.pace,
            slow: spec.slow,
            troubles: spec.troubles_at(place),
            bomb: spec.bombs(),
        })
    }
}

/// What the bodies of one place share.
pub(super) struct Desk {
    bench: Arc<Bench>,
    witness: Witness,
    tick: Duration,
    pace: u64,
    slow: Slow,
    troubles: Vec<Trouble>,
    bomb: Option<u64>,
}

impl Desk {
    pub(super) fn item(&self, id: u64) -> Item {
        let item = self.witness.item(id);
        if self.bomb == Some(id) { item.armed() } else { item }
    }

    pub(super) fn tick(&self) -> Duration {
        self.tick
    }

    /// A body starts on an item.
    fn begin(&self, id: u64) -> Work<'_> {
        let bench = &*self.bench;
        bench.started.add();
        bench.peak.fetch_max(bench.now.fetch_add(1, SeqCst) + 1, SeqCst);
        Work { bench, fate: &bench.cut, bursts: self.has(How::Destructor, id) }
    }

    async fn rest(&self, id: u64, slow: Option<(u64, u64)>) {
        let usual = (id % PRIME * 7 + 3) % self.pace;
        let extra = slow.filter(|(remainder, _)| id % 7 == *remainder).map_or(0, |(_, ticks)| ticks);
        if usual + extra > 0 {
            taktline::sleep(self.tick * (usual + extra) as u32).await;
        }
    }

    fn has(&self, how: How, id: u64) -> bool {
        self.troubles.iter().any(|trouble| trouble.how == how && trouble.id == id)
    }

    /// Fails if it is the drawn item's turn.
    fn trouble(&self, id: u64) -> Result<(), String> {
        if self.has(How::Panic, id) {
            panic!("item {id} is bad");
        }
        if self.has(How::Error, id) { Err(format!("item {id} is bad")) } else { Ok(()) }
    }

    /// The work of a body that cannot await.
    fn at_once(&self, id: u64) -> Result<(), String> {
        self.begin(id).end(|| self.trouble(id))
    }

    /// The work of a closure that cannot tell an error. Gives the item's id.
    pub(super) fn looks_at(&self, item: &Item) -> u64 {
        self.at_once(item.id).expect("errors are drawn only where they can be told");
        item.id
    }

    /// The same for one that takes the item.
    pub(super) fn sees(&self, item: Item) -> Item {
        self.looks_at(&item);
        item
    }

    /// The work of a body that gives its item back.
    pub(super) async fn serve(&self, item: Item) -> Result<Item, String> {
        let work = self.begin(item.id);
        self.rest(item.id, self.slow.worker).await;
        work.end(|| self.trouble(item.id)).map(|()| item)
    }

    /// Sends, and counts that as a witness of what the next edge has accepted.
    async fn send(&self, out: &mut Out<'_, Item>, item: Item) {
        let sends = Sends(&self.bench.sends);
        sends.0.store(true, SeqCst);
        out.send(item).await;
        drop(sends);
        self.bench.sent.add();
    }
}

/// A body in a send, until it is dropped.
struct Sends<'a>(&'a AtomicBool);

impl Drop for Sends<'_> {
    fn drop(&mut self) {
        self.0.store(false, SeqCst);
    }
}

/// A body in work. Dropped before its end, it was cut: also by a panic behind it, in a step that it sends into.
struct Work<'a> {
    bench: &'a Bench,
    fate: &'a Count,
    /// Its destructor panics.
    bursts: bool,
}

impl Work<'_> {
    /// A part of the body that may fail, or panic.
    fn part(&mut self, how: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
        self.fate = &self.bench.failed;
        how()?;
        self.fate = &self.bench.cut;
        Ok(())
    }

    fn end(mut self, how: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
        self.part(how)?;
        self.fate = &self.bench.done;
        Ok(())
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.bench.now.fetch_sub(1, SeqCst);
        let bursts = self.bursts && !std::thread::panicking();
        if bursts { &self.bench.failed } else { self.fate }.add();
        if bursts {
            panic!("a destructor is bad");
        }
    }
}

#[source]
pub(super) async fn generate(ids: Vec<u64>, desk: &Desk, out: Out<Item>) -> Result<(), String> {
    let from = ids.first().copied().unwrap_or(0);
    for id in ids {
        let work = desk.begin(id);
        let hurries = desk.slow.burst.is_some_and(|(skip, length)| (skip..skip + length).contains(&(id - from)));
        if !hurries {
            desk.rest(id, desk.slow.source).await;
        }
        work.end(|| desk.trouble(id))?;
        desk.send(&mut out, desk.item(id)).await;
    }
    desk.trouble(END)
}

/// Fails behind every third item, and goes on where it was when it is started again.
#[source]
pub(super) async fn halting(
    ids: &std::sync::Mutex<std::vec::IntoIter<u64>>,
    desk: &Desk,
    out: Out<Item>,
) -> Result<(), String> {
    loop {
        let next = ids.lock().expect("no holder panics").next();
        let Some(id) = next else { return Ok(()) };
        desk.send(&mut out, desk.item(id)).await;
        if id % 3 == 0 {
            return Err("the connection is lost".to_owned());
        }
    }
}

#[stage]
pub(super) fn plain(item: Item, desk: &Desk) -> Result<Item, String> {
    desk.at_once(item.id).map(|()| item)
}

#[stage]
pub(super) async fn each(item: Item, desk: &Desk) -> Result<Item, String> {
    desk.serve(item).await
}

/// What a body says that wants to be tried again.
pub(super) const AGAIN: &str = "try me again";

/// Every third item is tried twice.
#[stage]
pub(super) async fn at_last(item: Item, desk: &Desk, tried: &mut Option<u64>) -> Result<Item, String> {
    if item.id % 3 == 1 && tried.replace(item.id) != Some(item.id) {
        desk.rest(item.id, None).await;
        return Err(AGAIN.to_owned());
    }
    *tried = None;
    desk.serve(item).await
}

/// Fails on some items before anything is counted.
#[stage]
pub(super) async fn but_some(item: Item, desk: &Desk) -> Result<Item, String> {
    if is_skipped(item.id) { Err("it is to be skipped".to_owned()) } else { desk.serve(item).await }
}

async fn get_ready(desk: &Desk, is_ready: &mut bool) {
    taktline::sleep(desk.tick).await;
    *is_ready = true;
}

/// Waits, and takes no time: neither does a cancel.
async fn put_away(_: &Desk, is_ready: &mut bool) {
    taktline::yield_now().await;
    *is_ready = false;
}

#[stage(init = get_ready, close = put_away)]
pub(super) async fn hooked(item: Item, desk: &Desk, is_ready: &mut bool) -> Result<Item, String> {
    assert!(*is_ready, "a worker is ready before its first item");
    desk.serve(item).await
}

#[stage]
pub(super) async fn many(item: Item, desk: &Desk, out: Out<Item>) -> Result<(), String> {
    let mut work = desk.begin(item.id);
    work.part(|| desk.trouble(item.id))?;
    for _ in 0..item.id % 4 {
        desk.rest(item.id, desk.slow.worker).await;
        out.send(item.clone()).await;
    }
    work.end(|| Ok(()))
}

/// A place for one item, after giving up the wait for it now and then.
async fn reserve<'a>(desk: &Desk, out: &'a mut Out<'_, Item>) -> Permit<'a, Item> {
    while taktline::timeout(desk.tick, out.reserve()).await.is_err() {}
    out.reserve().await
}

#[source]
pub(super) async fn fill_from(ids: Vec<u64>, desk: &Desk, out: Out<Item>) -> Result<(), String> {
    for id in ids {
        let work = desk.begin(id);
        desk.rest(id, desk.slow.source).await;
        work.end(|| desk.trouble(id))?;
        reserve(desk, &mut out).await.send(desk.item(id));
    }
    desk.trouble(END)
}

/// One to many, by permits.
#[stage]
pub(super) async fn fill(item: Item, desk: &Desk, out: Out<Item>) -> Result<(), String> {
    let mut work = desk.begin(item.id);
    work.part(|| desk.trouble(item.id))?;
    for _ in 0..item.id % 4 {
        reserve(desk, &mut out).await.send(item.clone());
        desk.rest(item.id, desk.slow.worker).await;
    }
    work.end(|| Ok(()))
}

/// Reads with a clock in hand, and fills permits.
#[stage]
pub(super) async fn refill(input: In<Item>, desk: &Desk, out: Out<Item>) -> Result<(), String> {
    loop {
        let item = match taktline::timeout(desk.tick, input.next()).await {
            Err(_) => continue,
            Ok(None) => return Ok(()),
            Ok(Some(item)) => item,
        };
        desk.at_once(item.id)?;
        desk.rest(item.id, desk.slow.worker).await;
        reserve(desk, &mut out).await.send(item);
    }
}

/// A stage by hand that gives each item twice.
#[derive(Clone)]
pub(super) struct Twice(pub(super) Arc<Desk>);

impl Stage for Twice {
    type In = Item;
    type Out = Item;

    async fn call(&mut self, item: Item, mut out: Out<'_, Item>) -> Result<Option<Item>, taktline::BoxError> {
        let mut work = self.0.begin(item.id);
        work.part(|| self.0.trouble(item.id))?;
        out.send(item.clone()).await;
        self.0.rest(item.id, self.0.slow.worker).await;
        work.end(|| Ok(()))?;
        Ok(Some(item))
    }
}

#[stage]
pub(super) async fn sum(input: In<Item>, desk: &Desk, out: Out<Item>) -> Result<(), String> {
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
pub(super) async fn pairs(input: In<Item>, desk: &Desk, out: Out<Item>) -> Result<(), String> {
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
pub(super) fn block(item: Item, desk: &Desk) -> Result<Item, String> {
    desk.at_once(item.id).map(|()| item)
}

#[sink]
pub(super) async fn arrive_all(
    input: In<Item>,
    desk: &Desk,
    arrived: &std::sync::Mutex<Vec<u64>>,
) -> Result<(), String> {
    while let Some(item) = input.next().await {
        desk.rest(item.id, desk.slow.consumer).await;
        desk.at_once(item.id)?;
        arrived.lock().expect("no holder panics").push(item.id);
    }
    Ok(())
}

#[sink]
pub(super) fn arrive_plain(item: Item, desk: &Desk, arrived: &std::sync::Mutex<Vec<u64>>) -> Result<(), String> {
    desk.at_once(item.id)?;
    arrived.lock().expect("no holder panics").push(item.id);
    Ok(())
}

#[sink]
pub(super) async fn arrive(item: Item, desk: &Desk, arrived: &std::sync::Mutex<Vec<u64>>) -> Result<(), String> {
    let work = desk.begin(item.id);
    desk.rest(item.id, desk.slow.consumer).await;
    work.end(|| desk.trouble(item.id))?;
    arrived.lock().expect("no holder panics").push(item.id);
    Ok(())
}
