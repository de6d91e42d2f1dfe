//! async-channel, many to many.

use std::future::Future;

use super::channel::{Accepted, Carried, Channel, Received};

pub(crate) struct AsyncChannel;

impl Channel for AsyncChannel {
    type Sender<T: Carried> = ::async_channel::Sender<T>;
    type Receiver<T: Carried> = ::async_channel::Receiver<T>;

    fn bounded<T: Carried>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        ::async_channel::bounded(capacity)
    }

    fn send<T: Carried>(tx: &mut Self::Sender<T>, item: T) -> impl Future<Output: Accepted> + Send {
        tx.send(item)
    }

    fn recv<T: Carried>(rx: &mut Self::Receiver<T>) -> impl Future<Output: Received<T>> + Send {
        rx.recv()
    }
}
