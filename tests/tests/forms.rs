//! Every form of an attribute does what its signature says.
use std::time::Duration;
use taktline::prelude::*;

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
    sleep(Duration::from_secs(1)).await;
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

#[taktline::test(sim, tokio, smol)]
async fn every_form() -> taktline::Result<()> {
    let done = numbers(4)
        .then(add(1))
        .then(twice())
        .then(running_sum())
        .then(double())
        .then(heavy())
        .then(block())
        .collect::<Vec<_>>()
        .run()
        .await?;
    println!("{}", done.report);
    assert!(done.report.balances());
    assert_eq!(done.value, [1, 2, 4, 6, 9, 12, 16, 20].map(|x| 6 * x));
    let done = numbers(4).then(shared("a", 0)).then(generic(2)).collect::<Vec<_>>().run().await?;
    assert_eq!(done.value[1], ["a1", "a1"]);
    numbers(4).sink(swallow()).run().await?;
    numbers(4).sink(swallow().concurrency(3)).run().await?;
    numbers(4).sink(swallow_plain()).run().await?;
    numbers(4).sink(swallow_stream()).run().await?;
    assert_eq!(add(3).call(4).await, 7);
    let err = failing().then(add(1)).collect::<Vec<_>>().run().await.unwrap_err();
    println!("{err:?}");
    assert_eq!(err.report().unwrap().stage("collect").unwrap().done, 3);
    Ok(())
}
