//! Stages that read or write a whole stream: sources, stream-to-stream stages, and sinks that read a stream.

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::forms::{Generate, Transform};
use super::outlet_port::Port;
use super::settings::Settings;
use super::worker::{BUDGET, Desk, End, Failing, Site, guarded, run_body};
use super::{Backoff, In, InPort, Out};
use crate::edge::{Next, Rx, edge, wake};
use crate::error::Fate;
use crate::flow::Flow;
use crate::ledger::{Kind, Spent, Stopwatch};
use crate::lineage::Lineage;
use crate::plan::{Build, Outline};
use crate::push::{Outlet, Push};
use crate::run::{Doing, Ends, Node, Stop};
use crate::runtime::yield_now;
use crate::sink::Nowhere;
use crate::sync::Mutex;

/// How long a source has to run for its next failure to count as its first.
const HEALTHY: Duration = Duration::from_secs(60);

/// A source that is a function.
#[derive(Clone)]
pub(super) struct SourceFlow<S> {
    pub(super) body: S,
    pub(super) name: Cow<'static, str>,
    pub(super) restart: Option<Backoff>,
}

impl<S: Generate> SourceFlow<S> {
    pub(super) fn build<N: Push<S::Out, ()>>(self, build: &mut Build, next: N) {
        let site = build.site(&self.name, Kind::Source);
        let mut outlet = next.into_outlet();
        outlet.bind(&site.node);
        build.task(&site, drive_source(self.body, self.restart, outlet, site.clone()));
    }
}

async fn drive_source<S: Generate>(template: S, restart: Option<Backoff>, outlet: Outlet<S::Out, ()>, site: Site) {
    let node = &site.node;
    let port = Port::new(outlet, node);
    let mut books = SourceBooks { site: &site, stopwatch: Stopwatch::alone(&node.counts, site.run.rt.now()) };
    let (mut template, mut failures) = (Some(template), 0);
    loop {
        // One that is not started again is not cloned.
        let body = if restart.is_some() { template.clone() } else { template.take() };
        let Some(body) = body else { break };
        let began = site.run.rt.now();
        match generate(body, &port, node, &mut books).await {
            End::Cut if !port.has_ended() => port.end(),
            // What was sent before a drain is accepted, too.
            End::Cut | End::Returned(Ok(())) => {
                port.settle(node).await;
                port.end();
            }
            End::Returned(Err(error)) => {
                // What it has sent goes on. Then it is the failure's turn.
                let failing = Failing::new(&site, None, error);
                let is_healthy = site.run.rt.now().duration_since(began) >= HEALTHY;
                port.settle(node).await;
                if let Some(backoff) = restart.filter(|_| !node.is_stopped()) {
                    failing.forgive();
                    failures = if is_healthy { 1 } else { failures + 1 };
                    node.counts.retried.add(1);
                    let time = backoff.after(failures, site.run.rt.random());
                    node.trace.retries(failures, time);
                    if pause(time, &site).await {
                        continue;
                    }
                    port.end();
                }
            }
        }
        break;
    }
}

/// Waits before a restart. False if the source is to end instead.
async fn pause(time: Duration, site: &Site) -> bool {
    let Site { run, node } = site;
    // A wait of no time is ready at once.
    yield_now().await;
    let mut sleep = run.rt.sleep(time);
    poll_fn(|cx| {
        if node.is_stopped() || node.is_draining() {
            return Poll::Ready(false);
        }
        Pin::new(&mut sleep).poll(cx).map(|()| true)
    })
    .await
}

/// Runs the function of a source once.
async fn generate<S: Generate>(
    mut body: S,
    port: &Port<S::Out, ()>,
    node: &Node,
    books: &mut SourceBooks<'_>,
) -> End<()> {
    let body = async {
        let mut body = pin!(async { S::outcome(body.run(Out::new(port)).await) });
        // A drain ends it at the await that it is in: it is not polled again.
        poll_fn(|cx| if port.has_ended() { Poll::Pending } else { body.as_mut().poll(cx) }).await
    };
    let ended = guarded(run_body(body, node, |cx| {
        let settled = port.poll_settled(cx);
        books.add(port.take_sent(), port.waits() || settled.is_pending());
        // A stop that came before this poll has cut it already.
        node.is_stopped() || port.is_over() || port.has_ended()
    }))
    .await;
    books.add(port.take_sent(), true);
    port.end_of(ended)
}

/// The books of a source: it has only an *out*.
struct SourceBooks<'a> {
    site: &'a Site,
    stopwatch: Stopwatch,
}

impl SourceBooks<'_> {
    fn add(&mut self, sent: u64, waits: bool) {
        let Site { run, node } = self.site;
        node.counts.out.add(sent);
        node.set_doing(if waits { Doing::WaitForRoom } else { Doing::Work });
        let what = if waits { Spent::WaitingForRoom } else { Spent::Busy };
        if !self.stopwatch.is(what) {
            self.stopwatch.turn(&node.counts, what, run.rt.now());
        }
    }
}

impl Drop for SourceBooks<'_> {
    fn drop(&mut self) {
        self.stopwatch.stop(&self.site.node.counts, self.site.run.rt.now());
    }
}

/// A flow through a stream-to-stream stage.
#[derive(Clone)]
pub(super) struct StreamFlow<P, S> {
    pub(super) upstream: P,
    pub(super) body: S,
    pub(super) settings: Settings,
}

impl<P: Flow, S: Transform<Item = P::Item>> Flow for StreamFlow<P, S> {
    type Item = S::Out;
    type Lineage = P::Lineage;

    fn build<N: Push<S::Out, P::Lineage>>(self, build: &mut Build, next: N) {
        let StreamFlow { upstream, body, settings } = self;
        let site = build.site(&settings.name, Kind::Stage);
        let mut outlet = next.into_outlet();
        outlet.bind(&site.node);
        start(upstream, body, &settings, outlet, &site, build);
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline_stream(&self.upstream, &self.settings, Kind::Stage, outline);
    }
}

/// A sink that reads a stream, at the end of a flow.
#[derive(Clone)]
pub(super) struct StreamSinkFlow<P, S> {
    pub(super) upstream: P,
    pub(super) body: S,
    pub(super) settings: Settings,
}

impl<P: Flow, S: Transform<Item = P::Item, Out = ()>> Ends for StreamSinkFlow<P, S> {
    fn build(self, build: &mut Build) {
        let StreamSinkFlow { upstream, body, settings } = self;
        let site = build.site(&settings.name, Kind::Sink);
        start(upstream, body, &settings, Outlet::Fused(Box::new(Nowhere)), &site, build);
    }

    fn outline(&self, outline: &mut Outline) {
        outline_stream(&self.upstream, &self.settings, Kind::Sink, outline);
    }
}

fn start<P: Flow, S: Transform<Item = P::Item>>(
    upstream: P,
    body: S,
    settings: &Settings,
    outlet: Outlet<S::Out, P::Lineage>,
    site: &Site,
    build: &mut Build,
) {
    let (tx, rx) = edge(settings.edge_buffer(upstream.edge_buffer()), &site.node);
    build.task(site, drive_stream(body, rx, outlet, site.clone()));
    upstream.build(build, tx);
}

fn outline_stream<P: Flow>(upstream: &P, settings: &Settings, kind: Kind, outline: &mut Outline) {
    let buffer = settings.edge_buffer(upstream.edge_buffer());
    outline.hold(1);
    let at = outline.node(&settings.name, kind);
    outline.edge(at, &settings.name, buffer);
    upstream.outline(outline, buffer);
}

async fn drive_stream<S: Transform, L: Lineage>(
    mut body: S,
    rx: Rx<S::Item, L>,
    outlet: Outlet<S::Out, L>,
    site: Site,
) {
    let node = &site.node;
    let port = Arc::new(Port::new(outlet, node));
    let input = Intake { port: port.clone(), site: site.clone(), state: Mutex::new(Reading::new(rx, &site)) };
    let run = run_body(async { S::outcome(body.run(In::new(&input), Out::new(&*port)).await) }, node, |cx| {
        input.publish(cx);
        node.stop_reason() == Stop::Cut || port.is_over()
    });
    let ended = guarded(run).await;
    input.count_sent();
    match port.end_of(ended) {
        End::Cut => port.end(),
        End::Returned(Ok(())) => {
            port.settle(node).await;
            input.state.lock().settle();
            port.end();
        }
        End::Returned(Err(error)) => {
            let item = input.state.lock().fail();
            // What it has sent goes on. Then it is the failure's turn.
            let _failing = Failing::new(&site, item, error);
            port.settle(node).await;
        }
    }
    input.state.lock().rx.close(site.reason_to_close());
}

/// What the body reads from. An item is in work from its read until the next one, or the end of the body.
struct Intake<T, U, L> {
    port: Arc<Port<U, L>>,
    site: Site,
    state: Mutex<Reading<T, L>>,
}

struct Reading<T, L> {
    rx: Rx<T, L>,
    desk: Desk,
    in_hand: Option<u64>,
    looked_at: u32,
    has_ended: bool,
    waits: bool,
}

impl<T, L> Reading<T, L> {
    fn new(rx: Rx<T, L>, site: &Site) -> Self {
        let desk = Desk::new(site.clone());
        Reading { rx, desk, in_hand: None, looked_at: 0, has_ended: false, waits: false }
    }

    /// The item in hand, if there is one, is done. Whether it had outputs cannot be told.
    fn settle(&mut self) {
        if self.in_hand.take().is_some() {
            self.desk.finish();
            self.desk.done();
        }
    }

    /// The item in hand, if there is one, has failed, and nothing more is read. Says which item it is.
    fn fail(&mut self) -> Option<u64> {
        let item = self.in_hand.take();
        if item.is_some() {
            self.desk.finish();
            self.desk.fail(Fate::Fails);
            self.desk.flush();
        }
        self.rx.close(Stop::Cut);
        item
    }
}

impl<T: Send + 'static, U: Send + 'static, L: Lineage> Intake<T, U, L> {
    /// Books what was sent, before a wait: the task may never be polled again.
    fn count_sent(&self) {
        let sent = self.port.take_sent();
        let mut reading = self.state.lock();
        reading.desk.sent(sent);
        reading.desk.flush();
    }

    fn publish(&self, cx: &mut Context<'_>) {
        let _ = self.port.poll_settled(cx);
        let mut reading = self.state.lock();
        let writer = reading.rx.release();
        let sent = self.port.take_sent();
        reading.desk.sent(sent);
        reading.desk.flush();
        if reading.waits {
            self.site.node.set_doing(Doing::WaitForInput);
        } else {
            reading.desk.wait_in_body(self.port.waits());
        }
        drop(reading);
        wake(writer);
    }
}

impl<T: Send + 'static, U: Send + 'static, L: Lineage> InPort<T> for Intake<T, U, L> {
    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut reading = self.state.lock();
        let reading = &mut *reading;
        if reading.has_ended {
            return Poll::Ready(None);
        }
        if reading.looked_at >= BUDGET {
            reading.looked_at = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        reading.settle();
        let next = reading.rx.poll_next(cx.waker());
        if next.is_pending() && !reading.waits {
            reading.waits = true;
            reading.desk.turn(Spent::WaitingForInput);
        }
        if next.is_ready() && reading.waits {
            reading.waits = false;
            reading.desk.turn(Spent::Busy);
        }
        match next {
            Poll::Pending => Poll::Pending,
            // A cancel ends the stages before this one, too: that is no end of the input, and the body is cut here.
            Poll::Ready(Next::End) if self.site.run.is_cancelled() => Poll::Pending,
            Poll::Ready(Next::End) => {
                reading.has_ended = true;
                Poll::Ready(None)
            }
            Poll::Ready(Next::Item(item, lineage)) => {
                reading.rx.start();
                reading.looked_at += 1;
                reading.in_hand = Some(reading.desk.start());
                // Outputs are made from everything that was read since the last output.
                let sent = self.port.take_sent();
                reading.desk.sent(sent);
                if sent > 0 || self.site.node.kind == Kind::Sink {
                    self.port.follow(lineage);
                } else {
                    self.port.join(lineage);
                }
                Poll::Ready(Some(item))
            }
        }
    }
}
