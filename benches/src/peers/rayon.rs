//! rayon: a pool of threads, for items that are all there.

use std::sync::Arc;

use ::rayon::prelude::*;
use ::rayon::{ThreadPool, ThreadPoolBuilder};

use crate::host::THREADS;

pub(crate) fn pool() -> Arc<ThreadPool> {
    let pool = ThreadPoolBuilder::new().num_threads(THREADS).build();
    Arc::new(pool.expect("the operating system gives threads"))
}

/// All results, in order.
pub(crate) fn ordered(pool: &ThreadPool, items: u64, work: fn(u64) -> u64) -> u64 {
    pool.install(|| (0..items).into_par_iter().map(work).collect::<Vec<u64>>()).into_iter().sum()
}

/// The sum alone.
pub(crate) fn unordered(pool: &ThreadPool, items: u64, work: fn(u64) -> u64) -> u64 {
    pool.install(|| (0..items).into_par_iter().map(work).sum())
}

/// All results. Each thread works with a clone of `state`. Bridged, it begins while `items` is read.
pub(crate) fn mapped<T, S, U>(
    pool: &ThreadPool,
    items: impl Iterator<Item = T> + Send,
    is_bridged: bool,
    state: S,
    work: impl Fn(&mut S, T) -> U + Send + Sync,
) -> Vec<U>
where
    T: Send,
    S: Clone + Send + Sync,
    U: Send,
{
    pool.install(|| {
        if is_bridged {
            items.par_bridge().map_init(|| state.clone(), work).collect()
        } else {
            items.collect::<Vec<T>>().into_par_iter().map_init(|| state.clone(), work).collect()
        }
    })
}
