//! Sources that go by the clock.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::Flow;
use super::source::{Reads, pump};
use crate::ledger::Kind;
use crate::op::Beat;
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::runtime::{Rt, Sleep};

/// A flow of the numbers from 0, one at each multiple of `period` after the start of the run. It does not end.
///
/// The rhythm does not drift. Ticks that pass while there is no room are skipped, all but the last: a gap between two
/// numbers tells how many. A zero period makes the plan invalid: `run` says so.
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let second = Duration::from_secs(1);
/// let done = interval(second).take(3).collect::<Vec<_>>().run().await?;
/// assert_eq!((done.value, done.report.elapsed()), (vec![0, 1, 2], 3 * second));
/// // Whoever is slow misses some.
/// let slow = stage(move |tick| async move { sleep(5 * second / 2).await; tick }).buffer(1);
/// assert_eq!(interval(second).then(slow).take(4).collect::<Vec<_>>().run().await?.value, [0, 1, 2, 5]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
pub fn interval(period: Duration) -> Interval {
    Interval { period }
}

/// A flow of one item, `()`, which comes `time` after the start of the run.
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let minute = Duration::from_secs(60);
/// let done = merge((after(minute).map(|()| "late"), iter(["early"]))).collect::<Vec<_>>().run().await?;
/// assert_eq!((done.value, done.report.elapsed()), (vec!["early", "late"], minute));
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
pub fn after(time: Duration) -> After {
    After { time }
}

/// The flow of [`interval`].
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
#[derive(Clone, Debug)]
pub struct Interval {
    period: Duration,
}

/// The flow of [`after`].
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
#[derive(Clone, Debug)]
pub struct After {
    time: Duration,
}

impl Flow for Interval {
    type Item = u64;
    type Lineage = ();

    fn build<N: Push<u64, ()>>(self, build: &mut Build, next: N) {
        let rt = build.run.rt.clone();
        let ticks = move || {
            let beat = Beat::new(rt.now(), self.period);
            Ticks { timer: rt.sleep_until(beat.next()), beat, rt }
        };
        pump(build, "interval", ticks, next);
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline.node("interval", Kind::Source);
        outline.hold(1);
        if self.period.is_zero() {
            outline.problem("`interval` has a period of zero; give it a longer one".to_owned());
        }
    }
}

impl Flow for After {
    type Item = ();
    type Lineage = ();

    fn build<N: Push<(), ()>>(self, build: &mut Build, next: N) {
        let rt = build.run.rt.clone();
        pump(build, "after", move || Later { timer: Some(rt.sleep(self.time)) }, next);
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline.node("after", Kind::Source);
        outline.hold(1);
    }
}

struct Ticks {
    rt: Rt,
    beat: Beat,
    timer: Sleep,
}

impl Reads for Ticks {
    type Item = u64;

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<u64>> {
        ready!(Pin::new(&mut self.timer).poll(cx));
        // From 1.
        let tick = self.beat.skip_to(self.rt.now());
        self.timer.reset(self.beat.next());
        Poll::Ready(Some(tick.saturating_sub(1)))
    }
}

struct Later {
    /// Gone once it was ready.
    timer: Option<Sleep>,
}

impl Reads for Later {
    type Item = ();

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        let Some(timer) = &mut self.timer else { return Poll::Ready(None) };
        ready!(Pin::new(timer).poll(cx));
        self.timer = None;
        Poll::Ready(Some(()))
    }
}
