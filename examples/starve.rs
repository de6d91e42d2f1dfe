//! What `buffered` has started is not polled while the loop body awaits (rust-lang/futures-rs#2387).
//!
//! A page is fetched and stored over one connection. The loop over `buffered` hangs: its body waits for the connection, which
//! a fetch holds that nobody polls. The same loop over the same functions finishes with taktline, where what was started
//! goes on. Exits with 0 if this is what it shows.

use std::{process::ExitCode, sync::Arc, time::Duration};

use async_lock::Semaphore;
use futures::StreamExt;
use taktline::{prelude::*, timeout};

const MS: Duration = Duration::from_millis(1);

#[stage(concurrency = 2)]
async fn fetch(page: u64, connections: &Semaphore) -> u64 {
    let connection = connections.acquire().await;
    sleep(20 * MS).await;
    drop(connection);
    sleep(10 * MS).await;
    page
}

async fn store(page: u64, connections: &Semaphore) -> u64 {
    let _connection = connections.acquire().await;
    sleep(MS).await;
    page
}

async fn with_buffered(connections: Arc<Semaphore>) -> Vec<u64> {
    let (fetch, mut stored) = (fetch(connections.clone()), Vec::new());
    let mut pages = futures::stream::iter(0..5).map(|page| fetch.call(page)).buffered(2);
    while let Some(page) = pages.next().await {
        stored.push(store(page, &connections).await);
    }
    stored
}

async fn with_taktline(connections: Arc<Semaphore>) -> taktline::Result<Vec<u64>> {
    let (fetch, mut stored) = (fetch(connections.clone()), Vec::new());
    let mut pages = iter(0..5).then(fetch).start();
    while let Some(page) = pages.next().await? {
        stored.push(store(page, &connections).await);
    }
    Ok(stored)
}

#[taktline::main]
async fn main() -> ExitCode {
    let buffered = timeout(1000 * MS, with_buffered(Arc::new(Semaphore::new(1)))).await;
    println!("buffered: {buffered:?}");
    let taktline = timeout(1000 * MS, with_taktline(Arc::new(Semaphore::new(1)))).await;
    println!("taktline: {taktline:?}");
    let is_shown = buffered.is_err() && matches!(taktline, Ok(Ok(stored)) if stored == [0, 1, 2, 3, 4]);
    if is_shown { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
