//! Random small pipelines: the ledger agrees with an independent witness at every ending, and nothing is left.
//!
//! Sizes, capacities, shapes, timings and the ending come from the seed. A failing seed prints itself and its plan.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use taktline::prelude::*;
use taktline::runtime::Rt;
use taktline::sim::Sim;
use taktline::{Error, ledger::Kind, ledger::Report};
use tests::{Item, Witness, counted};

/// Numbers that come from a seed (SplitMix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Iter,
    Generator,
    Stream,
    Merged,
    Chained,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Map,
    Filter,
    FilterMap,
    FlatMap,
    Inspect,
    Take(u64),
    TakeWhile(u64),
    Skip(u64),
    Enumerate,
    Scan,
    Plain,
    Then,
    Many,
    Stream,
    Blocking,
    Ordered { workers: usize, window: usize },
    Unordered { workers: usize },
}

#[derive(Clone, Copy, Debug)]
enum Sink {
    Collect,
    ForEach,
    Workers(usize),
    Loop,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Well,
    Error(u64),
    Panic(u64),
    Cancel(u64),
    Drop(u64),
}

#[derive(Clone, Debug)]
struct Spec {
    items: u64,
    source: Source,
    steps: Vec<(Step, usize)>,
    sink: Sink,
    ending: Ending,
    /// The longest a body sleeps.
    pace: u64,
}

impl Spec {
    fn draw(seed: u64) -> Spec {
        let draw = &mut Draw(seed);
        let items = if draw.below(10) == 0 { draw.below(3) } else { 3 + draw.below(30) };
        let source = draw.one(&[Source::Iter, Source::Generator, Source::Stream, Source::Merged, Source::Chained]);
        let mut steps: Vec<_> = (0..draw.below(5)).map(|_| (step(draw), draw.one(&[1, 1, 2, 3, 16]))).collect();
        // One at least that has tasks of its own.
        let at = draw.below(steps.len() as u64 + 1) as usize;
        steps.insert(at, (awaiting(draw), draw.one(&[1, 1, 2, 3, 16])));
        let sink = match draw.below(4) {
            0 => Sink::Collect,
            1 => Sink::ForEach,
            2 => Sink::Workers(draw.one(&[1, 2, 4])),
            _ => Sink::Loop,
        };
        let at = draw.below(20);
        let ending = match draw.below(8) {
            0 => Ending::Error(at),
            1 => Ending::Panic(at),
            2 => Ending::Cancel(at),
            3 => Ending::Drop(at),
            _ => Ending::Well,
        };
        Spec { items, source, steps, sink, ending, pace: draw.one(&[1, 3, 7]) }
    }

    fn keeps_order(&self) -> bool {
        !matches!(self.source, Source::Merged)
            && !self.steps.iter().any(|(step, _)| matches!(step, Step::Unordered { .. }))
            && !matches!(self.sink, Sink::Workers(2..))
    }

    /// Whether which items pass does not depend on their order.
    fn has_one_result(&self) -> bool {
        let by_place = |step: &Step| {
            matches!(step, Step::Take(_) | Step::TakeWhile(_) | Step::Skip(_) | Step::Scan | Step::Stream)
        };
        self.keeps_order() || !self.steps.iter().any(|(step, _)| by_place(step))
    }

    /// What a plain list gives.
    fn model(&self) -> Vec<u64> {
        let mut list: Vec<u64> = (0..self.items).collect();
        for (step, _) in &self.steps {
            list = match *step {
                Step::Map | Step::Inspect | Step::Enumerate | Step::Plain | Step::Then | Step::Blocking => list,
                Step::Ordered { .. } | Step::Unordered { .. } => list,
                Step::Filter | Step::FilterMap => list.into_iter().filter(|x| x % 3 != 0).collect(),
                Step::FlatMap | Step::Many => {
                    list.into_iter().flat_map(|x| std::iter::repeat_n(x, (x % 3) as usize)).collect()
                }
                Step::Take(n) => list.into_iter().take(n as usize).collect(),
                Step::TakeWhile(n) => list.into_iter().take_while(|x| *x < n).collect(),
                Step::Skip(n) => list.into_iter().skip(n as usize).collect(),
                Step::Scan | Step::Stream => list.into_iter().step_by(2).collect(),
            };
        }
        list
    }
}

fn step(draw: &mut Draw) -> Step {
    let n = draw.below(20);
    match draw.below(14) {
        0 => Step::Map,
        1 => Step::Filter,
        2 => Step::FilterMap,
        3 => Step::FlatMap,
        4 => Step::Inspect,
        5 => Step::Take(n),
        6 => Step::TakeWhile(n),
        7 => Step::Skip(n % 4),
        8 => Step::Enumerate,
        9 => Step::Scan,
        10 => Step::Plain,
        _ => awaiting(draw),
    }
}

fn awaiting(draw: &mut Draw) -> Step {
    let workers = 1 + draw.below(4) as usize;
    match draw.below(6) {
        0 => Step::Then,
        1 => Step::Many,
        2 => Step::Stream,
        3 => Step::Blocking,
        4 => Step::Ordered { workers, window: workers + draw.below(4) as usize },
        _ => Step::Unordered { workers },
    }
}

/// What the bodies know of themselves.
#[derive(Clone, Default)]
struct Shop {
    witness: Witness,
    pace: u64,
    ending: Option<Ending>,
}

impl Shop {
    async fn work(&self, item: &Item) {
        let ticks = (item.id * 7 + 3) % self.pace;
        if ticks > 0 {
            taktline::sleep(Duration::from_secs(ticks)).await;
        }
    }

    fn trouble(&self, item: &Item) -> Result<(), String> {
        match self.ending {
            Some(Ending::Error(at)) if at == item.id => Err(format!("item {at} is bad")),
            Some(Ending::Panic(at)) if at == item.id => panic!("item {at} is bad"),
            _ => Ok(()),
        }
    }
}

#[source]
async fn generate(ids: Vec<u64>, shop: Shop, out: Out<Item>) {
    for id in ids {
        let item = shop.witness.item(id);
        shop.work(&item).await;
        out.send(item).await;
    }
}

#[stage]
fn plain(item: Item, shop: Shop) -> Result<Item, String> {
    shop.trouble(&item).map(|()| item)
}

#[stage]
async fn each(item: Item, shop: Shop) -> Result<Item, String> {
    shop.work(&item).await;
    shop.trouble(&item)?;
    Ok(item)
}

#[stage]
async fn many(item: Item, shop: Shop, out: Out<Item>) -> Result<(), String> {
    shop.trouble(&item)?;
    for _ in 0..item.id % 3 {
        shop.work(&item).await;
        out.send(item.clone()).await;
    }
    Ok(())
}

#[stage]
async fn every_other(input: In<Item>, shop: Shop, out: Out<Item>) -> Result<(), String> {
    let mut number = 0;
    while let Some(item) = input.next().await {
        shop.trouble(&item)?;
        if number % 2 == 0 {
            out.send(item).await;
        }
        number += 1;
    }
    Ok(())
}

#[stage(blocking)]
fn block(item: Item, shop: Shop) -> Result<Item, String> {
    shop.trouble(&item).map(|()| item)
}

#[sink]
async fn arrive(item: Item, shop: Shop, arrived: &Mutex<Vec<u64>>) {
    shop.work(&item).await;
    arrived.lock().expect("no holder panics").push(item.id);
}

fn source(spec: &Spec, shop: &Shop) -> BoxFlow<Item> {
    let half = spec.items / 2;
    let witness = shop.witness.clone();
    match spec.source {
        Source::Iter => iter(0..spec.items).map(move |id| witness.item(id)).boxed(),
        Source::Generator => generate((0..spec.items).collect(), shop.clone()).boxed(),
        Source::Stream => stream(futures::stream::iter(0..spec.items)).map(move |id| witness.item(id)).boxed(),
        Source::Merged => {
            let other = iter(half..spec.items).map(move |id| witness.item(id));
            merge((generate((0..half).collect(), shop.clone()), other)).boxed()
        }
        Source::Chained => {
            let other = iter(half..spec.items).map(move |id| witness.item(id));
            generate((0..half).collect(), shop.clone()).buffer(1).chain(other).boxed()
        }
    }
}

fn build(spec: &Spec, shop: &Shop) -> BoxFlow<Item> {
    let mut flow = source(spec, shop);
    for &(step, buffer) in &spec.steps {
        let shop = shop.clone();
        flow = match step {
            Step::Map => flow.map(|item| item).boxed(),
            Step::Filter => flow.filter(|item| item.id % 3 != 0).boxed(),
            Step::FilterMap => flow.filter_map(|item| (item.id % 3 != 0).then_some(item)).boxed(),
            Step::FlatMap => flow.flat_map(|item| vec![item.clone(); (item.id % 3) as usize]).boxed(),
            Step::Inspect => flow.inspect(|item| assert!(item.id < 1000)).boxed(),
            Step::Take(n) => flow.take(n).boxed(),
            Step::TakeWhile(n) => flow.take_while(move |item| item.id < n).boxed(),
            Step::Skip(n) => flow.skip(n).boxed(),
            Step::Enumerate => flow.enumerate().map(|(_, item)| item).boxed(),
            Step::Scan => flow
                .scan(0, |number, item| {
                    *number += 1;
                    Some((*number % 2 == 1).then_some(item))
                })
                .filter_map(|item| item)
                .boxed(),
            Step::Plain => flow.then(plain(shop)).boxed(),
            Step::Then => flow.then(each(shop).buffer(buffer)),
            Step::Many => flow.then(many(shop).buffer(buffer)),
            Step::Stream => flow.then(every_other(shop).buffer(buffer)),
            Step::Blocking => flow.then(block(shop).buffer(buffer).concurrency(2)),
            Step::Ordered { workers, window } => {
                flow.then(each(shop).concurrency(workers).window(window).buffer(buffer))
            }
            Step::Unordered { workers } => flow.then(each(shop).concurrency(workers).unordered().buffer(buffer)),
        };
    }
    flow
}

/// What a run gave: the ids that arrived, and its report or error.
struct Outcome {
    arrived: Vec<u64>,
    end: Result<Report, Option<Error>>,
}

/// Runs the plan of `spec` to the ending that it asks for.
async fn perform(spec: &Spec, rt: &Rt, shop: &Shop) -> Outcome {
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let flow = build(spec, shop);
    let end = match spec.sink {
        Sink::Loop => read(spec, rt, shop, flow, &arrived).await,
        Sink::Collect => {
            let (end, value) = finish(spec, rt, flow.collect::<Vec<_>>()).await;
            arrived.lock().expect("no holder panics").extend(value.unwrap_or_default().iter().map(|item| item.id));
            end
        }
        Sink::ForEach => {
            let seen = arrived.clone();
            let note = move |item: Item| seen.lock().expect("no holder panics").push(item.id);
            finish(spec, rt, flow.for_each(note)).await.0
        }
        Sink::Workers(n) => {
            let sink = arrive(shop.clone(), arrived.clone()).concurrency(n).buffer(n);
            finish(spec, rt, flow.sink(sink)).await.0
        }
    };
    let arrived = arrived.lock().expect("no holder panics").clone();
    Outcome { arrived, end }
}

type End = Result<Report, Option<Error>>;

async fn finish<V: Send + 'static>(spec: &Spec, rt: &Rt, plan: Pipeline<V>) -> (End, Option<V>) {
    let running = plan.start_on(rt);
    match spec.ending {
        Ending::Cancel(at) | Ending::Drop(at) => {
            let wait = rt.timeout(Duration::from_secs(at), running.wait()).await;
            if wait.is_err() && matches!(spec.ending, Ending::Drop(_)) {
                drop(running);
                return (Err(None), None);
            }
            split(running.cancel().await)
        }
        _ => split(running.join().await),
    }
}

fn split<V>(outcome: taktline::Result<Done<V>>) -> (End, Option<V>) {
    match outcome {
        Ok(done) => (Ok(done.report), Some(done.value)),
        Err(error) => (Err(Some(error)), None),
    }
}

/// The user's own loop, with a timeout around every read.
async fn read(spec: &Spec, rt: &Rt, shop: &Shop, flow: BoxFlow<Item>, arrived: &Mutex<Vec<u64>>) -> End {
    let mut started = flow.buffer(2).start_on(rt);
    let begun = rt.now();
    loop {
        let next = match rt.timeout(Duration::from_secs(1), started.next()).await {
            Err(_) => None,
            Ok(Err(error)) => return Err(Some(error)),
            Ok(Ok(None)) => return Ok(started.report().expect("it was started")),
            Ok(Ok(Some(item))) => Some(item),
        };
        if let Some(item) = next {
            shop.work(&item).await;
            arrived.lock().expect("no holder panics").push(item.id);
        }
        match spec.ending {
            Ending::Drop(at) if rt.now() - begun >= Duration::from_secs(at) => return Err(None),
            Ending::Cancel(at) if rt.now() - begun >= Duration::from_secs(at) => {
                return started.cancel().await.map_err(Some);
            }
            _ => {}
        }
    }
}

fn check(seed: u64, spec: &Spec, outcome: Outcome) {
    let Outcome { arrived, end } = outcome;
    let say = |what: &str| format!("seed {seed}: {what}\n{spec:#?}\narrived {arrived:?}");
    let model = spec.model();
    match &end {
        Ok(report) => {
            assert!(report.balances(), "{}\n{report}", say("the books"));
            check_rows(report, &say);
            let (mut arrived, mut model) = (arrived.clone(), model);
            if !spec.has_one_result() {
                return;
            }
            if !spec.keeps_order() {
                arrived.sort_unstable();
                model.sort_unstable();
            }
            assert_eq!(arrived, model, "{}\n{report}", say("the result"));
        }
        Err(Some(error)) => {
            let report = error.report().expect("a run that was started has a report");
            assert!(report.balances(), "{}\n{report}", say("the books"));
            check_rows(report, &say);
            match spec.ending {
                Ending::Error(at) | Ending::Panic(at) => {
                    assert!(error.is_failed(), "{}", say("failed"));
                    assert_eq!(error.is_panic(), spec.ending == Ending::Panic(at), "{}", say("panic"));
                    assert!(error.stage().is_some(), "{}", say("named"));
                    let failed: u64 = report.stages().iter().map(|row| row.failed).sum();
                    assert!(failed >= 1, "{}\n{report}", say("counted"));
                }
                Ending::Cancel(_) => assert!(error.is_cancelled(), "{}", say("cancelled")),
                Ending::Well | Ending::Drop(_) => panic!("{}\n{error:?}", say("it ends well")),
            }
            if spec.keeps_order() && spec.has_one_result() && !matches!(spec.sink, Sink::Collect) {
                assert!(model.starts_with(&arrived), "{}", say("what arrived is the beginning"));
            }
        }
        Err(None) => {}
    }
}

/// What a row has accepted is what the rows before it have given out.
fn check_rows(report: &Report, say: &dyn Fn(&str) -> String) {
    // What each flow has given out that no join has taken up yet.
    let mut given = Vec::new();
    for (at, row) in report.stages().iter().enumerate() {
        let left = row.waiting + row.in_work + row.finished;
        assert_eq!(left, 0, "{}\n{report}", say(&format!("items are left in row {at}, {}", row.name)));
        let taken = match row.kind {
            Kind::Source => 0,
            Kind::Join => given.drain(..).sum(),
            _ => given.pop().unwrap_or_default(),
        };
        assert_eq!(row.items_in, taken, "{}\n{report}", say(&format!("row {at}, {}", row.name)));
        given.push(row.items_out);
    }
}

#[test]
fn ledger_and_witness_agree_for_a_thousand_random_pipelines() {
    let mut traces = BTreeSet::new();
    for seed in 0..1000 {
        match std::panic::catch_unwind(|| one(seed)) {
            Ok(trace) => drop(traces.insert(trace)),
            Err(_) => panic!("seed {seed} fails, with {:#?}", Spec::draw(seed)),
        }
    }
    assert!(traces.len() >= 900, "{} distinct traces", traces.len());
}

fn one(seed: u64) -> u64 {
    let spec = Spec::draw(seed);
    let sim = Sim::new(seed);
    let (rt, tasks) = counted(sim.rt());
    let shop = Shop { pace: spec.pace, ending: Some(spec.ending), ..Shop::default() };
    let outcome = sim.block_on(rt.enter(perform(&spec, &rt, &shop)));
    check(seed, &spec, outcome);
    sim.settle();
    assert_eq!(shop.witness.left(), 0, "seed {seed}: items are left\n{spec:#?}");
    assert_eq!(tasks.left(), 0, "seed {seed}: tasks are left\n{spec:#?}");
    assert_eq!((sim.task_count(), sim.timer_count()), (0, 0), "seed {seed}: {spec:#?}");
    sim.trace_hash()
}
