//! Pipelines by hand, the same for every channel: a task for each stage, a bounded channel between two.

use std::fmt::Debug;
use std::future::Future;

use crate::host::Lane;
use crate::item::Item;

/// What every channel can carry.
pub(crate) trait Carried: Send + Unpin + 'static {}

impl<T: Send + Unpin + 'static> Carried for T {}

/// A bounded channel. The futures are the peer's own: nothing is wrapped around them.
pub(crate) trait Channel: 'static {
    type Sender<T: Carried>: Send + 'static;
    type Receiver<T: Carried>: Send + 'static;

    fn bounded<T: Carried>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>);

    fn send<T: Carried>(tx: &mut Self::Sender<T>, item: T) -> impl Future<Output: Accepted> + Send;

    fn recv<T: Carried>(rx: &mut Self::Receiver<T>) -> impl Future<Output: Received<T>> + Send;
}

/// A channel whose ends can be cloned, for several producers and several workers.
pub(crate) trait Shared: Channel<Sender<u64>: Clone, Receiver<u64>: Clone> {}

impl<C: Channel<Sender<u64>: Clone, Receiver<u64>: Clone>> Shared for C {}

/// What a send gives.
pub(crate) trait Accepted {
    fn accepted(self);
}

impl<E: Debug> Accepted for Result<(), E> {
    fn accepted(self) {
        self.expect("the reader stays until the end");
    }
}

/// What a receive gives.
pub(crate) trait Received<T> {
    fn received(self) -> Option<T>;
}

impl<T> Received<T> for Option<T> {
    fn received(self) -> Option<T> {
        self
    }
}

impl<T, E> Received<T> for Result<T, E> {
    fn received(self) -> Option<T> {
        self.ok()
    }
}

/// source -> channel -> the caller: two tasks.
pub(crate) async fn edge<C: Channel, T: Item>(lane: Lane, items: u64, capacity: usize) -> u64 {
    chain::<C, T>(lane, items, 0, capacity).await
}

/// source -> channel -> `stages` stages, a task each, each with a channel behind it -> the caller.
pub(crate) async fn chain<C: Channel, T: Item>(lane: Lane, items: u64, stages: u64, capacity: usize) -> u64 {
    let (mut tx, mut rx) = C::bounded::<T>(capacity);
    lane.spawn(async move {
        for value in 0..items {
            C::send(&mut tx, T::new(value)).await.accepted();
        }
    });
    for _ in 0..stages {
        let (mut tx, next) = C::bounded::<T>(capacity);
        let mut input = std::mem::replace(&mut rx, next);
        lane.spawn(async move {
            while let Some(item) = C::recv(&mut input).await.received() {
                // An async stage, ready at once.
                let item = async { item.add_one() }.await;
                C::send(&mut tx, item).await.accepted();
            }
        });
    }
    let mut sum = 0;
    while let Some(item) = C::recv(&mut rx).await.received() {
        sum += item.value();
    }
    sum
}

/// `sources` producers of `items / sources` items each -> one channel -> `workers` workers, who sum up apart.
pub(crate) async fn merged_pool<C: Shared>(lane: Lane, items: u64, sources: u64, workers: u64, capacity: usize) -> u64 {
    let (tx, rx) = C::bounded::<u64>(capacity);
    for _ in 0..sources {
        let mut tx = tx.clone();
        lane.spawn(async move {
            for value in 0..items / sources {
                C::send(&mut tx, value).await.accepted();
            }
        });
    }
    drop(tx);
    worked::<C>(lane, rx, workers, |value| value + 1).await
}

/// source -> channel -> `workers` workers that take one item at a time: no results, no order.
pub(crate) async fn pool<C: Shared>(
    lane: Lane,
    items: u64,
    workers: u64,
    capacity: usize,
    work: fn(u64) -> u64,
) -> u64 {
    let (mut tx, rx) = C::bounded::<u64>(capacity);
    lane.spawn(async move {
        for value in 0..items {
            C::send(&mut tx, value).await.accepted();
        }
    });
    worked::<C>(lane, rx, workers, work).await
}

async fn worked<C: Shared>(lane: Lane, rx: C::Receiver<u64>, workers: u64, work: fn(u64) -> u64) -> u64 {
    let (mut done, mut sums) = C::bounded::<u64>(workers as usize);
    for _ in 0..workers {
        let (mut rx, mut done) = (rx.clone(), done.clone());
        lane.spawn(async move {
            let mut sum = 0;
            while let Some(value) = C::recv(&mut rx).await.received() {
                sum += work(value);
            }
            C::send(&mut done, sum).await.accepted();
        });
    }
    let mut sum = 0;
    for _ in 0..workers {
        sum += C::recv(&mut sums).await.received().expect("each worker sends its sum");
    }
    // Kept until here, so that the channel of the sums stays open however fast the workers are.
    C::send(&mut done, 0).await.accepted();
    sum
}
