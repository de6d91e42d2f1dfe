//! The flows of the specs.

use std::sync::Arc;

use taktline::prelude::*;
use taktline::stages::BoxStage;
use tests::Item;

use crate::bodies::{ByHand, Desk, Shop, block, each, fill, fill_from, generate, many, pairs, plain, refill, sum};
use crate::model::mapped;
use crate::spec::{Join, PRIME, Part, Place, Spec, Step};

fn source(spec: &Spec, shop: &Shop) -> BoxFlow<Item> {
    let part = |(at, (part, ids)): (usize, &(Part, std::ops::Range<u64>))| {
        let (ids, witness) = (ids.clone(), shop.witness.clone());
        let name = format!("source{at}");
        match part {
            Part::Iter => iter(ids).map(move |id| witness.item(id)).boxed(),
            Part::Stream => stream(futures::stream::iter(ids)).map(move |id| witness.item(id)).boxed(),
            Part::Filler => fill_from(ids.collect(), shop.desk(spec, Place::Source(at))).name(name).boxed(),
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
        Join::ChainThenMerge => {
            let chained = parts.into_iter().reduce(|flow, next| flow.chain(next).boxed()).expect("some");
            merge((chained.buffer(2), merge([last]))).boxed()
        }
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
        Step::ManyOrdered { workers, window } => {
            flow.then(many(desk).name(name).concurrency(workers).window(window).buffer(buffer))
        }
        Step::ManyUnordered(workers) => {
            flow.then(many(desk).name(name).concurrency(workers).unordered().buffer(buffer))
        }
        Step::Fill => flow.then(fill(desk).name(name).buffer(buffer)),
        Step::FillOrdered { workers, window } => {
            flow.then(fill(desk).name(name).concurrency(workers).window(window).buffer(buffer))
        }
        Step::FillUnordered(workers) => {
            flow.then(fill(desk).name(name).concurrency(workers).unordered().buffer(buffer))
        }
        Step::Refill => flow.then(refill(desk).name(name).buffer(buffer)),
        Step::BoxedStage(workers) => {
            flow.then(stage(BoxStage::of(ByHand(desk))).name(name).concurrency(workers).buffer(buffer))
        }
        Step::Sum => flow.then(sum(desk).name(name).buffer(buffer)),
        Step::Pairs => flow.then(pairs(desk).name(name).buffer(buffer)),
        Step::Blocking(workers) => flow.then(block(desk).name(name).concurrency(workers).buffer(buffer)),
        Step::Ordered { workers, window } => {
            flow.then(each(desk).name(name).concurrency(workers).window(window).buffer(buffer))
        }
        Step::Unordered(workers) => flow.then(each(desk).name(name).concurrency(workers).unordered().buffer(buffer)),
    }
}
