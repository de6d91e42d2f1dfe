//! pumps: a task for each stage, channels of tokio between them.

use std::future::Future;

use ::pumps::{Concurrency, Pipeline};

/// Two trivial stages of `limit` futures at a time, in order. The channels have one place, as they have by default: a
/// larger buffer is one more task in each.
pub(crate) async fn chain(items: u64, limit: usize) -> u64 {
    let pipeline = Pipeline::from_iter(0..items)
        .map(|x| async move { x + 1 }, Concurrency::concurrent_ordered(limit))
        .map(|x| async move { x + 1 }, Concurrency::concurrent_ordered(limit));
    sum(pipeline).await
}

/// One stage of `work`.
pub(crate) async fn map<F>(items: u64, concurrency: Concurrency, work: fn(u64) -> F) -> u64
where
    F: Future<Output = u64> + Send + 'static,
{
    sum(Pipeline::from_iter(0..items).map(work, concurrency)).await
}

async fn sum(pipeline: Pipeline<u64>) -> u64 {
    let (mut output, ended) = pipeline.build();
    let mut sum = 0;
    while let Some(value) = output.recv().await {
        sum += value;
    }
    ended.await.expect("no stage panics");
    sum
}
