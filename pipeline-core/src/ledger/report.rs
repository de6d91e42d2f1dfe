//! The ledger as a value: one row a stage, printed as an aligned table.

use std::fmt;
use std::time::Duration;

use super::snapshot::Snapshot;
use super::table::{self, Column, short};
use super::time::Spending;
use super::verdict::Verdict;
use super::{Counts, Spent};
use crate::run::Node;

/// What a row of a report stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Where items enter. It has only an *out*.
    Source,
    /// A stage, or an operator that waits, with an edge and tasks of its own.
    Stage,
    /// A step that is fused into its neighbour.
    Fused,
    /// An operator that joins flows.
    Join,
    /// An operator that splits a flow.
    Split,
    /// Where items leave: a sink, or the user's own loop.
    Sink,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Source => "source",
            Kind::Stage => "stage",
            Kind::Fused => "fused",
            Kind::Join => "join",
            Kind::Split => "split",
            Kind::Sink => "sink",
        })
    }
}

/// The counts of one stage. Times are summed over its workers.
///
/// The words are those of the books: an item is *waiting* from the moment the edge has accepted it until a body starts on
/// it, *in work* until that body has ended, *finished* until the next edge has accepted it.
///
/// ```
/// use taktline::ledger::Kind;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let report = iter(0..9u64).filter(|x| x % 2 == 0).then(|x| async move { x }).count().run().await?.report;
/// let filter = report.stage("filter").expect("every step has a row");
/// assert_eq!((filter.items_in, filter.done, filter.filtered, filter.items_out), (9, 9, 4, 5));
/// let then = report.stage("then").expect("every step has a row");
/// assert_eq!((then.kind, then.items_in, then.work_peak), (Kind::Stage, 5, 1));
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StageReport {
    /// The name of the stage. Stages of one name are told apart by a number; see [`Report::stage`].
    pub name: String,
    /// What the row stands for.
    pub kind: Kind,
    /// *in*: accepted by the stage's edge, or handed to a fused step.
    pub items_in: u64,
    /// *out*: accepted by the next edge.
    pub items_out: u64,
    /// Items whose outputs were all accepted by the next edge, perhaps none.
    pub done: u64,
    /// The part of `done` that had no output.
    pub filtered: u64,
    /// Items on which the last attempt failed.
    pub failed: u64,
    /// The part of `failed` without which the run went on, and which nobody got.
    pub skipped: u64,
    /// The part of `failed` that was handed to the [dead letters](crate::stage::Staged::dead_letters) of the stage.
    pub dead_lettered: u64,
    /// Attempts after the first.
    pub retried: u64,
    /// Items thrown away by a policy that was asked for: there was no room, or it was not their time.
    pub dropped: u64,
    /// Items accepted and cut by an ending: a failure, a cancel, a reader that reads no more.
    pub abandoned: u64,
    /// Accepted and not started, now.
    pub waiting: u64,
    /// Started and not ended, now.
    pub in_work: u64,
    /// Ended and not yet accepted by the next edge, now.
    pub finished: u64,
    /// Most items that ever waited in one edge of the stage.
    pub edge_peak: u64,
    /// Most items that were ever in work at once.
    pub work_peak: u64,
    /// Most items that were ever in work or finished at once, in an ordered stage.
    pub window_peak: u64,
    /// How many workers were ever needed.
    pub workers: u64,
    /// Time in which workers had an item. What goes on is counted until now.
    pub busy: Duration,
    /// Time in which workers waited for input.
    pub waiting_for_input: Duration,
    /// Time in which the stage waited for room in the next edge. For that of the workers of a pool, which may go on
    /// meanwhile or wait for each other, see [`StageSnapshot`](super::StageSnapshot).
    pub waiting_for_room: Duration,
}

impl StageReport {
    /// Whether `in = done + failed + dropped + abandoned + waiting + in work + finished`. A source always balances.
    pub fn balances(&self) -> bool {
        let ended = self.done + self.failed + self.dropped + self.abandoned;
        self.kind == Kind::Source || self.items_in == ended + self.waiting + self.in_work + self.finished
    }

    /// `spent` is what was spent until now.
    pub(super) fn read(node: &Node, spent: &Spending) -> StageReport {
        let c: &Counts = &node.counts;
        // From the last step of an item to its first: see the counters.
        let (filtered, skipped, dead_lettered) = (c.filtered.get(), c.skipped.get(), c.dead_lettered.get());
        let (done, failed, cut) = (c.done.get(), c.failed.get(), c.abandoned.get());
        let dropped = c.dropped.get();
        let ended = c.ended.get();
        let started = c.started.get();
        let (cut_waiting, dropped_waiting) = (c.abandoned_waiting.get(), c.dropped_waiting.get());
        let items_in = c.accepted.get();
        StageReport {
            name: node.name.clone(),
            kind: node.kind,
            items_in,
            items_out: c.out.get(),
            done,
            filtered,
            failed,
            skipped,
            dead_lettered,
            retried: c.retried.get(),
            dropped: dropped + dropped_waiting,
            abandoned: cut + cut_waiting,
            waiting: items_in.saturating_sub(started + cut_waiting + dropped_waiting),
            in_work: started.saturating_sub(ended),
            finished: ended.saturating_sub(done + failed + dropped + cut),
            edge_peak: c.edge_peak.get(),
            work_peak: c.work_peak.get(),
            window_peak: c.window_peak.get(),
            workers: c.workers.get(),
            busy: spent.on(Spent::Busy),
            waiting_for_input: spent.on(Spent::WaitingForInput),
            waiting_for_room: spent.on(if c.has_exit() { Spent::Blocked } else { Spent::WaitingForRoom }),
        }
    }
}

/// The ledger of a run: a row for each source, stage, fused step, join and sink, in the order in which items pass them.
///
/// `Display` prints an aligned table with a row for each, a line with the [verdict](Report::verdict), and a last one with
/// the time.
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let slow = stage(|x: u64| async move { sleep(Duration::from_secs(1)).await; x }).name("slow");
/// let report = iter(0..3u64).then(slow).count().run().await?.report;
/// assert_eq!(report.elapsed(), Duration::from_secs(3));
/// assert_eq!(report.stages().iter().map(|row| &*row.name).collect::<Vec<_>>(), ["iter", "slow", "count"]);
/// assert!(report.balances());
/// assert!(report.to_string().ends_with("elapsed 3.00s"));
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    elapsed: Duration,
    stages: Vec<StageReport>,
    verdict: Verdict,
}

impl Report {
    /// Of a whole run until now.
    pub(crate) fn of(snapshot: Snapshot) -> Report {
        let verdict = snapshot.verdict();
        Report { elapsed: snapshot.elapsed(), stages: snapshot.into_rows(), verdict }
    }

    /// What held the pipeline up, from its start until now, as far as the counts tell.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let slow = stage(|x: u64| async move { sleep(Duration::from_secs(1)).await; x }).name("slow");
    /// let report = iter(0..100u64).then(slow).count().run().await?.report;
    /// assert_eq!(report.verdict().stage(), Some("slow"));
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// How long the run has taken, by the clock of its runtime.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// One row for each step, sources first.
    pub fn stages(&self) -> &[StageReport] {
        &self.stages
    }

    /// The row of that name; `None` if there is none. Where several stages have one name, they are told apart by a number,
    /// counted from the sink: `then` is the last of them, `then#2` the one before it.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let odd = |x: u64| x % 2 == 1;
    /// let report = iter(0..9u64).filter(|x| *x > 4).filter(move |x| odd(*x)).count().run().await?.report;
    /// assert_eq!(report.stage("filter#2").map(|row| row.items_in), Some(9));
    /// assert_eq!(report.stage("filter").map(|row| row.items_in), Some(4));
    /// assert!(report.stage("map").is_none());
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn stage(&self, name: &str) -> Option<&StageReport> {
        self.stages.iter().rev().find(|stage| stage.name == name)
    }

    /// Whether every row [balances](StageReport::balances).
    pub fn balances(&self) -> bool {
        self.stages.iter().all(StageReport::balances)
    }
}

/// The head of a column, and the cell of a row in it.
type Cells = (&'static str, fn(&StageReport) -> String);

/// What is behind the name and the kind. Those that are not `true` are left out where every cell is zero.
const COLUMNS: [(bool, Cells); 15] = [
    (true, ("in", |stage| count(stage, stage.items_in))),
    (true, ("out", |stage| stage.items_out.to_string())),
    (true, ("done", |stage| count(stage, stage.done))),
    (true, ("filtered", |stage| count(stage, stage.filtered))),
    (true, ("failed", |stage| stage.failed.to_string())),
    (false, ("skipped", |stage| stage.skipped.to_string())),
    (false, ("dead letters", |stage| stage.dead_lettered.to_string())),
    (false, ("retried", |stage| stage.retried.to_string())),
    (true, ("dropped", |stage| count(stage, stage.dropped))),
    (true, ("abandoned", |stage| count(stage, stage.abandoned))),
    (true, ("edge", |stage| count(stage, stage.edge_peak))),
    (true, ("work", |stage| count(stage, stage.work_peak))),
    (true, ("window", |stage| count(stage, stage.window_peak))),
    (true, ("busy", |stage| short(stage.busy))),
    (true, ("waited in/room", |stage| format!("{}/{}", short(stage.waiting_for_input), short(stage.waiting_for_room)))),
];

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |of: fn(&StageReport) -> String| self.stages.iter().map(of).collect::<Vec<_>>();
        let mut columns: Vec<Column> =
            vec![("stage", text(|stage| stage.name.clone())), ("kind", text(|stage| stage.kind.to_string()))];
        for (is_always, (head, of)) in COLUMNS {
            let cells = text(of);
            if is_always || cells.iter().any(|cell| cell != "0") {
                columns.push((head, cells));
            }
        }
        table::write(f, columns)?;
        writeln!(f, "{}", self.verdict)?;
        write!(f, "elapsed {}", short(self.elapsed))
    }
}

fn count(stage: &StageReport, n: u64) -> String {
    if stage.kind == Kind::Source { "-".to_owned() } else { n.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, kind: Kind, numbers: [u64; 3], times: [Duration; 3]) -> StageReport {
        let ([items_in, items_out, done], [busy, waiting_for_input, waiting_for_room]) = (numbers, times);
        StageReport {
            name: name.to_owned(),
            kind,
            items_in,
            items_out,
            done,
            filtered: 0,
            failed: 0,
            skipped: 0,
            dead_lettered: 0,
            retried: 0,
            dropped: 0,
            abandoned: 0,
            waiting: 0,
            in_work: 0,
            finished: 0,
            edge_peak: 16,
            work_peak: 2,
            window_peak: 4,
            workers: 2,
            busy,
            waiting_for_input,
            waiting_for_room,
        }
    }

    #[test]
    fn a_report_is_a_table_with_times_in_the_units_that_fit() {
        let ns = Duration::from_nanos;
        let times = [ns(999_999), ns(1_000_000), ns(999_999_999)];
        let stages = vec![
            row("numbers", Kind::Source, [0, 12_345, 0], [ns(0); 3]),
            row("fetch", Kind::Stage, [12_345, 9, 12_345], times),
            row("store", Kind::Sink, [9, 0, 9], [ns(1_000_000_000), ns(1), ns(1_500)]),
        ];
        let report = Report { elapsed: ns(61_250_000_000), stages, verdict: Verdict::default() };
        let expected = "\
stage    kind       in    out   done  filtered  failed  dropped  abandoned  edge  work  window   busy  waited in/room
numbers  source      -  12345      -         -       0        -          -     -     -       -      0             0/0
fetch    stage   12345      9  12345         0       0        0          0    16     2       4  999us  1.0ms/1000.0ms
store    sink        9      0      9         0       0        0          0    16     2       4  1.00s         0us/1us
bottleneck: unknown, nothing has moved
elapsed 61.25s";
        assert_eq!(report.to_string(), expected);
        assert_eq!(report.stage("fetch").map(|row| row.items_in), Some(12_345));
    }

    #[test]
    fn an_item_more_or_less_in_any_column_is_out_of_balance() {
        let columns: [fn(&mut StageReport) -> &mut u64; 7] = [
            |row| &mut row.done,
            |row| &mut row.failed,
            |row| &mut row.dropped,
            |row| &mut row.abandoned,
            |row| &mut row.waiting,
            |row| &mut row.in_work,
            |row| &mut row.finished,
        ];
        let whole = |kind| {
            let mut row = row("stage", kind, [28, 0, 0], [Duration::ZERO; 3]);
            columns.iter().zip(1..).for_each(|(column, n)| *column(&mut row) = n);
            row
        };
        assert!(whole(Kind::Stage).balances());
        let report = |stages| Report { elapsed: Duration::ZERO, stages, verdict: Verdict::default() };
        assert!(report(vec![whole(Kind::Stage), whole(Kind::Sink)]).balances());
        for column in columns {
            let mut less = whole(Kind::Stage);
            *column(&mut less) -= 1;
            assert!(!less.balances(), "{less:?}");
            assert!(!report(vec![whole(Kind::Stage), less]).balances());
        }
        assert!(row("source", Kind::Source, [1, 0, 0], [Duration::ZERO; 3]).balances(), "a source takes no items");
    }
}
