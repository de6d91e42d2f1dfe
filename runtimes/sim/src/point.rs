//! Fail points: where the bodies of a program ask for trouble.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use taktline_core::runtime::sleep;

use crate::{Case, Fault};

/// The hit at which a fault strikes is below that.
const HITS_MAX: u64 = 24;

/// How long a slow item takes, and a source pauses that stalls.
const WAITS: [Duration; 5] = [
    Duration::from_millis(1),
    Duration::from_millis(50),
    Duration::from_secs(1),
    Duration::from_secs(20),
    Duration::from_secs(600),
];

/// How long a source pauses usually, where it may hurry.
const PACE: Duration = Duration::from_millis(10);

/// Where a body asks whether something goes wrong: does nothing, unless the seed has switched on a fault that its kind of
/// point takes part in.
///
/// Made by [`Case::fail_point`], [`source_point`](Case::source_point) and [`sink_point`](Case::sink_point), once for each
/// place, with a name of its own. A handle that can be cloned.
///
/// ```
/// use taktline::prelude::*;
/// use taktline::sim::{self, End, FailPoint, Injected};
///
/// #[stage(concurrency = 2)]
/// async fn fetch(page: u64, point: &FailPoint) -> Result<u64, Injected> {
///     let _held = point.hit().await?;
///     Ok(page)
/// }
///
/// sim::explore(0..100, |case| async move {
///     let plan = iter(0..10u64).then(fetch(case.fail_point("fetch"))).count();
///     if let End::Failed(error) = case.run(plan).await {
///         assert!(error.is_cancelled() || error.stage() == Some("fetch"));
///     }
/// });
/// ```
#[derive(Clone)]
pub struct FailPoint(Arc<Inner>);

struct Inner {
    case: Case,
    name: String,
    hits: AtomicU64,
    /// At which hit each of these strikes, if it does.
    error: Option<u64>,
    panic: Option<u64>,
    destructor: Option<u64>,
    slow: Option<Fault>,
    /// A source pauses before each item, so that it can hurry. From which hit on it does, and for how many.
    paces: bool,
    burst: Option<(u64, u64)>,
}

impl FailPoint {
    pub(crate) fn new(case: &Case, name: &str, own: &[Fault]) -> FailPoint {
        let has = |fault: Fault| {
            let takes_part = case.has(fault) && case.draw_for(&stream(name, fault), 0..=1) == 1;
            takes_part.then(|| case.draw_for(&stream(name, fault), 0..=HITS_MAX - 1))
        };
        let slow = own.iter().copied().find(|fault| *fault != Fault::SourceBurst && case.has(*fault));
        let paces = own.contains(&Fault::SourceBurst);
        let burst = if paces { has(Fault::SourceBurst) } else { None };
        let burst = burst.map(|from| (from, case.draw_for(&stream(name, Fault::SourceBurst), 1..=HITS_MAX)));
        FailPoint(Arc::new(Inner {
            case: case.clone(),
            name: name.to_owned(),
            hits: AtomicU64::new(0),
            error: has(Fault::Error),
            panic: has(Fault::Panic),
            destructor: has(Fault::DestructorPanic),
            slow,
            paces,
            burst,
        }))
    }

    /// How often it was hit.
    pub fn hits(&self) -> u64 {
        self.0.hits.load(Ordering::SeqCst)
    }

    /// Waits, fails or panics, if it is this hit's turn. What it gives is to be held to the end of the body: its destructor
    /// may panic.
    ///
    /// # Errors
    /// [`Injected`], where an [`Error`](Fault::Error) strikes.
    ///
    /// # Panics
    /// Where a [`Panic`](Fault::Panic) strikes.
    ///
    /// # Cancel safety
    /// A hit counts from the first poll on.
    pub async fn hit(&self) -> Result<Held, Injected> {
        let at = self.0.hits.fetch_add(1, Ordering::SeqCst);
        let wait = self.wait(at);
        if !wait.is_zero() {
            sleep(wait).await;
        }
        self.strike(at)
    }

    /// The same for a body that cannot await: it never waits.
    ///
    /// # Errors
    /// As [`hit`](Self::hit).
    ///
    /// # Panics
    /// As [`hit`](Self::hit).
    pub fn hit_now(&self) -> Result<Held, Injected> {
        self.strike(self.0.hits.fetch_add(1, Ordering::SeqCst))
    }

    fn strike(&self, at: u64) -> Result<Held, Injected> {
        let Inner { case, name, .. } = &*self.0;
        if self.0.error == Some(at) {
            case.note(format_args!("fails at hit {at} of {name}"));
            return Err(Injected { point: name.clone(), hit: at });
        }
        assert!(self.0.panic != Some(at), "injected at hit {at} of {name}");
        Ok(Held { panics: (self.0.destructor == Some(at)).then(|| name.clone()) })
    }

    fn wait(&self, at: u64) -> Duration {
        let Inner { case, name, slow, burst, .. } = &*self.0;
        if let Some(slow) = slow {
            let stream = stream(name, *slow);
            if case.draw_for(&stream, 0..=3) == 3 {
                return WAITS[case.draw_for(&stream, 0..=WAITS.len() as u64 - 1) as usize];
            }
        }
        let hurries = burst.is_some_and(|(from, length)| (from..from + length).contains(&at));
        if self.0.paces && !hurries { PACE } else { Duration::ZERO }
    }
}

/// Where the draws for a fault of a point come from.
fn stream(name: &str, fault: Fault) -> String {
    format!("{fault} of {name}")
}

impl fmt::Debug for FailPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailPoint").field("name", &self.0.name).field("hits", &self.hits()).finish_non_exhaustive()
    }
}

/// What a body holds that has hit a [`FailPoint`].
///
/// # Panics
/// When it is dropped, if a [`DestructorPanic`](Fault::DestructorPanic) strikes. Never in an unwind.
#[derive(Debug)]
#[must_use = "hold it to the end of the body: `let _held = point.hit().await?`"]
pub struct Held {
    panics: Option<String>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(name) = self.panics.take() {
            if !std::thread::panicking() {
                panic!("injected into a destructor of {name}");
            }
        }
    }
}

/// The error of a [`FailPoint`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    point: String,
    hit: u64,
}

impl Injected {
    /// The name of the point.
    pub fn point(&self) -> &str {
        &self.point
    }
}

impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "injected at hit {} of {}", self.hit, self.point)
    }
}

impl std::error::Error for Injected {}
