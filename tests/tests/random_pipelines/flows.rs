//! The flows of the specs, and bodies that keep counts of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use taktline::prelude::*;
use tests::{Item, Witness};

use crate::model::mapped;
use crate::spec::{END, Fault, How, Join, PRIME, Part, Place, Spec, Step};

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

    async fn rest(&self, id: u64) {
        let ticks = (id % PRIME * 7 + 3) % self.pace;
        if ticks > 0 {
            taktline::sleep(self.tick * ticks as u32).await;
        }
    }

    /// Fails if it is the drawn item's turn.
    pub(crate) fn trouble(&self, id: u64) -> Result<(), String> {
        match self.fault {
            Some(fault) if fault.id == id && fault.how == How::Panic => panic!("item {id} is bad"),
            Some(fault) if fault.id == id => Err(format!("item {id} is bad")),
            _ => Ok(()),
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
async fn generate(ids: Vec<u64>, desk: &Desk, out: Out<Item>) -> Result<(), String> {
    for id in ids {
        let work = desk.begin();
        desk.rest(id).await;
        work.end(|| desk.trouble(id))?;
        out.send(desk.witness.item(id)).await;
    }
    desk.trouble(END)
}

#[stage]
fn plain(item: Item, desk: &Desk) -> Result<Item, String> {
    desk.at_once(item.id).map(|()| item)
}

#[stage]
async fn each(item: Item, desk: &Desk) -> Result<Item, String> {
    let work = desk.begin();
    desk.rest(item.id).await;
    work.end(|| desk.trouble(item.id)).map(|()| item)
}

#[stage]
async fn many(item: Item, desk: &Desk, out: Out<Item>) -> Result<(), String> {
    let mut work = desk.begin();
    work.part(|| desk.trouble(item.id))?;
    for _ in 0..item.id % 4 {
        desk.rest(item.id).await;
        out.send(item.clone()).await;
    }
    work.end(|| Ok(()))
}

#[stage]
async fn sum(input: In<Item>, desk: &Desk, out: Out<Item>) -> Result<(), String> {
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
async fn pairs(input: In<Item>, desk: &Desk, out: Out<Item>) -> Result<(), String> {
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
fn block(item: Item, desk: &Desk) -> Result<Item, String> {
    desk.at_once(item.id).map(|()| item)
}

#[sink]
pub(crate) async fn arrive(item: Item, desk: &Desk, arrived: &std::sync::Mutex<Vec<u64>>) -> Result<(), String> {
    let work = desk.begin();
    desk.rest(item.id).await;
    work.end(|| desk.trouble(item.id))?;
    arrived.lock().expect("no holder panics").push(item.id);
    Ok(())
}

fn source(spec: &Spec, shop: &Shop) -> BoxFlow<Item> {
    let part = |(at, (part, ids)): (usize, &(Part, std::ops::Range<u64>))| {
        let (ids, witness) = (ids.clone(), shop.witness.clone());
        let name = format!("source{at}");
        match part {
            Part::Iter => iter(ids).map(move |id| witness.item(id)).boxed(),
            Part::Stream => stream(futures::stream::iter(ids)).map(move |id| witness.item(id)).boxed(),
            Part::Generator => generate(ids.collect(), shop.desk(spec, Place::Source(at))).name(name).boxed(),
        }
    };
    let mut parts: Vec<_> = spec.parts.iter().enumerate().map(part).collect();
    let last = parts.pop().expect("there is a part");
    if parts.is_empty() {
        return last;
    }
    match spec.join {
        Join::Chain => parts.into_iter().chain([last]).reduce(|flow, next| flow.chain(next).boxed()).expect("some"),
        Join::Merge => merge(parts.into_iter().chain([last]).collect::<Vec<_>>()).boxed(),
        Join::MergeThenChain => merge(parts).buffer(1).chain(last).boxed(),
    }
}

pub(crate) fn build(spec: &Spec, shop: &Shop) -> BoxFlow<Item> {
    let steps = spec.steps.iter().enumerate();
    steps.fold(source(spec, shop), |flow, (at, &(step, buffer))| {
        let name = format!("step{at}");
        add(flow, step, buffer, name, shop.desk(spec, Place::Step(at)))
    })
}

fn add(flow: BoxFlow<Item>, step: Step, buffer: usize, name: String, desk: Arc<Desk>) -> BoxFlow<Item> {
    let map = |mut item: Item| {
        item.id = mapped(item.id);
        item
    };
    let copies = |item: Item, n: u64| vec![item.clone(); n as usize];
    match step {
        Step::Map => flow
            .map(move |item| {
                desk.or_panic(&item);
                map(item)
            })
            .boxed(),
        Step::Filter => flow
            .filter(move |item| {
                desk.or_panic(item);
                item.id % 3 != 0
            })
            .boxed(),
        Step::FilterMap => flow
            .filter_map(move |item| {
                desk.or_panic(&item);
                (item.id % 4 != 1).then(|| map(item))
            })
            .boxed(),
        Step::FlatMap => flow
            .flat_map(move |item| {
                desk.or_panic(&item);
                let n = item.id % 3;
                copies(item, n)
            })
            .boxed(),
        Step::Inspect => flow.inspect(move |item| desk.or_panic(item)).boxed(),
        Step::Take(n) => flow.take(n).boxed(),
        Step::TakeWhile(n) => flow.take_while(move |item| item.id % 20 != n).boxed(),
        Step::Skip(n) => flow.skip(n).boxed(),
        Step::Enumerate => {
            let mut expected = 0;
            let number = move |(number, item)| {
                assert_eq!(number, expected, "items are numbered");
                expected += 1;
                item
            };
            flow.enumerate().map(number).boxed()
        }
        Step::Scan(n) => flow
            .scan((0, 0), move |(sum, number), mut item: Item| {
                desk.or_panic(&item);
                *number += 1;
                *sum = (*sum + item.id) % PRIME;
                item.id = *sum;
                (*number <= n).then_some(item)
            })
            .boxed(),
        Step::Fused => {
            let repeat = move |item: Item| {
                let n = item.id % 3;
                copies(item, n)
            };
            flow.map(map)
                .inspect(|item| assert!(item.id < PRIME))
                .filter(|item| item.id % 5 != 0)
                .flat_map(repeat)
                .boxed()
        }
        Step::Buffer => flow.buffer(buffer).boxed(),
        Step::Boxed => flow.boxed(),
        Step::Plain => flow.then(plain(desk).name(name)).boxed(),
        Step::PlainWorkers(workers) => flow.then(plain(desk).name(name).concurrency(workers).buffer(buffer)),
        Step::Closure => flow.buffer(buffer).try_then(move |item: Item| {
            let desk = desk.clone();
            async move {
                let work = desk.begin();
                desk.rest(item.id).await;
                work.end(|| desk.trouble(item.id)).map(|()| item)
            }
        }),
        Step::Many => flow.then(many(desk).name(name).buffer(buffer)),
        Step::Sum => flow.then(sum(desk).name(name).buffer(buffer)),
        Step::Pairs => flow.then(pairs(desk).name(name).buffer(buffer)),
        Step::Blocking(workers) => flow.then(block(desk).name(name).concurrency(workers).buffer(buffer)),
        Step::Ordered { workers, window } => {
            flow.then(each(desk).name(name).concurrency(workers).window(window).buffer(buffer))
        }
        Step::Unordered(workers) => flow.then(each(desk).name(name).concurrency(workers).unordered().buffer(buffer)),
    }
}
