//! Nothing of the user's runs under a lock of the engine: a waker may poll other tasks of the run in place.

use std::fmt;
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

/// An error that runs what is ready when it is dropped.
struct Ticking(Ticks);

impl fmt::Debug for Ticking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticking")
    }
}

impl fmt::Display for Ticking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bad item")
    }
}

impl std::error::Error for Ticking {}

impl Drop for Ticking {
    fn drop(&mut self) {
        for _ in 0..10 {
            self.0.0.try_tick();
        }
    }
}

#[stage]
async fn refuses(x: u64, ticks: &Ticks) -> Result<u64, Ticking> {
    taktline::yield_now().await;
    if x % 3 == 0 { Err(Ticking(Ticks(ticks.0.clone()))) } else { Ok(x) }
}

#[test]
fn an_error_that_is_skipped_is_dropped_outside_of_the_locks_of_a_pool() {
    for is_ordered in [true, false] {
        let (send, ended) = mpsc::channel();
        thread::spawn(move || {
            let executor = Arc::new(smol::Executor::new());
            let rt = taktline_smol::from_executor(&executor);
            let stage = refuses(Ticks(executor.clone())).concurrency(3).on_error(OnError::Skip);
            let stage = if is_ordered { stage } else { stage.unordered() };
            let run = iter(0..100u64).then(stage).count().run_on(&rt);
            let done = smol::block_on(executor.run(run)).expect("what fails is skipped");
            assert!(done.report.balances(), "{}", done.report);
            let _ = send.send(done.value);
        });
        let count = ended.recv_timeout(Duration::from_secs(20)).expect("it hangs, or has panicked");
        assert_eq!(count, 66, "ordered: {is_ordered}");
    }
}
