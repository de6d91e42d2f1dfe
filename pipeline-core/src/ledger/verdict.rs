//! What holds a pipeline up, in one sentence.
//!
//! In front of the bottleneck items wait for room, behind it stages wait for input. So the walk goes from the sinks to the
//! sources and ends at the first stage that
//!
//! | has | told by |
//! | --- | --- |
//! | something to do nearly always | its workers have items, or wait for the head of their window |
//! | a full input | who writes into its edges waited for room, or has ended; a source has no input |
//! | room behind it | it waited for room little |
//!
//! Where no stage has all three the verdict is that it is unknown: a wrong name costs more than none.

use std::fmt;
use std::time::Duration;

use super::{Kind, Snapshot, StageSnapshot};

/// The part of the time, and of that of its workers, that the bottleneck is at work for, at least.
const AT_WORK: f64 = 0.7;

/// The part of the time for which what is before the bottleneck waits for room, at least.
const FULL: f64 = 0.05;

/// The part of the time for which what is before the bottleneck has ended, at least, if it did not wait for room: items wait
/// that it has left.
const ENDED: f64 = 0.5;

/// The part of the time for which the bottleneck itself waits for room, at most.
const BLOCKED: f64 = 0.3;

/// The part of the time of its workers for which they wait for the head of a window, at least, for that to be the cause.
const HELD: f64 = 0.25;

/// The part of the time of a user's loop for which what is before it waits for room, at least.
const UNREAD: f64 = 0.5;

/// What holds a pipeline up: the name of a stage, and why it is that one. `Display` is one sentence.
///
/// It goes by where time went, so it names what to look at first, and not how much would be gained. The time of a fused step,
/// or of a fused sink, is a part of the stage that it is fused into. Where one thread runs everything, a body that waits while
/// another one computes is at work, too, and may be named in its place.
///
/// ```
/// use std::time::Duration;
/// use taktline::ledger::Cause;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let slow = stage(|x: u64| async move { sleep(Duration::from_secs(1)).await; x }).name("slow");
/// let report = iter(0..100u64).then(slow).count().run().await?.report;
/// let verdict = report.verdict();
/// assert_eq!((verdict.stage(), verdict.cause()), (Some("slow"), Cause::AtWork));
/// let text = "bottleneck: `slow`, whose 1 worker was at work for 100 % of the time while its input waited";
/// assert_eq!(verdict.to_string(), text);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    stage: Option<String>,
    cause: Cause,
    workers: u64,
    /// Of the time, from 0 to 1.
    part: f64,
}

/// Why a [`Verdict`] names the stage that it names, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Its workers are at work nearly all of the time, and its input waits. More of them help where there are cores, or where
    /// they wait for something.
    AtWork,
    /// It is a source, and what is behind it waits for what it makes.
    Source,
    /// The window of a pool is full behind items that take long, while its other workers have nothing to do. A larger
    /// `window` helps, or `unordered`.
    Head,
    /// It is the user's own loop over a started flow.
    Reader,
    /// Unknown: nothing has moved.
    #[default]
    Idle,
    /// Unknown: what has tasks waited for input most of the time. The pipeline has less to do than it could.
    Starved,
    /// Unknown: no stage stands out, or there is too little to tell by.
    Unclear,
}

impl Verdict {
    /// The name of the stage, or `None` if it is unknown.
    pub fn stage(&self) -> Option<&str> {
        self.stage.as_deref()
    }

    /// Why it is that stage, or why it is unknown.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    pub(super) fn of(snapshot: &Snapshot) -> Verdict {
        let rows = snapshot.stages();
        let has_moved = rows.iter().any(|row| row.items_in + row.items_out > 0);
        if !has_moved {
            return Verdict::default();
        }
        let found = rows.iter().rev().find_map(|row| judge(row, snapshot));
        found.unwrap_or_else(|| Verdict {
            cause: if is_starved(rows) { Cause::Starved } else { Cause::Unclear },
            ..Verdict::default()
        })
    }
}

/// Whether that stage is the bottleneck.
fn judge(row: &StageSnapshot, snapshot: &Snapshot) -> Option<Verdict> {
    let span = snapshot.span();
    let name =
        |cause, part| Some(Verdict { stage: Some(row.counts.name.clone()), cause, workers: row.counts.workers, part });
    let writers = || row.writers.iter().filter_map(|name| snapshot.stage(name));
    let all = row.worker_time();
    if all.is_zero() {
        // Nobody has measured what the user's loop does with an item.
        let unread = writers().map(|writer| part(writer.blocked, span)).fold(0.0, f64::max);
        return if row.counts.kind == Kind::Sink && unread >= UNREAD { name(Cause::Reader, unread) } else { None };
    }
    let lived = span.saturating_sub(row.over_for);
    let at_work = part(row.working + row.retrying, all);
    // A stage with one worker that waits for room is blocked, and that is all.
    let held = if row.is_pool { part(row.waiting_for_room, all) } else { 0.0 };
    let fills = |writer: &StageSnapshot| part(writer.blocked, span) >= FULL || part(writer.over_for, span) >= ENDED;
    let has_input = row.counts.kind == Kind::Source || writers().any(fills);
    let stands_out = part(lived, span) >= AT_WORK && at_work + held >= AT_WORK && part(row.blocked, lived) <= BLOCKED;
    match row.counts.kind {
        _ if !stands_out || !has_input => None,
        Kind::Source => name(Cause::Source, at_work),
        _ if held >= HELD => name(Cause::Head, held),
        _ => name(Cause::AtWork, at_work),
    }
}

/// Whether everything that has tasks waits for input most of the time.
fn is_starved(rows: &[StageSnapshot]) -> bool {
    let mut with_tasks = rows.iter().filter(|row| !row.worker_time().is_zero()).peekable();
    with_tasks.peek().is_some() && with_tasks.all(|row| part(row.waiting_for_input, row.worker_time()) >= 0.5)
}

fn part(time: Duration, all: Duration) -> f64 {
    if all.is_zero() { 0.0 } else { time.div_duration_f64(all) }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stage, percent) = (self.stage().unwrap_or_default(), 100.0 * self.part);
        let workers =
            if self.workers == 1 { "1 worker was".to_owned() } else { format!("{} workers were", self.workers) };
        f.write_str("bottleneck: ")?;
        match self.cause {
            Cause::AtWork => {
                write!(f, "`{stage}`, whose {workers} at work for {percent:.0} % of the time while its input waited")
            }
            Cause::Source => {
                write!(f, "`{stage}`, a source at work for {percent:.0} % of the time while what is behind it waited")
            }
            Cause::Head => write!(
                f,
                "`{stage}`, whose {} workers waited for the slowest items of their window for {percent:.0} % of the time",
                self.workers
            ),
            Cause::Reader => {
                write!(
                    f,
                    "`{stage}`, the loop that reads the flow, which waited for room for {percent:.0} % of the time"
                )
            }
            Cause::Idle => f.write_str("unknown, nothing has moved"),
            Cause::Starved => f.write_str("unknown, every stage waited for input most of the time"),
            Cause::Unclear => f.write_str("unknown, no stage stands out"),
        }
    }
}
