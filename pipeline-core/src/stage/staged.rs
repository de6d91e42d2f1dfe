//! A stage with its settings, and how it becomes tasks.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::policy::{Policy, attempt_methods, letter_methods, policy_methods};
use super::pool::{Pool, emit};
use super::settings::Settings;
use super::single::drive;
use super::{IntoStage, IntoTryStage, Site, Stage};
use crate::edge::edge;
use crate::flow::Flow;
use crate::ledger::Kind;
use crate::plan::{Build, Outline};
use crate::push::Push;

/// Gives settings to what [`then`](Flow::then) takes: an async closure or function, a [`Stage`], a boxed stage.
///
/// ```
/// use taktline_core::flow::{Flow, iter};
/// use taktline_core::stage::stage;
///
/// let plan = iter(0..10u64).then(stage(|x: u64| async move { x + 1 }).concurrency(4).name("add"));
/// assert_eq!(plan.count().bound(), 1 + 16 + 8);
/// ```
pub fn stage<T, M, F: IntoStage<T, M>>(f: F) -> Staged<F::Stage, F::Policy, F::Keys> {
    f.into_stage()
}

/// Gives settings to what [`try_then`](Flow::try_then) takes: an async closure or function that returns a `Result`.
///
/// ```
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let odd = taktline::try_stage(|x: u64| async move { if x % 2 == 1 { Ok(x) } else { Err("it is even") } });
/// let plan = iter(0..6u64).then(odd.concurrency(2).on_error(OnError::Skip)).collect::<Vec<_>>();
/// assert_eq!(plan.run().await?.value, [1, 3, 5]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
pub fn try_stage<T, M, F: IntoTryStage<T, M>>(f: F) -> Staged<F::Stage> {
    f.into_stage()
}

/// A stage and its settings; `P` are its policies and `K` its keys, if it has some. Each setter overrides what the attribute
/// said. Made by `#[stage]` and by [`stage`].
#[must_use = "a stage does nothing until it is handed to `then` and the pipeline is run"]
#[derive(Clone)]
pub struct Staged<S, P = (), K = ()> {
    pub(crate) body: S,
    pub(crate) settings: Settings,
    pub(crate) policies: P,
    pub(crate) keys: K,
}

impl<S> Staged<S> {
    #[doc(hidden)]
    pub fn named(name: impl Into<Cow<'static, str>>, body: S) -> Self {
        Staged { body, settings: Settings::new(name), policies: (), keys: () }
    }
}

policy_methods!(Staged<S: Stage, item = S::In, keys: K>);
attempt_methods!(Staged);
letter_methods!(Staged);

impl<S, P, K> Staged<S, P, K> {
    /// How many items may be in work at once: the workers of the stage. Default 1. Zero makes the plan invalid: `run` says so.
    ///
    /// A worker is made when an item waits and no other worker is idle. Outputs stay in order unless the stage is
    /// [`unordered`](Self::unordered).
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let slow = stage(|x: u64| async move { sleep(Duration::from_secs(10 - x)).await; x });
    /// let done = iter(0..6u64).then(slow.concurrency(3)).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [0, 1, 2, 3, 4, 5]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn concurrency(mut self, workers: usize) -> Self {
        self.settings.concurrency = Some(workers);
        self
    }

    /// How many items may be in work or finished at once in an ordered stage. Default `2 * concurrency`, and 1 for a
    /// concurrency of 1.
    ///
    /// A slow item at the head delays what leaves, not what starts inside of the window. A window of zero, below the
    /// concurrency, or on an unordered stage, makes the plan invalid: `run` says so.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// /// Seconds that eight items take, of which the first needs 8 and the others need 1.
    /// async fn seconds(window: usize) -> taktline::Result<u64> {
    ///     let slow = stage(|x: u64| async move { sleep(Duration::from_secs(x)).await }).concurrency(4);
    ///     let plan = iter([8, 1, 1, 1, 1, 1, 1, 1]).then(slow.window(window)).count();
    ///     Ok(plan.run().await?.report.elapsed().as_secs())
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// assert_eq!(seconds(8).await?, 8);
    /// assert_eq!(seconds(4).await?, 9);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn window(mut self, items: usize) -> Self {
        self.settings.window = Some(items);
        self
    }

    /// Lets outputs leave as they finish, in any order. A finished item keeps its worker until the next edge has room, so
    /// there is no window.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let slow = stage(|x: u64| async move { sleep(Duration::from_secs(10 - x)).await; x });
    /// let done = iter(0..3u64).then(slow.concurrency(3).unordered()).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [2, 1, 0]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn unordered(mut self) -> Self {
        self.settings.is_unordered = true;
        self
    }

    /// How many items may wait before the stage. Default 16, or what [`Flow::buffer`] says. Zero makes the plan invalid:
    /// `run` says so.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// let plan = iter(0..9u64).then(stage(|x| async move { x }).buffer(0)).count();
    /// let error = taktline::sim::run(1, plan.run()).unwrap_err();
    /// assert!(error.is_invalid());
    /// assert_eq!(error.to_string(), "the plan cannot run: `then` has a buffer of 0; give it 1 or more");
    /// ```
    pub fn buffer(mut self, items: usize) -> Self {
        self.settings.buffer = Some(items);
        self
    }

    /// How long a worker may take to [close](Stage::close). Default: five seconds. What is late is a failure of the run, and is
    /// dropped. Zero makes the plan invalid: `run` says so.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// async fn say_good_bye(_server: &str) {
    ///     sleep(Duration::from_secs(20)).await;
    /// }
    ///
    /// #[stage(close = say_good_bye, close_within = 10s)]
    /// async fn ask(x: u64, server: &str) -> u64 {
    ///     x + server.len() as u64
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// let patient = iter([1u64]).then(ask("a").close_within(Duration::from_secs(30))).count();
    /// assert_eq!(patient.run().await?.report.elapsed(), Duration::from_secs(20));
    /// let error = iter([1u64]).then(ask("a")).count().run().await.unwrap_err();
    /// assert_eq!(error.to_string(), "stage `ask` failed in `close`: timed out after 10s");
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn close_within(mut self, limit: Duration) -> Self {
        self.settings.close_within = Some(limit);
        self
    }

    /// The name in errors and reports. Default: the name of the function; `then` for a closure. Where two stages of a plan
    /// have one name, the report tells them apart by a number.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let add = stage(|x: u64| async move { x + 1 }).name("add");
    /// let report = iter(0..3u64).then(add).count().run().await?.report;
    /// assert_eq!(report.stage("add").map(|row| row.done), Some(3));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.settings.name = name.into();
        self
    }
}

impl<S, P, K> fmt::Debug for Staged<S, P, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staged").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A flow through a stage that awaits. Erased by [`then`](Flow::then).
#[derive(Clone)]
pub(crate) struct StageFlow<P, S, Q> {
    pub(crate) upstream: P,
    pub(crate) staged: Staged<S, Q>,
}

impl<P: Flow, S: Stage<In = P::Item>, Q: Policy<S>> Flow for StageFlow<P, S, Q> {
    type Item = S::Out;
    type Lineage = P::Lineage;

    fn build<N: Push<S::Out, P::Lineage>>(self, build: &mut Build, next: N) {
        let StageFlow { upstream, staged } = self;
        let Staged { body, settings, policies, keys: () } = staged;
        let (node, body) = policies.guard(body, &settings.name, Kind::Stage, build);
        settings.tell(&node);
        let site = Site { run: build.run.clone(), node };
        let (tx, rx) = edge(settings.edge_buffer(upstream.edge_buffer()), &site.node);
        let mut outlet = next.into_outlet();
        outlet.bind(&site.node);
        let limits = settings.limits(outlet.room_behind());
        if limits.workers == 1 && limits.window == 1 {
            build.task(&site, drive(body, rx, outlet, site.clone()));
        } else {
            let pool = Pool::new(body, rx, outlet, limits, site.clone());
            build.task(&site, emit(pool.clone()));
            build.on_start(move || pool.open());
        }
        upstream.build(build, tx);
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        let buffer = self.staged.settings.edge_buffer(self.upstream.edge_buffer());
        let name = &self.staged.settings.name;
        self.staged.policies.outline_letters(outline);
        let at = outline.node(name, Kind::Stage);
        self.staged.settings.outline(outline, next, S::SENDS);
        self.staged.policies.outline(name, outline);
        outline.edge(at, name, buffer);
        self.upstream.outline(outline, buffer);
    }
}
