//! A stage with policies around it.

use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::letters::{DeadLetter, Letterbox};
use super::{Budget, OnError, Policies};
use crate::error::{Attempted, BoxError, Fate, Panicked, TimedOut};
use crate::ledger::Spent;
use crate::lineage::Ticket;
use crate::run::is_blamed;
use crate::runtime::{Instant, Rt, Sleep, yield_now};
use crate::stage::{Out, OutPort, Site, Stage};
use crate::sync::atomic::{AtomicBool, Ordering};

/// A stage that tries each item under the policies of the user. Made when a plan is run.
#[doc(hidden)]
pub struct Guarded<S: Stage> {
    stage: S,
    /// Another one, to begin anew with after a panic.
    fresh: S,
    policies: Policies<S::In>,
    shared: Arc<Common<S::In>>,
}

/// What the workers of the stage share.
struct Common<T> {
    site: Site,
    budget: Budget,
    letters: Option<Letterbox<T>>,
}

impl<S: Stage> Guarded<S> {
    pub(super) fn new(stage: S, policies: Policies<S::In>, site: Site, letters: Option<Letterbox<S::In>>) -> Self {
        let shared = Arc::new(Common { site, budget: Budget::new(), letters });
        Guarded { fresh: stage.clone(), stage, policies, shared }
    }

    /// One attempt. A panic in it is an error.
    async fn attempt(
        &mut self,
        item: S::In,
        port: &Watched<'_, S::Out>,
        limits: &mut Limits,
    ) -> Result<Option<S::Out>, BoxError> {
        let rt = &self.shared.site.run.rt;
        let stage = &mut self.stage;
        let mut timer = AttemptTimer::default();
        // The call itself is a part of the attempt: a closure may panic before it has made its future.
        let mut body = pin!(Some(async { stage.call(item, Out::new(port)).await }));
        let mut result = poll_fn(|cx| {
            let Some(attempt) = body.as_mut().as_pin_mut() else { return Poll::Pending };
            match catch_unwind(AssertUnwindSafe(|| attempt.poll(cx))) {
                Ok(Poll::Pending) => timer.poll(port, limits, rt, cx).map(Err),
                Ok(polled) => polled,
                Err(panic) => {
                    port.own_up();
                    if is_blamed() {
                        // A fused step has panicked in a send: that is its failure.
                        resume_unwind(panic);
                    }
                    Poll::Ready(Err(Panicked::new(panic).into()))
                }
            }
        })
        .await;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body.set(None))) {
            result = Err(Panicked::new(panic).into());
        }
        result
    }

    /// How long to wait before the next attempt, if there is one.
    fn pause(&self, attempts: u32, error: &BoxError, limits: &Limits, has_sent: bool) -> Next {
        let Policies { retry, retry_if, backoff, has_budget, .. } = &self.policies;
        let is_worth_it = || retry_if.as_ref().is_none_or(|f| f(error.as_ref()));
        if attempts > *retry || has_sent || !is_worth_it() {
            return Next::No { lacks_budget: false };
        }
        let rt = &self.shared.site.run.rt;
        let pause = backoff.after(attempts, if backoff.jitters() { rt.random() } else { 0 });
        if limits.all.is_some_and(|(end, _)| rt.now() + pause >= end) {
            return Next::No { lacks_budget: false };
        }
        let may = !has_budget || self.shared.budget.take();
        if may { Next::After(pause) } else { Next::No { lacks_budget: true } }
    }

    /// What an item that has failed for good leaves in the stage.
    async fn give_up(&mut self, input: Option<S::In>, failed: Attempted, out: Out<'_, S::Out>) -> BoxError {
        let Attempted { error, attempts, lacks_budget, .. } = failed;
        let on_error = if error.is::<Panicked>() { self.policies.on_panic } else { self.policies.on_error };
        let (error, fate) = match (on_error, &self.shared.letters, input) {
            (OnError::DeadLetter, Some(letters), Some(input)) => {
                let stage = self.shared.site.node.name.clone();
                let ticket = out.hold().downcast::<Ticket>().map_or_else(|_| Ticket::default(), |ticket| *ticket);
                let refused = letters.send(DeadLetter { input, error, stage, attempts }, ticket).await;
                match refused {
                    Some(letter) => (letter.error, Fate::Skipped),
                    // The letter has the error.
                    None => ("handed over as a dead letter".into(), Fate::DeadLettered),
                }
            }
            (OnError::Fail, ..) => (error, Fate::Fails),
            (OnError::Skip | OnError::DeadLetter, ..) => (error, Fate::Skipped),
        };
        if fate != Fate::Fails {
            self.shared.site.node.trace.gives_up(attempts, fate);
        }
        Box::new(Attempted { error, attempts, fate, lacks_budget })
    }
}

enum Next {
    After(Duration),
    No { lacks_budget: bool },
}

impl<S: Stage> fmt::Debug for Guarded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("policies", &self.policies).finish_non_exhaustive()
    }
}

impl<S: Stage> Clone for Guarded<S> {
    fn clone(&self) -> Self {
        let (stage, fresh) = (self.fresh.clone(), self.fresh.clone());
        Guarded { stage, fresh, policies: self.policies.clone(), shared: self.shared.clone() }
    }
}

impl<S: Stage> Stage for Guarded<S> {
    type In = S::In;
    type Out = S::Out;
    const SENDS: bool = S::SENDS;
    const HOOKS: bool = S::HOOKS;
    const AWAITS: bool = S::AWAITS;

    async fn init(&mut self) -> Result<(), BoxError> {
        self.stage.init().await
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.stage.close().await
    }

    async fn call(&mut self, item: S::In, out: Out<'_, S::Out>) -> Result<Option<S::Out>, BoxError> {
        let shared = self.shared.clone();
        let rt = &shared.site.run.rt;
        let mut limits = Limits { all: self.policies.deadline.map(|limit| (rt.now() + limit, limit)), attempt: None };
        let mut left = Some(item);
        let mut attempts = 0;
        // Since when it is retried, as far as that is not booked.
        let mut retried_since = None;
        if self.policies.retry > 0 {
            shared.budget.pay();
        }
        loop {
            attempts += 1;
            let is_kept = attempts <= self.policies.retry || shared.letters.is_some();
            let copy = self.policies.copy.filter(|_| is_kept);
            let item = match (copy, &left) {
                (Some(copy), Some(item)) => Some(copy(item)),
                _ => left.take(),
            };
            let item = item.expect("the item is kept for as long as somebody may want it");
            limits.attempt = self.policies.timeout.map(|limit| (rt.now() + limit, limit));
            let port = Watched::new(out.port());
            let result = self.attempt(item, &port, &mut limits).await;
            if let Some(since) = retried_since.take() {
                shared.site.node.counts.spend(Spent::Retrying, rt.now().duration_since(since));
            }
            let error = match result {
                Ok(output) => {
                    // Before the return: if its destructor panics, a value that is being returned leaks.
                    drop(left.take());
                    return Ok(output);
                }
                Err(error) => error,
            };
            if error.is::<Panicked>() {
                // Whatever state the panic has left, the next attempt does not meet it.
                self.stage = self.fresh.clone();
                if S::HOOKS {
                    self.stage.init().await?;
                }
            }
            let has_sent = port.has_sent.load(Ordering::Relaxed);
            match self.pause(attempts, &error, &limits, has_sent) {
                Next::No { lacks_budget } => {
                    let failed = Attempted { error, attempts, fate: Fate::Fails, lacks_budget };
                    return Err(self.give_up(left, failed, out).await);
                }
                Next::After(pause) => {
                    drop(error);
                    shared.site.node.counts.retried.add(1);
                    shared.site.node.trace.retries(attempts, pause);
                    retried_since = Some(rt.now());
                    if pause.is_zero() { yield_now().await } else { rt.sleep(pause).await }
                }
            }
        }
    }
}

/// Until when an attempt may go on, and how long that was from its start.
type Limit = Option<(Instant, Duration)>;

#[derive(Clone, Copy)]
struct Limits {
    attempt: Limit,
    all: Limit,
}

impl Limits {
    /// The earlier of the two.
    fn first(&self) -> Option<(Instant, TimedOut)> {
        let attempt = self.attempt.map(|(end, limit)| (end, TimedOut::attempt(limit)));
        let all = self.all.map(|(end, limit)| (end, TimedOut::deadline(limit)));
        attempt.into_iter().chain(all).min_by_key(|(end, _)| *end)
    }

    fn extend(&mut self, by: Duration) {
        let limits = [&mut self.attempt, &mut self.all];
        limits.into_iter().flatten().for_each(|(end, _)| *end += by);
    }
}

/// The clock of one attempt. It stands while the body waits for room.
#[derive(Default)]
struct AttemptTimer {
    sleep: Option<Sleep>,
    waits_since: Option<Instant>,
}

impl AttemptTimer {
    /// Ready when the attempt is out of time. Without a limit no clock is read.
    fn poll<U>(&mut self, port: &Watched<'_, U>, limits: &mut Limits, rt: &Rt, cx: &mut Context<'_>) -> Poll<BoxError> {
        if limits.first().is_none() {
            return Poll::Pending;
        }
        if port.waits.load(Ordering::Relaxed) {
            self.waits_since.get_or_insert_with(|| rt.now());
            self.sleep = None;
            return Poll::Pending;
        }
        if let Some(since) = self.waits_since.take() {
            limits.extend(rt.now().duration_since(since));
        }
        let Some((end, timed_out)) = limits.first() else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| rt.sleep_until(end));
        Pin::new(sleep).poll(cx).map(|()| timed_out.into())
    }
}

/// The port of an attempt: knows whether it has sent something, and whether it waits for room.
struct Watched<'a, U> {
    port: &'a dyn OutPort<U>,
    has_sent: AtomicBool,
    waits: AtomicBool,
}

impl<'a, U> Watched<'a, U> {
    fn new(port: &'a dyn OutPort<U>) -> Self {
        Watched { port, has_sent: AtomicBool::new(false), waits: AtomicBool::new(false) }
    }

    fn stopwatch(&self, polled: Poll<()>) -> Poll<()> {
        self.waits.store(polled.is_pending(), Ordering::Relaxed);
        polled
    }
}

impl<U> OutPort<U> for Watched<'_, U> {
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.stopwatch(self.port.poll_room(cx))
    }

    fn put(&self, item: U) {
        self.has_sent.store(true, Ordering::Relaxed);
        self.port.put(item);
    }

    fn poll_accepted(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.stopwatch(self.port.poll_accepted(cx))
    }

    fn retract(&self) {
        self.port.retract();
    }

    fn own_up(&self) {
        self.port.own_up();
    }

    fn give_up(&self) {
        self.waits.store(false, Ordering::Relaxed);
        self.port.give_up();
    }

    fn poll_closing(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.port.poll_closing(cx)
    }

    fn hold(&self) -> Box<dyn std::any::Any + Send> {
        self.port.hold()
    }
}
