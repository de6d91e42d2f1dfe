//! crossfire: one to one for an edge, many to many for a pool.

use std::future::Future;

use ::crossfire::{AsyncRx, AsyncTx, MAsyncRx, MAsyncTx, mpmc, spsc};

use super::channel::{Accepted, Carried, Channel, Received};

pub(crate) struct OneToOne;

impl Channel for OneToOne {
    type Sender<T: Carried> = AsyncTx<spsc::Array<T>>;
    type Receiver<T: Carried> = AsyncRx<spsc::Array<T>>;

    fn bounded<T: Carried>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        spsc::bounded_async(capacity)
    }

    fn send<T: Carried>(tx: &mut Self::Sender<T>, item: T) -> impl Future<Output: Accepted> + Send {
        tx.send(item)
    }

    fn recv<T: Carried>(rx: &mut Self::Receiver<T>) -> impl Future<Output: Received<T>> + Send {
        rx.recv()
    }
}

pub(crate) struct ManyToMany;

impl Channel for ManyToMany {
    type Sender<T: Carried> = MAsyncTx<mpmc::Array<T>>;
    type Receiver<T: Carried> = MAsyncRx<mpmc::Array<T>>;

    fn bounded<T: Carried>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        mpmc::bounded_async(capacity)
    }

    fn send<T: Carried>(tx: &mut Self::Sender<T>, item: T) -> impl Future<Output: Accepted> + Send {
        tx.send(item)
    }

    fn recv<T: Carried>(rx: &mut Self::Receiver<T>) -> impl Future<Output: Received<T>> + Send {
        rx.recv()
    }
}
