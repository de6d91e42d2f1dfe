//! A signal drains a pipeline, as the guide says.
#![cfg(unix)]

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use async_signal::{Signal, Signals};
use futures::StreamExt;
use taktline::prelude::*;
use tokio::signal::unix::{SignalKind, signal};

const LONG: Duration = Duration::from_secs(30);

#[stage]
async fn slow(x: u64) -> u64 {
    taktline::sleep(Duration::from_millis(1)).await;
    x
}

/// Runs an endless pipeline until `told` is ready, which a signal to this process has to bring about.
async fn drained(told: impl Future<Output = ()> + Send + 'static) {
    let stop = StopToken::new();
    let token = stop.clone();
    let _signals = taktline::spawn(async move {
        told.await;
        token.drain(LONG);
    });
    let running = iter(0u64..).then(slow()).count().stop_on(&stop).start();
    taktline::sleep(Duration::from_millis(20)).await;
    let sent = Command::new("kill").args(["-TERM", &std::process::id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    let done = taktline::timeout(LONG, running.join()).await.expect("the signal ends it").expect("nothing fails");
    assert!(done.value > 0 && done.report.balances(), "{}", done.report);
}

#[test]
fn a_signal_drains_a_pipeline() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    runtime.block_on(async {
        let mut term = signal(SignalKind::terminate()).expect("it can be listened to");
        drained(async move { term.recv().await.map_or((), |()| ()) }).await;
    });
    let executor = Arc::new(smol::Executor::new());
    let rt = taktline_smol::from_executor(&executor);
    smol::block_on(executor.run(rt.enter(async {
        let mut signals = Signals::new([Signal::Term]).expect("signals can be listened to");
        drained(async move { signals.next().await.map_or((), |_| ()) }).await;
    })));
}
