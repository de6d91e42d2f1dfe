//! What a stage does when an item fails: limits of time, further attempts, and what becomes of the item in the end.
//!
//! A stage with policies is another stage around the one of the user, [`Guarded`]: the workers see one outcome, and a
//! stage without policies is what it was.
//!
//! ```text
//! attempt -> ended well                                      -> outputs
//!         -> failed, may be tried again -> backoff -> attempt
//!         -> failed for good            -> fails the run, is skipped, or leaves as a dead letter
//! ```

mod backoff;
mod budget;
mod guarded;
mod letters;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use backoff::Backoff;
use budget::Budget;
pub use guarded::Guarded;
use letters::Letters;
pub(crate) use letters::letter_methods;
pub use letters::{DeadLetter, DeadLettered};

use super::Stage;
use crate::ledger::Kind;
use crate::plan::{Build, Outline};
use crate::run::Node;

/// What becomes of an item on which the last attempt has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnError {
    /// The run fails.
    #[default]
    Fail,
    /// The run goes on without it. It counts as failed and as skipped.
    Skip,
    /// The run goes on, and the item goes to the [dead letters](super::Staged::dead_letters) of the stage. It counts as failed
    /// and as dead-lettered. A stage without them makes the plan invalid.
    DeadLetter,
}

type RetryIf = Arc<dyn Fn(&(dyn StdError + 'static)) -> bool + Send + Sync>;

/// The policies of a stage for items of type `T`.
#[doc(hidden)]
pub struct Policies<T> {
    timeout: Option<Duration>,
    deadline: Option<Duration>,
    retry: u32,
    /// How the item of a further attempt, or of a dead letter, is made. Set with `retry` and with `dead_letters`.
    copy: Option<fn(&T) -> T>,
    backoff: Backoff,
    retry_if: Option<RetryIf>,
    has_budget: bool,
    pub(super) on_error: OnError,
    pub(super) on_panic: OnError,
    letters: Option<Letters<T>>,
}

impl<T> Policies<T> {
    pub(super) fn timeout(self, limit: Duration) -> Self {
        Policies { timeout: Some(limit), ..self }
    }

    pub(super) fn deadline(self, limit: Duration) -> Self {
        Policies { deadline: Some(limit), ..self }
    }

    pub(super) fn retry(self, attempts: u32, copy: fn(&T) -> T) -> Self {
        Policies { retry: attempts, copy: Some(copy), ..self }
    }

    pub(super) fn backoff(self, backoff: Backoff) -> Self {
        Policies { backoff, ..self }
    }

    pub(super) fn retry_if(self, f: impl Fn(&(dyn StdError + 'static)) -> bool + Send + Sync + 'static) -> Self {
        Policies { retry_if: Some(Arc::new(f)), ..self }
    }

    pub(super) fn without_budget(self) -> Self {
        Policies { has_budget: false, ..self }
    }

    pub(super) fn on_error(self, on_error: OnError) -> Self {
        Policies { on_error, ..self }
    }

    pub(super) fn on_panic(self, on_panic: OnError) -> Self {
        Policies { on_panic, ..self }
    }
}

/// No policies.
impl<T> From<()> for Policies<T> {
    fn from((): ()) -> Self {
        Policies {
            timeout: None,
            deadline: None,
            retry: 0,
            copy: None,
            backoff: Backoff::default(),
            retry_if: None,
            has_budget: true,
            on_error: OnError::Fail,
            on_panic: OnError::Fail,
            letters: None,
        }
    }
}

impl<T> Clone for Policies<T> {
    fn clone(&self) -> Self {
        Policies { retry_if: self.retry_if.clone(), letters: self.letters.clone(), ..*self }
    }
}

impl<T> fmt::Debug for Policies<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policies").field("retry", &self.retry).finish_non_exhaustive()
    }
}

/// What can be put around a stage: nothing, or policies.
#[doc(hidden)]
pub trait Policy<S: Stage>: Clone + Send + 'static {
    /// The stage with the policy around it.
    type Guarded: Stage<In = S::In, Out = S::Out>;

    /// Makes the node of the stage, and the stage.
    #[doc(hidden)]
    fn guard(self, stage: S, name: &str, kind: Kind, build: &mut Build) -> (Arc<Node>, Self::Guarded);

    /// Tells of the policies of the stage that was just added, and what cannot work.
    #[doc(hidden)]
    fn outline(&self, name: &str, outline: &mut Outline);

    /// Tells where dead letters go, before the stage is added that writes to it.
    #[doc(hidden)]
    fn outline_letters(&self, outline: &mut Outline);
}

impl<S: Stage> Policy<S> for () {
    type Guarded = S;

    fn guard(self, stage: S, name: &str, kind: Kind, build: &mut Build) -> (Arc<Node>, S) {
        (build.site(name, kind).node, stage)
    }

    fn outline(&self, _: &str, _: &mut Outline) {}

    fn outline_letters(&self, _: &mut Outline) {}
}

impl<S: Stage> Policy<S> for Policies<S::In> {
    type Guarded = Guarded<S>;

    fn guard(mut self, stage: S, name: &str, kind: Kind, build: &mut Build) -> (Arc<Node>, Guarded<S>) {
        // Built first: a report tells the rows of a plan in the opposite order.
        let letters = self.letters.take().map(|letters| letters.build(build));
        let site = build.site(name, kind);
        let letters = letters.map(|letters| letters.of(&site.node));
        (site.node.clone(), Guarded::new(stage, self, site, letters))
    }

    fn outline(&self, name: &str, outline: &mut Outline) {
        if self.letters.is_none() && [self.on_error, self.on_panic].contains(&OnError::DeadLetter) {
            outline.problem(format!(
                "`{name}` has dead letters that nobody takes; say who does, with `.dead_letters(|f| ..)`"
            ));
        }
        for (key, limit) in [("timeout", self.timeout), ("deadline", self.deadline)] {
            let Some(limit) = limit else { continue };
            outline.note(format!("{key} {limit:?}"));
            if limit.is_zero() {
                outline.problem(format!("`{name}` has a {key} of 0; give it more, or take it away"));
            }
            if !S::AWAITS {
                outline.problem(format!(
                    "`{name}` has a {key} and never awaits, so nothing can stop it; make it an `async fn`, or take it away"
                ));
            }
        }
        if self.retry > 0 {
            outline.note(format!("retry {}, {}", self.retry, self.backoff));
        }
        for (fate, what) in [(self.on_error, "errors"), (self.on_panic, "panics")] {
            if fate == OnError::Skip {
                outline.note(format!("skips {what}"));
            }
        }
    }

    fn outline_letters(&self, outline: &mut Outline) {
        if let Some(letters) = &self.letters {
            letters.outline(outline);
        }
    }
}

/// The settings that are policies, for a value that has the policies `P`, perhaps keys, and a stage of items `$item`.
macro_rules! policy_methods {
    ($value:ident<S: $form:ident, item = $item:ty $(, $keys:ident: $k:ident)?>) => {
        impl<S: $form, P: Into<crate::stage::Policies<$item>> $(, $k)?> $value<S, P $(, $k)?> {
            fn with(
                self,
                set: impl FnOnce(crate::stage::Policies<$item>) -> crate::stage::Policies<$item>,
            ) -> $value<S, crate::stage::Policies<$item> $(, $k)?> {
                let policies = set(self.policies.into());
                $value { body: self.body, settings: self.settings, policies $(, $keys: self.$keys)? }
            }

            /// What becomes of an item on which the last attempt has returned an error, or was out of time. Default: the run
            /// fails. [`OnError::Skip`](crate::stage::OnError::Skip) goes on without it: it counts as failed and as skipped, and
            /// keeps its place in the order until its turn.
            ///
            /// ```
            /// use taktline::prelude::*;
            ///
            /// #[stage]
            /// async fn halve(x: u64) -> Result<u64, String> {
            ///     if x % 2 == 0 { Ok(x / 2) } else { Err(format!("{x} is odd")) }
            /// }
            ///
            /// # taktline::sim::run(1, async {
            /// let done = iter(0..5u64).then(halve().on_error(OnError::Skip)).collect::<Vec<_>>().run().await?;
            /// assert_eq!(done.value, [0, 1, 2]);
            /// let halve = done.report.stage("halve").expect("every stage has a row");
            /// assert_eq!((halve.done, halve.failed, halve.skipped), (3, 2, 2));
            /// # Ok::<(), taktline::Error>(())
            /// # }).unwrap();
            /// ```
            pub fn on_error(
                self,
                on_error: crate::stage::OnError,
            ) -> $value<S, crate::stage::Policies<$item> $(, $k)?> {
                self.with(|policies| policies.on_error(on_error))
            }

            /// The same for an item on which the last attempt has panicked. Default: the run fails.
            pub fn on_panic(
                self,
                on_panic: crate::stage::OnError,
            ) -> $value<S, crate::stage::Policies<$item> $(, $k)?> {
                self.with(|policies| policies.on_panic(on_panic))
            }
        }
    };
}
pub(crate) use policy_methods;

/// The settings that are about attempts.
macro_rules! attempt_methods {
    ($value:ident) => {
        impl<S: Stage, P: Into<crate::stage::Policies<S::In>>, K> $value<S, P, K> {
            /// How long one attempt may take. What waits for its turn, for room in a `send`, or for a backoff is no attempt.
            /// Default: for ever. An attempt that is out of time is dropped at the await that it is in, and has failed with
            /// [`TimedOut`](crate::error::TimedOut). A plain or `blocking` function cannot be stopped: there it makes the plan
            /// invalid, as does zero.
            ///
            /// [`TimedOut`](crate::error::TimedOut) has an example.
            pub fn timeout(self, limit: std::time::Duration) -> $value<S, crate::stage::Policies<S::In>, K> {
                self.with(|policies| policies.timeout(limit))
            }

            /// How long all attempts of an item and the waits between them may take. Default: for ever. No attempt is waited
            /// for that could only begin later.
            ///
            /// ```
            /// use std::time::Duration;
            /// use taktline::prelude::*;
            ///
            /// # taktline::sim::run(1, async {
            /// let second = Duration::from_secs(1);
            /// let hangs = stage(|x: u64| async move { std::future::pending::<()>().await; x });
            /// let hangs = hangs.timeout(2 * second).retry(9).backoff(second).deadline(7 * second);
            /// let error = iter([1u64]).then(hangs).count().run().await.unwrap_err();
            /// // Attempts from 0 to 2, from 3 to 5, and from 6 on.
            /// assert_eq!(error.first().map(|failure| failure.attempts()), Some(3));
            /// assert_eq!(error.to_string(), "stage `then` failed on item 0 after 3 attempts: not done within its deadline of 7s");
            /// # });
            /// ```
            pub fn deadline(self, limit: std::time::Duration) -> $value<S, crate::stage::Policies<S::In>, K> {
                self.with(|policies| policies.deadline(limit))
            }

            /// How many further attempts an item has, after one that has failed, was out of time or has panicked. Default 0.
            ///
            /// Each attempt has a clone of the item. The item stays in work, and keeps its place in the order. One that has sent
            /// something is not tried again: its outputs would come twice. All further attempts of a stage are no more than a
            /// tenth of its items, and ten: see [`without_retry_budget`](Self::without_retry_budget).
            ///
            /// ```
            /// use std::time::Duration;
            /// use taktline::prelude::*;
            ///
            /// /// Fails twice.
            /// #[stage]
            /// async fn flaky(x: u64, failures: &mut u32) -> Result<u64, String> {
            ///     *failures += 1;
            ///     if *failures > 2 { Ok(x) } else { Err(format!("{x} is bad")) }
            /// }
            ///
            /// # taktline::sim::run(1, async {
            /// let flaky = flaky(0).retry(3).backoff(Duration::from_secs(1));
            /// let done = iter([7u64]).then(flaky).collect::<Vec<_>>().run().await?;
            /// assert_eq!((done.value, done.report.elapsed()), (vec![7], Duration::from_secs(2)));
            /// assert_eq!(done.report.stage("flaky").map(|row| row.retried), Some(2));
            /// # Ok::<(), taktline::Error>(())
            /// # }).unwrap();
            /// ```
            pub fn retry(self, attempts: u32) -> $value<S, crate::stage::Policies<S::In>, K>
            where
                S::In: crate::stage::Retried,
            {
                self.with(|policies| policies.retry(attempts, <S::In as crate::stage::Retried>::again))
            }

            /// How long to wait before each further attempt. Default: a tenth of a second. A `Duration` is a constant wait;
            /// see [`Backoff`](crate::stage::Backoff) for others.
            pub fn backoff(
                self,
                backoff: impl Into<crate::stage::Backoff>,
            ) -> $value<S, crate::stage::Policies<S::In>, K> {
                let backoff = backoff.into();
                self.with(|policies| policies.backoff(backoff))
            }

            /// Which errors are worth a further attempt. Default: all. It is also asked about
            /// [`TimedOut`](crate::error::TimedOut) and [`Panicked`](crate::error::Panicked).
            ///
            /// ```
            /// use taktline::prelude::*;
            /// use taktline::error::TimedOut;
            ///
            /// # taktline::sim::run(1, async {
            /// let fails = taktline::try_stage(|x: u64| async move { Err::<u64, _>(format!("{x} is bad")) });
            /// let fails = fails.retry(3).retry_if(|error| error.is::<TimedOut>());
            /// let error = iter([7u64]).then(fails).count().run().await.unwrap_err();
            /// assert_eq!(error.first().map(|failure| failure.attempts()), Some(1));
            /// # });
            /// ```
            pub fn retry_if<F>(self, is_worth_it: F) -> $value<S, crate::stage::Policies<S::In>, K>
            where
                F: Fn(&(dyn std::error::Error + 'static)) -> bool + Send + Sync + 'static,
            {
                self.with(|policies| policies.retry_if(is_worth_it))
            }

            /// Lets every item have all its attempts, whatever load that makes.
            ///
            /// A service that is down answers each request with an error; clients that then send each request four times keep
            /// it down. So all further attempts of a stage in a run are at most a tenth of its items, and ten for a short run;
            /// what was saved up is at most a hundred. An item for which there is none left has failed for good.
            pub fn without_retry_budget(self) -> $value<S, crate::stage::Policies<S::In>, K> {
                self.with(crate::stage::Policies::without_budget)
            }
        }
    };
}
pub(crate) use attempt_methods;

/// An item that can be tried again.
#[diagnostic::on_unimplemented(
    message = "an item of `{Self}` cannot be tried again",
    label = "is not `Clone`",
    note = "each attempt has a clone of the item: derive `Clone` for it, or make it an `Arc<{Self}>`"
)]
pub trait Retried: Sized {
    #[doc(hidden)]
    fn again(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Retried for T {
    fn again(&self) -> T {
        self.clone()
    }
}
