//! futures-concurrency: concurrent streams, on the task of the caller, without order.

use std::future::Future;
use std::num::NonZeroUsize;

use ::futures::stream;
use ::futures_concurrency::prelude::*;

use crate::plans::Sum;

/// One stage of `work`.
pub(crate) async fn limited<F>(items: u64, limit: usize, work: impl Fn(u64) -> F + Clone) -> u64
where
    F: Future<Output = u64>,
{
    let sum = Sum::default();
    let add = |value| {
        sum.add(value);
        async {}
    };
    stream::iter(0..items).co().limit(NonZeroUsize::new(limit)).map(work).for_each(add).await;
    sum.get()
}
