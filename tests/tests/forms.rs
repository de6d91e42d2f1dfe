//! Every form of an attribute does what its signature says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use taktline::prelude::*;
use taktline::stages::{BoxStage, Stage};

/// A generator.
#[source]
async fn numbers(total: u64, out: Out<u64>) {
    for i in 0..total {
        out.send(i).await;
    }
}

#[source]
async fn failing(out: Out<u64>) -> Result<(), String> {
    for i in 0..3 {
        out.send(i).await;
    }
    Err("no more".to_owned())
}

/// Adds.
#[stage]
async fn add(x: u64, by: u64) -> u64 {
    sleep(Duration::from_millis(5)).await;
    x + by
}

#[stage(concurrency = 2, name = "shared")]
async fn shared(x: u64, text: &str, count: &mut u64) -> Result<String, std::fmt::Error> {
    *count += 1;
    Ok(format!("{text}{x}"))
}

#[stage]
async fn twice(x: u64, out: Out<u64>) {
    out.send(x).await;
    out.send(x).await;
}

#[stage]
async fn running_sum(input: In<u64>, out: Out<u64>) {
    let mut sum = 0;
    while let Some(x) = input.next().await {
        sum += x;
        out.send(sum).await;
    }
}

#[stage]
fn double(x: u64) -> u64 {
    2 * x
}

#[stage(concurrency = 3)]
fn heavy(x: u64) -> u64 {
    3 * x
}

#[stage(blocking)]
fn block(x: u64) -> Result<u64, std::io::Error> {
    Ok(x)
}

#[stage]
async fn generic<T: Clone + Send + 'static>(x: T, copies: usize) -> Vec<T> {
    vec![x; copies]
}

#[sink]
async fn swallow(x: u64) {
    let _ = x;
}

#[sink]
fn swallow_plain(x: u64) {
    let _ = x;
}

#[sink]
async fn swallow_stream(input: In<u64>) {
    while input.next().await.is_some() {}
}

/// Runs `plan`, and checks its books.
async fn value<V: Send + 'static>(plan: Pipeline<V>) -> taktline::Result<V> {
    let done = plan.run().await?;
    assert!(done.report.balances(), "{}", done.report);
    Ok(done.value)
}

#[taktline::test(sim, tokio, smol)]
async fn every_form_of_a_stage_does_what_its_signature_says() -> taktline::Result<()> {
    let flow = numbers(4).then(add(1)).then(twice()).then(running_sum()).then(double()).then(heavy()).then(block());
    assert_eq!(value(flow.collect::<Vec<_>>()).await?, [1, 2, 4, 6, 9, 12, 16, 20].map(|x| 6 * x));
    Ok(())
}

#[taktline::test(sim, tokio, smol)]
async fn configuration_and_type_parameters_are_given_to_the_constructor() -> taktline::Result<()> {
    let made = value(numbers(4).then(shared("a", 0)).then(generic(2)).collect::<Vec<_>>()).await?;
    assert_eq!(made[1], ["a1", "a1"]);
    Ok(())
}

#[taktline::test(sim, tokio, smol)]
async fn every_form_of_a_sink_ends_a_flow() -> taktline::Result<()> {
    value(numbers(4).sink(swallow())).await?;
    value(numbers(4).sink(swallow().concurrency(3))).await?;
    value(numbers(4).sink(swallow_plain())).await?;
    value(numbers(4).sink(swallow_plain().concurrency(3))).await?;
    value(numbers(4).sink(swallow_stream())).await?;
    Ok(())
}

#[taktline::test(sim, tokio, smol)]
async fn a_stage_can_be_called_without_a_pipeline() -> taktline::Result<()> {
    assert_eq!(add(3).call(4).await, 7);
    assert_eq!(double().call(4), 8);
    assert_eq!(block().call(4).expect("it never fails"), 4);
    Ok(())
}

#[taktline::test(sim, tokio, smol)]
async fn a_source_that_fails_ends_the_run_behind_its_items() -> taktline::Result<()> {
    let error = failing().then(add(1)).collect::<Vec<_>>().run().await.expect_err("the source fails");
    assert_eq!((error.stage(), error.is_failed()), (Some("failing"), true));
    let report = error.report().expect("a run that was started has a report");
    assert_eq!(report.stage("collect").map(|row| row.done), Some(3), "{report}");
    Ok(())
}

/// A stage whose type is not known when the program is compiled.
fn boxed(steps: &[u64]) -> Vec<BoxStage<u64, u64>> {
    steps.iter().map(|&by| BoxStage::of(Plus(by))).collect()
}

#[derive(Clone)]
struct Plus(u64);

impl Stage for Plus {
    type In = u64;
    type Out = u64;

    async fn call(&mut self, item: u64, mut out: Out<'_, u64>) -> Result<Option<u64>, taktline::BoxError> {
        out.send(item).await;
        Ok(Some(item + self.0))
    }
}

#[taktline::test(sim, tokio, smol)]
async fn a_pipeline_can_be_put_together_at_run_time() -> taktline::Result<()> {
    let mut flow = numbers(2).boxed();
    for step in boxed(&[10, 100]) {
        flow = flow.then(stage(step).concurrency(2));
    }
    assert_eq!(value(flow.collect::<Vec<_>>()).await?, [0, 100, 10, 110, 1, 101, 11, 111]);
    Ok(())
}

/// Puts what it is given into a list.
#[derive(Clone)]
struct Keep(Arc<Mutex<Vec<u64>>>);

impl Stage for Keep {
    type In = u64;
    type Out = ();
    const SENDS: bool = false;

    async fn call(&mut self, item: u64, _: Out<'_, ()>) -> Result<Option<()>, taktline::BoxError> {
        self.0.lock().expect("no one panics").push(item);
        Ok(None)
    }
}

#[taktline::test(sim, tokio, smol)]
async fn a_stage_without_outputs_is_a_sink() -> taktline::Result<()> {
    let kept = Keep(Arc::default());
    let done = numbers(3).sink(kept.clone()).run().await?;
    assert_eq!(*kept.0.lock().expect("no one panics"), [0, 1, 2]);
    assert_eq!(done.report.stage("sink").map(|row| row.done), Some(3), "{}", done.report);
    Ok(())
}
