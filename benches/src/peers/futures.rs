//! futures: combinators of streams, all on the task of the caller.

use std::future::{Future, ready};
use std::hint::black_box;

use ::futures::StreamExt;
use ::futures::stream;

use crate::item::Item;

/// Four pairs of `map` and `filter`.
pub(crate) async fn fused(items: u64) -> u64 {
    stream::iter(0..items)
        .map(black_box)
        .map(|x| x + 1)
        .filter(|x| ready(x % 3 != 0))
        .map(|x| x + 2)
        .filter(|x| ready(x % 5 != 0))
        .map(|x| x + 3)
        .filter(|x| ready(x % 7 != 0))
        .map(|x| x + 4)
        .filter(|x| ready(x % 11 != 0))
        .fold(0, |sum, x| ready(sum + x))
        .await
}

/// Two trivial async stages, one after the other: no overlap.
pub(crate) async fn then<T: Item>(items: u64) -> u64 {
    stream::iter(0..items)
        .map(T::new)
        .then(|item| async { item.add_one() })
        .then(|item| async { item.add_one() })
        .fold(0, |sum, item| ready(sum + item.value()))
        .await
}

/// Two stages, each with `limit` futures at a time that are ready at once, in order.
pub(crate) async fn ready_buffered(items: u64, limit: usize) -> u64 {
    stream::iter(0..items)
        .map(|x| async move { x + 1 })
        .buffered(limit)
        .map(|x| async move { x + 1 })
        .buffered(limit)
        .fold(0, |sum, x| ready(sum + x))
        .await
}

/// The same in any order.
pub(crate) async fn ready_buffer_unordered(items: u64, limit: usize) -> u64 {
    stream::iter(0..items)
        .map(|x| async move { x + 1 })
        .buffer_unordered(limit)
        .map(|x| async move { x + 1 })
        .buffer_unordered(limit)
        .fold(0, |sum, x| ready(sum + x))
        .await
}

/// One stage of `work`, in order.
pub(crate) async fn buffered<F>(items: u64, limit: usize, work: impl Fn(u64) -> F) -> u64
where
    F: Future<Output = u64>,
{
    stream::iter(0..items).map(work).buffered(limit).fold(0, |sum, x| ready(sum + x)).await
}

/// One stage of `work`, in any order.
pub(crate) async fn buffer_unordered<F>(items: u64, limit: usize, work: impl Fn(u64) -> F) -> u64
where
    F: Future<Output = u64>,
{
    stream::iter(0..items).map(work).buffer_unordered(limit).fold(0, |sum, x| ready(sum + x)).await
}
