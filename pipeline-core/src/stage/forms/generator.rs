//! Sources.

use std::borrow::Cow;
use std::fmt;

use super::Generate;
use crate::flow::Flow;
use crate::ledger::Kind;
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::stage::Backoff;
use crate::stage::settings::Settings;
use crate::stage::stream::SourceFlow;

/// A source. Made by `#[source]`: call the function, and this flow is what it returns.
///
/// Its function runs in a task of its own, and again from its start in each run of the plan.
///
/// ```
/// use taktline::prelude::*;
///
/// #[source]
/// async fn up_to(n: u64, out: Out<u64>) {
///     for x in 0..n {
///         out.send(x).await;
///     }
/// }
///
/// # taktline::sim::run(1, async {
/// let plan = up_to(3).name("numbers").collect::<Vec<_>>();
/// let done = plan.clone().run().await?;
/// assert_eq!(done.value, [0, 1, 2]);
/// assert_eq!(done.report.stage("numbers").map(|row| row.items_out), Some(3));
/// assert_eq!(plan.run().await?.value, [0, 1, 2]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
#[must_use = "a source is a plan: end it in a sink and run it, or start it and read it"]
#[derive(Clone)]
pub struct Generator<S> {
    body: S,
    settings: Settings,
    restart: Option<Backoff>,
}

impl<S> Generator<S> {
    #[doc(hidden)]
    pub fn new(name: &'static str, body: S) -> Self {
        Generator { body, settings: Settings::new(name), restart: None }
    }

    /// The name in errors and reports. Default: the name of the function.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.settings.name = name.into();
        self
    }

    /// Runs the function again, from its start and with a fresh clone of its configuration, each time it has returned an error
    /// or has panicked. Default: that fails the run.
    ///
    /// What it had sent goes on. The waits are those of the [`Backoff`]; they begin anew once the function has run for a
    /// minute. There is no last time: a cancel, a drain or a failure elsewhere ends it. The report counts restarts as
    /// `retried`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// /// Loses its connection after two items.
    /// #[source(restart = 1s)]
    /// async fn feed(next: &std::sync::atomic::AtomicU64, out: Out<u64>) -> Result<(), String> {
    ///     for _ in 0..2 {
    ///         out.send(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)).await;
    ///     }
    ///     Err("the connection is lost".to_owned())
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// let plan = feed(std::sync::atomic::AtomicU64::new(0)).restart(Backoff::exponential(Duration::from_secs(1)));
    /// let done = plan.take(6).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [0, 1, 2, 3, 4, 5]);
    /// // One wait of a second, and one of two.
    /// assert_eq!(done.report.elapsed(), Duration::from_secs(3));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn restart(mut self, backoff: impl Into<Backoff>) -> Self {
        self.restart = Some(backoff.into());
        self
    }
}

impl<S> fmt::Debug for Generator<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generator").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<S: Generate> Flow for Generator<S> {
    type Item = S::Out;
    type Lineage = ();

    fn build<N: Push<S::Out, ()>>(self, build: &mut Build, next: N) {
        SourceFlow { body: self.body, name: self.settings.name, restart: self.restart }.build(build, next);
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline.hold(1);
        outline.node(&self.settings.name, Kind::Source);
        if let Some(backoff) = &self.restart {
            outline.note(format!("restart, {backoff}"));
        }
    }
}
