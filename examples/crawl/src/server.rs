//! A server of a folder that counts its requests, and has faults: it refuses some, and lets others wait.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::fs;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use taktline::op::Fnv1a;
use taktline::runtime::Task;
use taktline::{Instant, sleep, spawn, spawn_blocking};

use crate::net::{Connection, Listener};

/// How long an answer takes at least: the way to a server that is not on this machine.
const LATENCY: Duration = Duration::from_millis(30);

/// How long a request waits that the server lets wait.
const STALL: Duration = Duration::from_secs(60);

/// What the server has counted.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Requests that have come.
    pub requests: u64,
    /// Those that it has now, and the most that it had at once.
    pub now: usize,
    /// The most that it had at once.
    pub peak: usize,
    /// The most that have come within a second.
    pub peak_in_a_second: usize,
    /// Requests that were answered with 503.
    pub refused: u64,
    /// Requests that were let wait.
    pub stalled: u64,
    /// How often each page was sent.
    pub sent: BTreeMap<String, u32>,
    last_second: VecDeque<Instant>,
    attempts: BTreeMap<String, u32>,
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    site: Arc<Site>,
    _accepting: Task<()>,
}

#[derive(Debug)]
struct Site {
    folder: PathBuf,
    counts: Mutex<Counts>,
}

enum Mood {
    Answers,
    Refuses,
    Stalls,
}

impl Server {
    /// Serves `folder` to those who connect to `listener`.
    pub fn start(listener: Listener, folder: PathBuf) -> io::Result<Server> {
        let address = listener.address()?;
        let site = Arc::new(Site { folder, counts: Mutex::default() });
        let served = site.clone();
        let accepting = spawn(async move {
            loop {
                match listener.accept().await {
                    // It ends when the client hangs up.
                    Ok(connection) => spawn(serve(served.clone(), connection)).detach(),
                    Err(error) => {
                        eprintln!("server: {error}");
                        sleep(LATENCY).await;
                    }
                }
            }
        });
        Ok(Server { address, site, _accepting: accepting })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has counted until now.
    pub fn counts(&self) -> Counts {
        self.site.counts().clone()
    }
}

async fn serve(site: Arc<Site>, connection: Connection) {
    let answer = service_fn(|request| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(answer(site, request).await) }
    });
    let mut serving = http1::Builder::new().serve_connection(connection, answer);
    // A client that hangs up early is no fault of the server.
    let _ = poll_fn(|cx| Pin::new(&mut serving).poll(cx)).await;
    // This drops what answers a request that is cut, and only then the socket: the client sees that the connection is over
    // when the request is.
    drop(serving.into_parts());
}

async fn answer(site: Arc<Site>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let _here = site.enter();
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().trim_start_matches('/').to_owned();
    match site.mood(&path) {
        Mood::Answers => sleep(LATENCY).await,
        Mood::Refuses => return empty(StatusCode::SERVICE_UNAVAILABLE),
        Mood::Stalls => {
            sleep(STALL).await;
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        }
    }
    let (read, file) = (site.clone(), path.clone());
    let found = spawn_blocking(move || {
        let file = read.folder.join(file);
        if file.is_dir() { Ok(None) } else { fs::read(file).map(Some) }
    });
    match found.await {
        Ok(Ok(Some(page))) => {
            *site.counts().sent.entry(path).or_default() += 1;
            let response = Response::builder().header(CONTENT_TYPE, "text/html");
            response.body(Full::new(page.into())).unwrap_or_default()
        }
        Ok(Ok(None)) => {
            let index = format!("{}/index.html", request.uri().path().trim_end_matches('/'));
            let response = Response::builder().status(StatusCode::MOVED_PERMANENTLY).header(LOCATION, index);
            response.body(Full::default()).unwrap_or_default()
        }
        _ => empty(StatusCode::NOT_FOUND),
    }
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

impl Site {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Counts a request until what this gives is dropped.
    fn enter(self: &Arc<Self>) -> Here {
        let now = taktline::now();
        let mut counts = self.counts();
        counts.requests += 1;
        counts.now += 1;
        counts.peak = counts.peak.max(counts.now);
        counts.last_second.push_back(now);
        while counts.last_second.front().is_some_and(|first| now.duration_since(*first) >= Duration::from_secs(1)) {
            counts.last_second.pop_front();
        }
        counts.peak_in_a_second = counts.peak_in_a_second.max(counts.last_second.len());
        Here(self.clone())
    }

    /// The same for each page in each run: it depends on the path, and on how often it was asked for.
    fn mood(&self, path: &str) -> Mood {
        let mut hash = Fnv1a::new();
        hash.bytes(path.as_bytes());
        let mut counts = self.counts();
        let attempt = counts.attempts.entry(path.to_owned()).or_default();
        *attempt += 1;
        match (*attempt, hash.value() % 16) {
            (1 | 2, 0) | (1, 1) => {
                counts.refused += 1;
                Mood::Refuses
            }
            (1, 2) => {
                counts.stalled += 1;
                Mood::Stalls
            }
            _ => Mood::Answers,
        }
    }
}

/// A request that the server has.
struct Here(Arc<Site>);

impl Drop for Here {
    fn drop(&mut self) {
        self.0.counts().now -= 1;
    }
}
