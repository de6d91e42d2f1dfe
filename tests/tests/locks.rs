//! Nothing of the user's runs under a lock of the engine: a waker may poll other tasks of the run in place.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use taktline::lineage::Ticket;
use taktline::prelude::*;

/// Runs what is ready on the executor, in place.
struct Ticks(Arc<smol::Executor<'static>>);

impl Wake for Ticks {
    fn wake(self: Arc<Self>) {
        for _ in 0..10 {
            self.0.try_tick();
        }
    }
}

/// A ticket whose receipt is waited for by such a waker.
fn ticket(waker: &Waker) -> Ticket {
    let (ticket, receipt) = Ticket::new();
    // Forgotten, so that it goes on to be told.
    let mut receipt = Box::pin(receipt);
    assert!(receipt.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
    std::mem::forget(receipt);
    ticket
}

#[stage]
async fn none(x: u64, out: Out<u64>) {
    taktline::yield_now().await;
    if x > 1_000_000 {
        out.send(x).await;
    }
}

#[stage]
async fn same(x: u64) -> u64 {
    taktline::yield_now().await;
    x
}

#[stage]
async fn fails(x: u64) -> Result<u64, String> {
    taktline::yield_now().await;
    if x == 50 { Err("bad item".to_owned()) } else { Ok(x) }
}

#[test]
fn a_receipt_is_told_outside_of_the_locks_of_a_pool() {
    type Attach = fn(BoxFlow<u64, Ticket>) -> BoxFlow<u64, Ticket>;
    let pools: [(&str, Attach); 6] = [
        ("no outputs", |flow| flow.then(none().concurrency(3))),
        ("no outputs, unordered", |flow| flow.then(none().concurrency(3).unordered())),
        ("an output", |flow| flow.then(same().concurrency(3))),
        ("an output, unordered", |flow| flow.then(same().concurrency(3).unordered())),
        ("a failure", |flow| flow.then(fails().concurrency(3))),
        ("a failure, unordered", |flow| flow.then(fails().concurrency(3).unordered())),
    ];
    for (name, attach) in pools {
        let (send, ended) = mpsc::channel();
        thread::spawn(move || {
            let executor = Arc::new(smol::Executor::new());
            let rt = taktline_smol::from_executor(&executor);
            let waker = Waker::from(Arc::new(Ticks(executor.clone())));
            let flow = iter(0..100u64).tracked(move |_| ticket(&waker)).boxed();
            let mut run = pin!(attach(flow).for_each(drop).run_on(&rt));
            let outcome = smol::block_on(executor.run(async { run.as_mut().await }));
            let _ = send.send(outcome.is_ok());
        });
        let is_ok = ended.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| panic!("{name}: it hangs"));
        assert_eq!(is_ok, !name.starts_with("a failure"), "{name}");
    }
}
