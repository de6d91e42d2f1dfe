//! kanal, many to many.

use std::future::Future;

use super::channel::{Accepted, Carried, Channel, Received};

pub(crate) struct Kanal;

impl Channel for Kanal {
    type Sender<T: Carried> = ::kanal::AsyncSender<T>;
    type Receiver<T: Carried> = ::kanal::AsyncReceiver<T>;

    fn bounded<T: Carried>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        ::kanal::bounded_async(capacity)
    }

    fn send<T: Carried>(tx: &mut Self::Sender<T>, item: T) -> impl Future<Output: Accepted> + Send {
        tx.send(item)
    }

    fn recv<T: Carried>(rx: &mut Self::Receiver<T>) -> impl Future<Output: Received<T>> + Send {
        rx.recv()
    }
}
