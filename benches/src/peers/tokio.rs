//! tokio by hand: mpsc, `Arc<Mutex<Receiver>>`, `JoinSet` with a semaphore, a task for each item.

use std::future::Future;
use std::sync::Arc;

use ::futures::{Stream, StreamExt, stream};
use ::tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use ::tokio::task::JoinSet;

use super::channel::{Accepted, Carried, Channel, Received};
use crate::host::Lane;

pub(crate) struct Mpsc;

impl Channel for Mpsc {
    type Sender<T: Carried> = mpsc::Sender<T>;
    type Receiver<T: Carried> = mpsc::Receiver<T>;

    fn bounded<T: Carried>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        mpsc::channel(capacity)
    }

    fn send<T: Carried>(tx: &mut Self::Sender<T>, item: T) -> impl Future<Output: Accepted> + Send {
        tx.send(item)
    }

    fn recv<T: Carried>(rx: &mut Self::Receiver<T>) -> impl Future<Output: Received<T>> + Send {
        rx.recv()
    }
}

/// `sources` producers -> mpsc -> workers that share the receiver behind a mutex, and sum up apart.
pub(crate) async fn merged_pool(lane: Lane, items: u64, sources: u64, workers: u64, capacity: usize) -> u64 {
    let (tx, rx) = mpsc::channel::<u64>(capacity);
    for _ in 0..sources {
        let tx = tx.clone();
        lane.spawn(async move {
            for value in 0..items / sources {
                tx.send(value).await.expect("the workers stay until the end");
            }
        });
    }
    drop(tx);
    let rx = Arc::new(Mutex::new(rx));
    let mut set = JoinSet::new();
    for _ in 0..workers {
        let rx = rx.clone();
        set.spawn(async move {
            let mut sum = 0;
            loop {
                let item = rx.lock().await.recv().await;
                match item {
                    Some(value) => sum += value + 1,
                    None => break sum,
                }
            }
        });
    }
    set.join_all().await.into_iter().sum()
}

/// The sum of what a task for each item gives: see [`spawned_and_buffered`].
pub(crate) async fn spawn_and_buffered<F>(items: u64, limit: usize, work: fn(u64) -> F) -> u64
where
    F: Future<Output = u64> + Send + 'static,
{
    spawned(0..items, limit, work).fold(0, |sum, value| async move { sum + value }).await
}

/// A task for each item, results in order: what a user writes who has read that `buffered` runs on one task.
pub(crate) async fn spawned_and_buffered<T, F>(
    items: impl Iterator<Item = T>,
    limit: usize,
    work: impl Fn(T) -> F,
) -> Vec<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    spawned(items, limit, work).collect().await
}

fn spawned<T, F>(items: impl Iterator<Item = T>, limit: usize, work: impl Fn(T) -> F) -> impl Stream<Item = F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let tasks = stream::iter(items).map(move |item| ::tokio::spawn(work(item))).buffered(limit);
    tasks.map(|value| value.expect("no item panics"))
}

/// A task for each item, as many at a time as the semaphore says; results as they come.
pub(crate) async fn join_set<F>(items: u64, limit: usize, work: fn(u64) -> F) -> u64
where
    F: Future<Output = u64> + Send + 'static,
{
    let semaphore = Arc::new(Semaphore::new(limit));
    let mut set = JoinSet::new();
    let mut sum = 0;
    for value in 0..items {
        let permit = semaphore.clone().acquire_owned().await.expect("nobody closes it");
        set.spawn(async move {
            let value = work(value).await;
            drop(permit);
            value
        });
        while let Some(value) = set.try_join_next() {
            sum += value.expect("no item panics");
        }
    }
    while let Some(value) = set.join_next().await {
        sum += value.expect("no item panics");
    }
    sum
}

/// Callers that send requests to one task, each with a way back for its reply.
pub(crate) async fn requests(lane: Lane, total: u64, callers: u64, capacity: usize) -> u64 {
    let (tx, mut rx) = mpsc::channel::<(u64, oneshot::Sender<u64>)>(capacity);
    lane.spawn(async move {
        while let Some((request, reply)) = rx.recv().await {
            // Who asked may have gone.
            let _ = reply.send(request + 1);
        }
    });
    let call_in_turn = move |_| {
        let tx = tx.clone();
        async move {
            let mut sum = 0;
            for x in 0..total / callers {
                let (reply, replied) = oneshot::channel();
                tx.send((x, reply)).await.expect("the task stays until the end");
                sum += replied.await.expect("each request has a reply");
            }
            sum
        }
    };
    lane.sum_of(callers, call_in_turn).await
}
