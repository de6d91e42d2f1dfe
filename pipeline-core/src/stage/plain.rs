//! A plain function as a stage: fused into the task before it.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::forms::Plain;
use super::policy::{OnError, Policies};
use crate::error::{BoxError, Failure, Panicked};
use crate::flow::Flow;
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::op::{FusedCount, pass_on};
use crate::plan::{Build, Outline};
use crate::push::{Flowing, Push};
use crate::run::{Ends, Shared};
use crate::sink::Nowhere;

#[derive(Clone)]
pub(super) struct PlainBody<S> {
    body: S,
    name: Cow<'static, str>,
    skips_errors: bool,
    skips_panics: bool,
    has_dead_letters: bool,
}

impl<S: Plain> PlainBody<S> {
    pub(super) fn new(body: S, name: Cow<'static, str>, policies: impl Into<Policies<S::Item>>) -> Self {
        let policies = policies.into();
        let fates = [policies.on_error, policies.on_panic];
        let [skips_errors, skips_panics] = fates.map(|fate| fate == OnError::Skip);
        PlainBody { body, name, skips_errors, skips_panics, has_dead_letters: fates.contains(&OnError::DeadLetter) }
    }
}

/// The flow of a plain `#[stage] fn`, fused into the task before it.
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
#[derive(Clone)]
pub struct PlainFlow<P, S> {
    pub(super) upstream: P,
    pub(super) plain: PlainBody<S>,
}

impl<P, S> fmt::Debug for PlainFlow<P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlainFlow({})", self.plain.name)
    }
}

impl<P: Flow, S: Plain<Item = P::Item>> Flow for PlainFlow<P, S> {
    type Item = S::Out;
    type Lineage = P::Lineage;

    fn build<N: Push<S::Out, P::Lineage>>(self, build: &mut Build, next: N) {
        let push = PlainPush::new(self.plain, Kind::Fused, next, build);
        self.upstream.build(build, push);
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        self.plain.outline(outline, Kind::Fused);
        self.upstream.outline(outline, next);
    }
}

/// A plain `#[sink] fn` at the end of a flow.
#[derive(Clone)]
pub(super) struct PlainSinkFlow<P, S> {
    pub(super) upstream: P,
    pub(super) plain: PlainBody<S>,
}

impl<P: Flow, S: Plain<Item = P::Item, Out = ()>> Ends for PlainSinkFlow<P, S> {
    fn build(self, build: &mut Build) {
        let push = PlainPush::new(self.plain, Kind::Sink, Nowhere, build);
        self.upstream.build(build, push);
    }

    fn outline(&self, outline: &mut Outline) {
        self.plain.outline(outline, Kind::Sink);
        self.upstream.outline(outline, crate::edge::DEFAULT_BUFFER);
    }
}

impl<S> PlainBody<S> {
    fn outline(&self, outline: &mut Outline, kind: Kind) {
        if self.has_dead_letters {
            let name = &self.name;
            outline.problem(format!(
                "`{name}` is fused and cannot wait, so it has no dead letters; give it `concurrency`"
            ));
        }
        outline.fused_as(&self.name, kind);
        for (skips, note) in [(self.skips_errors, "skips errors"), (self.skips_panics, "skips panics")] {
            if skips {
                outline.note(note);
            }
        }
    }

    fn skips(&self, error: &BoxError) -> bool {
        if error.is::<Panicked>() { self.skips_panics } else { self.skips_errors }
    }
}

struct PlainPush<S, N> {
    plain: PlainBody<S>,
    run: Arc<Shared>,
    taken: u64,
    /// It takes its item's place: behind what the steps that follow have kept back.
    failure: Option<Failure>,
    has_failed: bool,
    next: N,
    count: FusedCount,
}

impl<S, N> PlainPush<S, N> {
    fn new(plain: PlainBody<S>, kind: Kind, next: N, build: &Build) -> Self {
        let site = build.site(&plain.name, kind);
        let count = FusedCount::of(site.node);
        PlainPush { plain, run: site.run, taken: 0, failure: None, has_failed: false, next, count }
    }
}

impl<S, N> PlainPush<S, N> {
    fn tell(&mut self) {
        if let Some(failure) = self.failure.take() {
            self.run.fail(failure);
        }
    }
}

impl<S, N> Drop for PlainPush<S, N> {
    fn drop(&mut self) {
        self.tell();
    }
}

impl<L: Lineage, S: Plain, N: Push<S::Out, L>> Push<S::Item, L> for PlainPush<S, N> {
    fn push(&mut self, item: S::Item, lineage: L) {
        let item_number = self.taken;
        self.taken += 1;
        let PlainBody { body, skips_panics, .. } = &mut self.plain;
        let call = || S::outcome(body.call(item));
        let made = if *skips_panics {
            // Inside of what blames the step for a panic, so that nobody is blamed.
            let caught =
                || catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| Err(Panicked::new(panic).into()));
            self.count.call(caught)
        } else {
            self.count.call(call)
        };
        match made {
            Ok(made) => {
                self.count.out();
                self.next.push(made, lineage);
            }
            Err(error) => {
                let skips = self.plain.skips(&error);
                let error = lineage.tell(&self.count.node.name, error);
                if skips {
                    self.count.skipped();
                } else {
                    self.count.failed();
                    self.has_failed = true;
                    self.failure = Some(Failure::new(&self.count.node.name, Some(item_number), error));
                }
            }
        }
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        if self.has_failed { self.poll_settled(cx) } else { self.next.poll_room(cx) }
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        let settled = ready!(self.next.poll_settled(cx));
        if !self.has_failed {
            return Poll::Ready(settled);
        }
        ready!(self.next.poll_rest(cx));
        self.tell();
        Poll::Ready(Flowing::Over)
    }

    pass_on!(poll_rest offer_end counts end bind take_woken room_behind);
}
