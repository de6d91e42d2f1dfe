//! flume, many to many.

use std::future::Future;

use super::channel::{Accepted, Carried, Channel, Received};

pub(crate) struct Flume;

impl Channel for Flume {
    type Sender<T: Carried> = ::flume::Sender<T>;
    type Receiver<T: Carried> = ::flume::Receiver<T>;

    fn bounded<T: Carried>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        ::flume::bounded(capacity)
    }

    fn send<T: Carried>(tx: &mut Self::Sender<T>, item: T) -> impl Future<Output: Accepted> + Send {
        tx.send_async(item)
    }

    fn recv<T: Carried>(rx: &mut Self::Receiver<T>) -> impl Future<Output: Received<T>> + Send {
        rx.recv_async()
    }
}
