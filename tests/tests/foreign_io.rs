//! tokio's I/O and timers in a stage, where the runtime is another: the failure names the stage and the cure, and the cure
//! works.
//!
//! A timer stands for all of them: each asks for tokio's context in the same words.

use std::sync::Arc;
use std::time::Duration;

use async_compat::Compat;
use smol::Executor;
use taktline::Error;
use taktline::prelude::*;
use tests::on_sim;

const SHORT: Duration = Duration::from_millis(1);

#[source]
async fn listen(out: Out<u64>) {
    tokio::time::sleep(SHORT).await;
    out.send(1).await;
}

#[stage]
async fn fetch(x: u64) -> u64 {
    tokio::time::sleep(SHORT).await;
    x
}

#[stage(concurrency = 2)]
async fn fetch_with_compat(x: u64) -> u64 {
    Compat::new(async move {
        tokio::time::sleep(SHORT).await;
        x
    })
    .await
}

#[sink]
async fn store(_: u64) {
    tokio::time::sleep(SHORT).await;
}

fn on_smol<T: Send + 'static>(plan: Pipeline<T>) -> taktline::Result<Done<T>> {
    let executor = Arc::new(Executor::new());
    let rt = taktline_smol::from_executor(&executor);
    smol::block_on(executor.run(plan.run_on(&rt)))
}

fn assert_told(error: &Error, stage: &str) {
    assert!(error.is_panic());
    assert_eq!(error.stage(), Some(stage));
    for text in [error.to_string(), format!("{error:?}")] {
        let (first, cure) = text.split_once("; ").expect("it has a cure");
        assert!(first.starts_with(&format!("stage `{stage}` failed")), "{text}");
        assert!(first.contains("there is no reactor running"), "{text}");
        assert!(cure.contains("async-compat") && cure.contains("run on it"), "{text}");
    }
}

#[test]
fn the_failure_names_the_stage_and_the_cure() {
    for (stage, plan) in [
        ("listen", listen().for_each(drop)),
        ("fetch", iter([1]).then(fetch()).for_each(drop)),
        ("fetch", iter(0..9).then(fetch().concurrency(3)).for_each(drop)),
        ("store", iter([1]).sink(store())),
    ] {
        let error = on_smol(plan.clone()).expect_err("there is no tokio");
        assert_told(&error, stage);
        let error = on_sim(1, |rt| plan.clone().run_on(&rt)).expect_err("there is no tokio");
        assert_told(&error, stage);
    }
}

#[test]
fn any_other_panic_is_told_as_it_is() {
    let plan = iter([1u64]).then(|_| async { panic!("reactor") }).for_each(|(): ()| ());
    let error = on_smol(plan).expect_err("it panics");
    assert_eq!(error.to_string(), "stage `then` failed on item 0: panicked: reactor");
}

#[test]
fn async_compat_is_a_cure() {
    let done = on_smol(iter(0..9).then(fetch_with_compat()).collect::<Vec<_>>()).expect("it has a context");
    assert_eq!(done.value, (0..9).collect::<Vec<_>>());
}

#[test]
fn on_tokio_there_is_nothing_to_cure() {
    let plan = listen().then(fetch()).sink(store());
    taktline_tokio::block_on(plan.run()).expect("tokio has its own context");
}
