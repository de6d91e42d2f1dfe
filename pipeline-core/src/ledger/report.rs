//! The ledger as a value: one row a stage, printed as an aligned table.

use std::fmt;
use std::time::Duration;

use super::Spent;
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
    /// Attempts after the first. Always 0: no setting makes any.
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
    /// Time in which workers had an item.
    pub busy: Duration,
    /// Time in which workers waited for input.
    pub waiting_for_input: Duration,
    /// Time in which the stage waited for room in the next edge.
    pub waiting_for_room: Duration,
}

impl StageReport {
    /// Whether `in = done + failed + dropped + abandoned + waiting + in work + finished`. A source always balances.
    pub fn balances(&self) -> bool {
        let ended = self.done + self.failed + self.dropped + self.abandoned;
        self.kind == Kind::Source || self.items_in == ended + self.waiting + self.in_work + self.finished
    }

    fn read(node: &Node) -> StageReport {
        let c = &node.counts;
        // From the last step of an item to its first: see the counters.
        let filtered = c.filtered.get();
        let (done, failed, cut) = (c.done.get(), c.failed.get(), c.abandoned.get());
        let dropped = c.dropped.get();
        let ended = c.ended.get();
        let started = c.started.get();
        let cut_waiting = c.abandoned_waiting.get();
        let items_in = c.accepted.get();
        StageReport {
            name: node.name.clone(),
            kind: node.kind,
            items_in,
            items_out: c.out.get(),
            done,
            filtered,
            failed,
            retried: 0,
            dropped,
            abandoned: cut + cut_waiting,
            waiting: items_in.saturating_sub(started + cut_waiting),
            in_work: started.saturating_sub(ended),
            finished: ended.saturating_sub(done + failed + dropped + cut),
            edge_peak: c.edge_peak.get(),
            work_peak: c.work_peak.get(),
            window_peak: c.window_peak.get(),
            workers: c.workers.get(),
            busy: c.spent(Spent::Busy),
            waiting_for_input: c.spent(Spent::WaitingForInput),
            waiting_for_room: c.spent(Spent::WaitingForRoom),
        }
    }
}

/// The ledger of a run: a row for each source, stage, fused step, join and sink, in the order in which items pass them.
///
/// `Display` prints an aligned table with a row for each, and a last line with the time.
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
}

impl Report {
    pub(crate) fn new<'a>(elapsed: Duration, nodes: impl Iterator<Item = &'a Node>) -> Report {
        Report { elapsed, stages: nodes.map(StageReport::read).collect() }
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

const HEADS: [&str; 14] = [
    "stage",
    "kind",
    "in",
    "out",
    "done",
    "filtered",
    "failed",
    "dropped",
    "abandoned",
    "edge",
    "work",
    "window",
    "busy",
    "waited in/room",
];

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[String; 14]> = self.stages.iter().map(cells).collect();
        let mut widths = HEADS.map(str::len);
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        line(f, &HEADS.map(str::to_owned), &widths)?;
        for row in &rows {
            writeln!(f)?;
            line(f, row, &widths)?;
        }
        write!(f, "\nelapsed {}", short(self.elapsed))
    }
}

fn cells(stage: &StageReport) -> [String; 14] {
    let source = stage.kind == Kind::Source;
    let count = |n: u64| {
        if source { "-".to_owned() } else { n.to_string() }
    };
    [
        stage.name.clone(),
        stage.kind.to_string(),
        count(stage.items_in),
        stage.items_out.to_string(),
        count(stage.done),
        count(stage.filtered),
        stage.failed.to_string(),
        count(stage.dropped),
        count(stage.abandoned),
        count(stage.edge_peak),
        count(stage.work_peak),
        count(stage.window_peak),
        short(stage.busy),
        format!("{}/{}", short(stage.waiting_for_input), short(stage.waiting_for_room)),
    ]
}

fn short(time: Duration) -> String {
    match time.as_nanos() {
        0 => "0".to_owned(),
        ns if ns < 1_000_000 => format!("{}us", ns / 1_000),
        ns if ns < 1_000_000_000 => format!("{:.1}ms", ns as f64 / 1e6),
        ns => format!("{:.2}s", ns as f64 / 1e9),
    }
}

/// Text to the left, numbers to the right.
fn line(f: &mut fmt::Formatter<'_>, cells: &[String; 14], widths: &[usize; 14]) -> fmt::Result {
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        match at {
            0 => write!(f, "{cell:<width$}")?,
            1 => write!(f, "  {cell:<width$}")?,
            _ => write!(f, "  {cell:>width$}")?,
        }
    }
    Ok(())
}
