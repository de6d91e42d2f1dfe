//! tachyonix, many to one.

use std::future::Future;

use super::channel::{Accepted, Carried, Channel, Received};

pub(crate) struct Tachyonix;

impl Channel for Tachyonix {
    type Sender<T: Carried> = ::tachyonix::Sender<T>;
    type Receiver<T: Carried> = ::tachyonix::Receiver<T>;

    fn bounded<T: Carried>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        ::tachyonix::channel(capacity)
    }

    fn send<T: Carried>(tx: &mut Self::Sender<T>, item: T) -> impl Future<Output: Accepted> + Send {
        tx.send(item)
    }

    fn recv<T: Carried>(rx: &mut Self::Receiver<T>) -> impl Future<Output: Received<T>> + Send {
        rx.recv()
    }
}
