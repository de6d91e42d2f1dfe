//! How long a lone item takes through three edges.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use taktline::prelude::*;

use super::Row;
use crate::harness::{Bench, Role};
use crate::host::{Kind, Lane};
use crate::peers::channel::Channel;
use crate::peers::tokio::Mpsc;
use crate::plans::DEFAULT_BUFFER;
use crate::shape::{self, SOURCE};
use crate::stats::quantile;
use crate::table::{self, Compare};
use crate::target::Target;

pub(crate) const ROW: Row = Row {
    id: "s12",
    title: "latency of one item a millisecond through three edges",
    target: "<= 1.2 x tokio mpsc, p50 and p99",
    run: measure,
};

const BEAT: Duration = Duration::from_millis(1);

#[source]
async fn beats(items: u64, lane: Lane, out: Out<Instant>) {
    let start = Instant::now();
    for beat in 0..items {
        lane.sleep_until(start + BEAT * beat as u32).await;
        out.send(Instant::now()).await;
    }
}

#[stage]
async fn pass(sent: Instant) -> Instant {
    sent
}

#[sink]
async fn arrive(sent: Instant, times: &Mutex<Vec<f64>>) {
    times.lock().expect("nothing panics").push(sent.elapsed().as_nanos() as f64);
}

fn measure(bench: &Bench) -> Vec<Target> {
    let items = bench.items(1_000);
    let title = format!("one item a millisecond, three edges ({})", Kind::TokioMulti.name());
    let mut table = bench.table(title, items, &["p50, ns", "p99, ns"]);
    table.add(Role::Ours, "taktline", sample(items, ours));
    table.add(Role::Peer, "tokio mpsc", sample(items, by_hand));
    let measured = table.measure();
    table::print(&measured, Compare::Ours);
    [0, 1].map(|column| Target::ratio(&measured, column, "taktline", 1.2, "tokio mpsc")).into()
}

fn sample<Fut>(items: u64, work: fn(Lane, u64) -> Fut) -> impl FnMut() -> Vec<f64>
where
    Fut: Future<Output = Vec<f64>> + Send + 'static,
{
    let host = Kind::TokioMulti.host();
    move || {
        let mut times = host.run(|lane| work(lane, items));
        assert_eq!(times.len() as u64, items, "each item arrives");
        times.sort_by(f64::total_cmp);
        [0.5, 0.99].map(|q| quantile(&times, q).expect("there are items")).into()
    }
}

async fn ours(lane: Lane, items: u64) -> Vec<f64> {
    let times = Arc::new(Mutex::new(Vec::new()));
    let plan = beats(items, lane.clone()).then(pass()).then(pass()).sink(arrive(times.clone()));
    let done = plan.run_on(&lane.rt).await.expect("nothing fails");
    let worker = shape::stage(1, DEFAULT_BUFFER);
    shape::check(&done.report, &[SOURCE, worker, worker, shape::sink(DEFAULT_BUFFER)]);
    std::mem::take(&mut times.lock().expect("nothing panics"))
}

async fn by_hand(lane: Lane, items: u64) -> Vec<f64> {
    let capacity = DEFAULT_BUFFER as usize;
    let (tx, mut rx) = Mpsc::bounded::<Instant>(capacity);
    let beating = lane.clone();
    lane.spawn(async move {
        let start = Instant::now();
        for beat in 0..items {
            beating.sleep_until(start + BEAT * beat as u32).await;
            tx.send(Instant::now()).await.expect("the reader stays until the end");
        }
    });
    for _ in 0..2 {
        let (tx, next) = Mpsc::bounded::<Instant>(capacity);
        let mut input = std::mem::replace(&mut rx, next);
        lane.spawn(async move {
            while let Some(sent) = input.recv().await {
                tx.send(sent).await.expect("the reader stays until the end");
            }
        });
    }
    let mut times = Vec::new();
    while let Some(sent) = rx.recv().await {
        times.push(sent.elapsed().as_nanos() as f64);
    }
    times
}
