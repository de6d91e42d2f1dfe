//! A producer that takes longer with each item, and a consumer that takes twice as long: 21 units overlapped, 18 with two
//! workers.

use std::future::ready;
use std::time::Duration;

use futures::{StreamExt, stream};
use taktline::prelude::*;
use tokio::sync::mpsc;

use super::Row;
use crate::harness::{Bench, Measured, Role};
use crate::host::{Kind, Lane};
use crate::plans::DEFAULT_BUFFER;
use crate::shape::{self, FUSED_SINK, SOURCE};
use crate::table::{self, Compare};
use crate::target::Target;

pub(crate) const ROW: Row = Row {
    id: "s8",
    title: "the essay's producer and consumer, at 20 ms a unit of time",
    target: "within 2 % of 420 ms with one worker, and of 360 ms with two, on tokio and on smol",
    run: measure,
};

const UNIT: Duration = Duration::from_millis(20);
const TOTAL: u64 = 5;

#[source]
async fn producer(out: Out<u64>) {
    for i in 0..TOTAL {
        sleep(UNIT * i as u32).await;
        out.send(i).await;
    }
}

#[stage]
async fn consumer(i: u64) -> u64 {
    let d = 2 * i;
    sleep(UNIT * d as u32).await;
    d
}

fn measure(bench: &Bench) -> Vec<Target> {
    [(1, 420.0), (2, 360.0)].into_iter().flat_map(|(workers, exact_ms)| with(bench, workers, exact_ms)).collect()
}

fn with(bench: &Bench, workers: u64, exact_ms: f64) -> Vec<Target> {
    let on = |kind: Kind| {
        let mut table = bench.duration(&format!("workers of the consumer: {workers}"), kind, TOTAL, IN_ORDER);
        table.add(Role::Ours, "taktline", move |lane| ours(lane, workers));
        if kind == Kind::TokioMulti {
            table.add(Role::Peer, "tokio by hand", move |lane| by_hand(lane, workers));
        }
        let measured = table.measure();
        table::print(&measured, Compare::Ours);
        near(&measured, "taktline", exact_ms)
    };
    vec![on(Kind::TokioMulti), on(Kind::SmolMulti)]
}

fn near(measured: &Measured, name: &str, exact_ms: f64) -> Target {
    let what = format!("{name} within 2 % of {exact_ms} ms ({})", measured.title);
    Target::of(what, measured.value(name, 0), |got| (got.median - exact_ms).abs() <= 0.02 * exact_ms)
}

/// The outputs 0, 2, 4, 6, 8 as the digits of a number.
const IN_ORDER: u64 = 2_468;

fn append_digit(digits: u64, d: u64) -> u64 {
    10 * digits + d
}

async fn ours(lane: Lane, workers: u64) -> u64 {
    let plan = producer().then(consumer().concurrency(workers as usize)).fold(0, append_digit);
    let done = plan.run_on(&lane.rt).await.expect("nothing fails");
    shape::check(&done.report, &[SOURCE, shape::stage(workers, DEFAULT_BUFFER), FUSED_SINK]);
    done.value
}

/// A task that produces, a channel, and as many tasks at a time as there are workers.
async fn by_hand(lane: Lane, workers: u64) -> u64 {
    let (tx, mut rx) = mpsc::channel(DEFAULT_BUFFER as usize);
    lane.spawn(async move {
        for i in 0..TOTAL {
            tokio::time::sleep(UNIT * i as u32).await;
            tx.send(i).await.expect("the consumer stays until the end");
        }
    });
    let consume = |i: u64| async move {
        tokio::time::sleep(UNIT * 2 * i as u32).await;
        2 * i
    };
    stream::poll_fn(move |cx| rx.poll_recv(cx))
        .map(move |i| tokio::spawn(consume(i)))
        .buffered(workers as usize)
        .fold(0, |digits, joined| ready(append_digit(digits, joined.expect("no consumer panics"))))
        .await
}
