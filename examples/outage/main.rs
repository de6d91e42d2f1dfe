//! A pipeline against a server that fails, hangs, resets and recovers: what happened to every item, and books that balance.
//!
//! ```console
//! cargo run --release --example outage --all-features
//! ```

mod server;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

use taktline::prelude::*;

/// Requests that are made, ten milliseconds apart.
const REQUESTS: u64 = 200;

/// How long a request waits for its answer.
const PATIENCE: Duration = Duration::from_millis(60);

/// What happened at each attempt of each request.
type Story = Mutex<BTreeMap<u64, Vec<String>>>;

#[source]
async fn requests(out: Out<u64>) {
    for request in 0..REQUESTS {
        sleep(Duration::from_millis(10)).await;
        out.send(request).await;
    }
}

/// A call blocks, so its time limit is the socket's. Four further attempts at most, and no more of them in all than a tenth of
/// the requests and ten.
#[stage(blocking, concurrency = 8, retry = 4, backoff = exponential(40ms, cap = 200ms, jitter), on_error = skip)]
fn ask(request: u64, server: &SocketAddr, story: &Story) -> Result<u64, std::io::Error> {
    let answer = call(request, *server);
    let told = answer.as_ref().map_or_else(ToString::to_string, |_| "answered".to_owned());
    story.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).entry(request).or_default().push(told);
    answer
}

fn call(request: u64, server: SocketAddr) -> Result<u64, std::io::Error> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{request}\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(&stream).read_line(&mut answer)?;
    match answer.trim() {
        "" => Err(std::io::Error::other("the connection was closed without an answer")),
        answer => answer.parse().map_err(|_| std::io::Error::other(answer.to_owned())),
    }
}

#[taktline::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = server::start()?;
    let story = std::sync::Arc::new(Story::default());
    let done = requests().then(ask(server, story.clone())).collect::<Vec<_>>().run().await?;
    let story = std::mem::take(&mut *story.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    for (request, attempts) in &story {
        println!("{request:>4}  {}", attempts.join(" | "));
    }
    let row = done.report.stage("ask").ok_or("every stage has a row")?;
    let attempts: usize = story.values().map(Vec::len).sum();
    println!("\n{}\n", done.report);
    println!("requests: {REQUESTS}, answered: {}, given up: {}, attempts: {attempts}", done.value.len(), row.skipped);
    // The witness of the ledger is what the calls have told.
    let answered: Vec<u64> =
        story.iter().filter(|(_, told)| told.ends_with(&["answered".to_owned()])).map(|(x, _)| *x).collect();
    let agrees = answered == done.value && row.retried == attempts as u64 - REQUESTS;
    let is_whole = done.report.balances() && row.done + row.skipped == REQUESTS;
    println!("books balance: {is_whole}, ledger and witness agree: {agrees}");
    if agrees && is_whole { Ok(()) } else { Err("the books do not balance".into()) }
}
