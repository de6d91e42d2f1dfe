//! A run seen while it goes on.

use std::fmt;
use std::time::Duration;

use super::table::{self, Column, short};
use super::time::Spending;
use super::{Counts, Kind, Spent, StageReport, Times, Verdict};
use crate::run::Node;
use crate::runtime::Instant;

/// A run at one instant: what each stage has done since the run began, or since an earlier snapshot.
///
/// To take one costs the run nothing: it reads what tasks have published. A row holds numbers and the names of stages, and
/// nothing of any item.
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let second = Duration::from_secs(1);
/// let slow = stage(move |x: u64| async move { sleep(second).await; x }).name("slow");
/// let running = iter(0..100u64).then(slow).count().start();
/// sleep(second * 21 / 2).await;
/// let first = running.snapshot().expect("it was started");
/// sleep(20 * second).await;
/// let recent = running.snapshot().expect("it was started").since(&first);
/// let slow = recent.stage("slow").expect("every stage has a row");
/// assert_eq!((recent.span(), slow.working), (20 * second, 20 * second));
/// assert_eq!((slow.counts.in_work, slow.counts.waiting, slow.places), (1, 16, 16));
/// assert_eq!(recent.verdict().stage(), Some("slow"));
/// println!("{recent}");
/// # running.join().await?;
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
///
/// # How old a figure can be
/// A task publishes what it has counted before it waits, when it yields, and at the latest after 128 items, so counts lag by
/// what a task does without a wait. Times lag by nothing: what goes on is counted until now. The rows, and the figures of
/// one row, may be of slightly different instants, since nothing is stopped to read them.
#[derive(Clone, Debug)]
pub struct Snapshot {
    elapsed: Duration,
    span: Duration,
    stages: Vec<StageSnapshot>,
}

/// What one stage does. Times are summed over its workers.
///
/// The five times of workers are all that a worker does: `working`, `retrying`, `waiting_for_input`, `ready`,
/// `waiting_for_room`. For a stage with one worker they add up to the [span](Snapshot::span). A fused step has none: its time
/// is a part of the stage that it is fused into, as is that of a fused sink.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StageSnapshot {
    /// The row of the ledger: counts since the start of the run, what is in flight now, and peaks.
    pub counts: StageReport,
    /// Places of the edges before the stage; `counts.waiting` of them are taken.
    pub places: u64,
    /// Items that were accepted by the stage's edge within the span.
    pub items_in: u64,
    /// Items that were accepted by the next edge within the span.
    pub items_out: u64,
    /// Workers had an item: the body computed, or waited for something of its own.
    pub working: Duration,
    /// Workers waited before further attempts, or made them. Known when such an attempt ends.
    pub retrying: Duration,
    /// Workers waited for input.
    pub waiting_for_input: Duration,
    /// Workers had been woken by new input, and were not polled yet: the threads of the runtime had something else to do.
    ///
    /// An estimate, and 0 in short runs: one in 16 wakes is measured, and counts for all 16. What a body waits for by itself,
    /// and wakes by room, are not seen.
    pub ready: Duration,
    /// Workers waited for room: in the next edge, or in a pool's window, which is full behind a slow item or a slow reader.
    pub waiting_for_room: Duration,
    /// Results waited for room in the next edge. With one worker that is `waiting_for_room`; a pool may go on meanwhile.
    pub blocked: Duration,
    /// From the start of a body to its end, with its retries and its waits in sends.
    ///
    /// Each body that waits is measured. Those that are ready at once are measured in groups of up to 64, with the steps fused
    /// behind them, and each counts with the mean of its group; where they take less than a microsecond, one group in 16
    /// counts for all 16. In a pool, one in 16 that are ready at once does.
    pub service: Times,
    /// From the arrival of an item in the edge to its start. Of 16 times that items are handed over, one is measured. In a
    /// stage with one worker, which takes several items at once, the start of an item is told by its place among them.
    pub queue: Times,
    /// The nodes that write into the stage's edges.
    pub(super) writers: Vec<String>,
    /// Whether a pool moves results on in a task of its own.
    pub(super) is_pool: bool,
    /// For how much of the span no task of the stage was left.
    pub(super) over_for: Duration,
    /// Since the start of the run.
    totals: Totals,
}

/// Since the start of the run.
#[derive(Clone, Debug)]
struct Totals {
    spent: Spending,
    late: Duration,
    service: Times,
    queue: Times,
}

impl Totals {
    fn read(counts: &Counts, spent: Spending) -> Totals {
        Totals { spent, late: counts.late(), service: counts.service.read(), queue: counts.queue.read() }
    }

    fn since(&self, earlier: &Totals) -> Totals {
        Totals {
            spent: self.spent.since(&earlier.spent),
            late: self.late.saturating_sub(earlier.late),
            service: self.service.since(&earlier.service),
            queue: self.queue.since(&earlier.queue),
        }
    }
}

impl StageSnapshot {
    fn read(node: &Node, now: Instant) -> StageSnapshot {
        let spent = node.counts.spending(now);
        let counts = StageReport::read(node, &spent);
        let row = StageSnapshot {
            places: node.counts.places.get(),
            items_in: counts.items_in,
            items_out: counts.items_out,
            counts,
            working: Duration::ZERO,
            retrying: Duration::ZERO,
            waiting_for_input: Duration::ZERO,
            ready: Duration::ZERO,
            waiting_for_room: Duration::ZERO,
            blocked: Duration::ZERO,
            service: Times::default(),
            queue: Times::default(),
            writers: node.writers(),
            is_pool: node.counts.has_exit(),
            over_for: node.counts.over_for(now),
            totals: Totals::read(&node.counts, spent),
        };
        let all = row.totals.clone();
        row.over(all)
    }

    /// The same, with the figures of a span.
    fn over(self, totals: Totals) -> StageSnapshot {
        let Totals { spent, late, service, queue } = totals;
        let (busy, input) = (spent.on(Spent::Busy), spent.on(Spent::WaitingForInput));
        let retrying = spent.on(Spent::Retrying).min(busy);
        let ready = late.min(input);
        let room = spent.on(Spent::WaitingForRoom);
        let blocked = if self.is_pool { spent.on(Spent::Blocked) } else { room };
        StageSnapshot {
            working: busy - retrying,
            retrying,
            waiting_for_input: input - ready,
            ready,
            waiting_for_room: room,
            blocked,
            service,
            queue,
            ..self
        }
    }

    fn since(self, earlier: &StageSnapshot, span: Duration) -> StageSnapshot {
        let totals = self.totals.since(&earlier.totals);
        StageSnapshot {
            items_in: self.counts.items_in.saturating_sub(earlier.counts.items_in),
            items_out: self.counts.items_out.saturating_sub(earlier.counts.items_out),
            over_for: self.over_for.min(span),
            ..self
        }
        .over(totals)
    }

    /// How full the edges before the stage are now, from 0 to 1; 0 if it has none.
    pub fn fill(&self) -> f64 {
        if self.places == 0 { 0.0 } else { self.counts.waiting as f64 / self.places as f64 }
    }

    /// What workers have done in the span, all together.
    pub(super) fn worker_time(&self) -> Duration {
        self.working + self.retrying + self.waiting_for_input + self.ready + self.waiting_for_room
    }
}

impl Snapshot {
    /// `nodes` in the order in which items pass them.
    pub(crate) fn read<'a>(elapsed: Duration, now: Instant, nodes: impl Iterator<Item = &'a Node>) -> Snapshot {
        Snapshot { elapsed, span: elapsed, stages: nodes.map(|node| StageSnapshot::read(node, now)).collect() }
    }

    /// How long the run has gone on, by the clock of its runtime.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The time that the figures are about: since the start of the run, or since an [earlier](Self::since) snapshot.
    pub fn span(&self) -> Duration {
        self.span
    }

    /// One row for each step, sources first.
    pub fn stages(&self) -> &[StageSnapshot] {
        &self.stages
    }

    /// The row of that name, as [`Report::stage`](super::Report::stage) finds it.
    pub fn stage(&self, name: &str) -> Option<&StageSnapshot> {
        self.stages.iter().rev().find(|stage| stage.counts.name == name)
    }

    /// The same snapshot, about the time since an `earlier` one of the same run: rates, times and histograms are those of the
    /// time between the two. Counts in flight, peaks, and the rows of the ledger stay as they are.
    ///
    /// With one that is not earlier, or of another run, it is about no time at all, or the difference of two runs.
    pub fn since(self, earlier: &Snapshot) -> Snapshot {
        let span = self.elapsed.saturating_sub(earlier.elapsed);
        let before = |row: &StageSnapshot| earlier.stage(&row.counts.name);
        let stages = self.stages.into_iter().map(|row| match before(&row) {
            Some(earlier) => row.since(earlier, span),
            None => row,
        });
        Snapshot { span, stages: stages.collect(), ..self }
    }

    /// Items that were accepted by the edge of `stage` in each second of the span; 0 if there is no such stage.
    pub fn rate_in(&self, stage: &str) -> f64 {
        self.stage(stage).map_or(0.0, |stage| self.rate(stage.items_in))
    }

    /// Items that `stage` has moved on in each second of the span; 0 if there is no such stage.
    pub fn rate_out(&self, stage: &str) -> f64 {
        self.stage(stage).map_or(0.0, |stage| self.rate(stage.items_out))
    }

    /// What held the pipeline up in the span, as far as the figures tell.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self)
    }

    pub(super) fn into_rows(self) -> Vec<StageReport> {
        self.stages.into_iter().map(|stage| stage.counts).collect()
    }

    fn rate(&self, items: u64) -> f64 {
        if self.span.is_zero() { 0.0 } else { items as f64 / self.span.as_secs_f64() }
    }
}

/// An aligned table with a row for each stage, a line with the verdict, and one with the time. Times of workers are in
/// percent of all that they did.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        type Cell<'a> = &'a dyn Fn(&StageSnapshot) -> String;
        let share = |of: fn(&StageSnapshot) -> Duration| {
            move |stage: &StageSnapshot| {
                let all = stage.worker_time();
                if all.is_zero() { "-".to_owned() } else { format!("{:.0}", 100.0 * of(stage).div_duration_f64(all)) }
            }
        };
        let per_second = |items| {
            let rate = self.rate(items);
            if rate < 10.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }
        };
        let unless = |is_none: bool, text: String| if is_none { "-".to_owned() } else { text };
        let is_source = |stage: &StageSnapshot| stage.counts.kind == Kind::Source;
        let columns: [(&'static str, Cell<'_>); 15] = [
            ("stage", &|stage| stage.counts.name.clone()),
            ("kind", &|stage| stage.counts.kind.to_string()),
            ("in/s", &|stage| unless(is_source(stage), per_second(stage.items_in))),
            ("out/s", &|stage| per_second(stage.items_out)),
            ("edge", &|stage| unless(stage.places == 0, format!("{}/{}", stage.counts.waiting, stage.places))),
            ("in work", &|stage| unless(is_source(stage), stage.counts.in_work.to_string())),
            ("workers", &|stage| unless(stage.counts.workers == 0, stage.counts.workers.to_string())),
            ("work %", &share(|stage| stage.working)),
            ("retry %", &share(|stage| stage.retrying)),
            ("input %", &share(|stage| stage.waiting_for_input)),
            ("ready %", &share(|stage| stage.ready)),
            ("room %", &share(|stage| stage.waiting_for_room)),
            ("service p50/p99", &|stage| quantiles(&stage.service)),
            ("queue p50/p99", &|stage| quantiles(&stage.queue)),
            ("failed", &|stage| stage.counts.failed.to_string()),
        ];
        let columns: Vec<Column> =
            columns.iter().map(|(head, of)| (*head, self.stages.iter().map(of).collect())).collect();
        table::write(f, columns)?;
        writeln!(f, "{}", self.verdict())?;
        write!(f, "the last {} of {}", short(self.span), short(self.elapsed))
    }
}

fn quantiles(times: &Times) -> String {
    match (times.p50(), times.p99()) {
        (Some(p50), Some(p99)) => format!("{}/{}", short(p50), short(p99)),
        _ => "-".to_owned(),
    }
}
