//! par-stream: workers behind channels, on tokio.

use std::future::{Future, ready};

use ::futures::{StreamExt, stream};
use ::par_stream::{ParParams, ParStreamExt};

fn workers(num_workers: usize, buffer: usize) -> ParParams {
    ParParams { num_workers, buf_size: Some(buffer) }
}

/// Two trivial stages with `limit` workers each, in order.
pub(crate) async fn chain(items: u64, limit: usize, buffer: usize) -> u64 {
    stream::iter(0..items)
        .par_then(workers(limit, buffer), |x| async move { x + 1 })
        .par_then(workers(limit, buffer), |x| async move { x + 1 })
        .fold(0, |sum, x| ready(sum + x))
        .await
}

/// One stage of `work`, in order.
pub(crate) async fn ordered<F>(items: u64, limit: usize, buffer: usize, work: fn(u64) -> F) -> u64
where
    F: Future<Output = u64> + Send + 'static,
{
    stream::iter(0..items).par_then(workers(limit, buffer), work).fold(0, |sum, x| ready(sum + x)).await
}

/// One stage of `work`, in any order.
pub(crate) async fn unordered<F>(items: u64, limit: usize, buffer: usize, work: fn(u64) -> F) -> u64
where
    F: Future<Output = u64> + Send + 'static,
{
    stream::iter(0..items).par_then_unordered(workers(limit, buffer), work).fold(0, |sum, x| ready(sum + x)).await
}
