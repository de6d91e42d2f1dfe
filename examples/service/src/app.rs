//! What the service does with each request. Knows no web framework.

use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use bytes::Bytes;
use taktline::describe::Description;
use taktline::inlet::{CallError, Calls, Inlet, TrySendError};
use taktline::prelude::*;
use taktline::run::Running;
use taktline::{StopToken, timeout};

use crate::pages;
use crate::pipeline::{self, Job, Refused};

/// The largest body that is read.
pub(crate) const BODY_MAX: usize = 1 << 20;
/// How long a client may take to send it.
const BODY_TIME: Duration = Duration::from_secs(5);
/// How long a request waits for a place in the pipeline before it is shed.
const PLACE_TIME: Duration = Duration::from_millis(250);
const REPLY_TIME: Duration = Duration::from_secs(10);
/// How long a stop may take, before the rest is cut.
pub(crate) const STOP_TIME: Duration = Duration::from_secs(25);

pub(crate) struct App {
    thumbnails: Calls<Bytes, Bytes>,
    jobs: Inlet<Job>,
    jobs_accepted: AtomicU64,
    pub(crate) thumbnails_run: Embedded<()>,
    pub(crate) jobs_run: Embedded<u64>,
    stop: StopToken,
}

/// A pipeline that runs, and what it looks like.
pub(crate) struct Embedded<V> {
    pub(crate) name: &'static str,
    pub(crate) graph: Description,
    pub(crate) running: Running<V>,
}

impl<V: Send + 'static> Embedded<V> {
    fn start(name: &'static str, pipeline: Pipeline<V>, stop: &StopToken) -> Self {
        let graph = pipeline.describe();
        Embedded { name, graph, running: pipeline.stop_on(stop).start() }
    }
}

/// How a request was answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(status: u16, text: impl Into<String>) -> Answer {
        Answer { status, content_type: "text/plain; charset=utf-8", body: text.into().into() }
    }
}

/// What is left to say at the end.
pub(crate) struct Ended {
    pub(crate) text: String,
    /// Nothing that was accepted was cut.
    pub(crate) is_complete: bool,
}

impl App {
    /// Starts both pipelines on the runtime of the caller.
    pub(crate) fn start(store: &Path) -> App {
        let stop = StopToken::new();
        let workers = available_parallelism().map_or(1, usize::from);
        let (thumbnails, calls) = pipeline::thumbnails(workers);
        let (jobs, background) = pipeline::jobs(store.into());
        App {
            thumbnails,
            jobs,
            jobs_accepted: AtomicU64::new(0),
            thumbnails_run: Embedded::start("thumbnails", calls, &stop),
            jobs_run: Embedded::start("jobs", background, &stop),
            stop,
        }
    }

    /// The place comes first: a request for which there is none is shed before its body is read.
    pub(crate) async fn thumbnail(&self, body: impl Future<Output = Option<Bytes>>) -> Answer {
        let permit = match timeout(PLACE_TIME, self.thumbnails.reserve()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Answer::text(503, "the service stops\n"),
            Err(_) => return busy(),
        };
        let picture = match read(body).await {
            Ok(picture) => picture,
            Err(answer) => return answer,
        };
        match permit.call(picture).deadline(REPLY_TIME).cancel_on_leave().await {
            Ok(png) => Answer { status: 200, content_type: "image/png", body: png },
            Err(CallError::Failed(error)) => match error.downcast_ref::<Refused>() {
                Some(refused) => Answer::text(422, format!("{refused}\n")),
                None => Answer::text(500, "the picture has failed\n"),
            },
            Err(CallError::Late) => Answer::text(504, "it takes too long\n"),
            Err(CallError::Closed(_)) => Answer::text(503, "the service stops\n"),
            Err(_) => Answer::text(500, "there is no reply\n"),
        }
    }

    /// Accepted means that it will be done: a stop waits for it.
    pub(crate) async fn job(&self, body: impl Future<Output = Option<Bytes>>) -> Answer {
        let picture = match read(body).await {
            Ok(picture) => picture,
            Err(answer) => return answer,
        };
        let number = self.jobs_accepted.fetch_add(1, Ordering::Relaxed);
        match self.jobs.try_send(Job { number, picture }) {
            Ok(()) => Answer::text(202, format!("{number}\n")),
            Err(TrySendError::Full(_)) => busy(),
            Err(TrySendError::Closed(_)) => Answer::text(503, "the service stops\n"),
        }
    }

    pub(crate) fn health(&self) -> Answer {
        let is_well = !self.thumbnails_run.running.is_over() && !self.jobs_run.running.is_over();
        if is_well { Answer::text(200, "ok\n") } else { Answer::text(503, "a pipeline has ended\n") }
    }

    pub(crate) fn metrics(&self) -> Answer {
        Answer { content_type: "text/plain; version=0.0.4", ..Answer::text(200, pages::metrics(self)) }
    }

    pub(crate) fn graphs(&self) -> Answer {
        Answer::text(200, pages::graphs(self))
    }

    /// How many callers have gone away after their request was accepted.
    pub(crate) fn callers_left(&self) -> u64 {
        self.thumbnails.left()
    }

    /// Takes nothing more, finishes what was accepted, and cuts the rest when the time is over.
    pub(crate) async fn stop(&self, within: Duration) -> Ended {
        self.stop.drain(within);
        self.thumbnails_run.running.wait().await;
        self.jobs_run.running.wait().await;
        let reports = [self.thumbnails_run.running.report(), self.jobs_run.running.report()];
        let abandoned: u64 = reports.iter().flatten().flat_map(|report| report.stages()).map(|row| row.abandoned).sum();
        let text: Vec<_> = reports.iter().flatten().map(ToString::to_string).collect();
        Ended { text: text.join("\n\n"), is_complete: abandoned == 0 }
    }
}

/// The body, if it is not too large, and comes in time.
async fn read(body: impl Future<Output = Option<Bytes>>) -> Result<Bytes, Answer> {
    match timeout(BODY_TIME, body).await {
        Ok(Some(body)) => Ok(body),
        Ok(None) => Err(Answer::text(413, format!("no body may have more than {BODY_MAX} bytes\n"))),
        Err(_) => Err(Answer::text(408, "the body does not come\n")),
    }
}

fn busy() -> Answer {
    Answer::text(503, "the service is busy\n")
}
