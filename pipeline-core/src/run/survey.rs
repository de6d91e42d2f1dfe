//! Who waits for whom in a run, as its nodes say it.

use std::fmt;
use std::time::Duration;

use super::node::{Doing, Node};
use crate::edge::Fill;
use crate::ledger::Kind;

/// What one stage of a run waits for. A row of a [`Stall`](super::Stall).
///
/// `Display` prints it as one line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Waiting {
    /// The name of the stage, as in the report.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What it was doing when it was last polled.
    pub doing: Doing,
    /// Whom it waits for: those that write into its empty edges, or those that have no room for its outputs.
    pub waits_for: Vec<String>,
    /// Its edges, in the order of its inputs.
    pub edges: Vec<EdgeFill>,
    /// Items in work.
    pub in_work: u64,
    /// Items that have ended, and whose outputs the next edge has not accepted.
    pub finished: u64,
    /// The number of the oldest item that waits before it, counted from zero as in an error; `None` if none waits.
    pub oldest: Option<u64>,
    /// How long that item has been the oldest, at least: no clock is read for an item, so it is the time since the detector
    /// has first seen it there. `None` where nobody has looked before.
    pub oldest_age: Option<Duration>,
}

/// How full an edge is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct EdgeFill {
    /// The stage that writes into it; `None` if it has ended, or is outside of the run.
    pub from: Option<String>,
    /// Items that wait.
    pub waiting: usize,
    /// Most items that may wait.
    pub places: usize,
}

/// Looks at every node that has not ended, from the first source to the last sink. `nodes` come the other way around.
pub(super) fn survey(nodes: &[impl AsRef<Node>]) -> Vec<Waiting> {
    let nodes = nodes.iter().rev().map(AsRef::as_ref).filter(|node| node.kind != Kind::Fused);
    let mut all: Vec<_> = nodes.filter(|node| node.doing() != Doing::Nothing).map(Waiting::of).collect();
    let before: Vec<_> = all.iter().map(|row| writers(&row.edges, |edge| edge.waiting == 0)).collect();
    let behind: Vec<_> = all.iter().map(|row| readers(&all, &row.name)).collect();
    for (row, (before, behind)) in all.iter_mut().zip(before.into_iter().zip(behind)) {
        row.waits_for = match row.doing {
            Doing::WaitForInput => before,
            Doing::WaitForRoom => behind,
            Doing::Work | Doing::Nothing | Doing::Paused => Vec::new(),
        };
    }
    all
}

/// Who writes into the `edges` that are `asked` for.
fn writers(edges: &[EdgeFill], asked: impl Fn(&EdgeFill) -> bool) -> Vec<String> {
    let mut names: Vec<String> = edges.iter().filter(|edge| asked(edge)).filter_map(|edge| edge.from.clone()).collect();
    names.dedup();
    names
}

/// Who reads what `name` writes, and has no room; if that cannot be told, all who read it.
fn readers(all: &[Waiting], name: &str) -> Vec<String> {
    let read = |asked: fn(&EdgeFill) -> bool| -> Vec<String> {
        let is_asked = |row: &&Waiting| row.edges.iter().any(|edge| asked(edge) && edge.from.as_deref() == Some(name));
        all.iter().filter(is_asked).map(|row| row.name.clone()).collect()
    };
    let full = read(|edge| edge.waiting >= edge.places);
    if full.is_empty() { read(|_| true) } else { full }
}

impl Waiting {
    fn of(node: &Node) -> Waiting {
        // From the last step of an item to its first, as a report reads them.
        let counts = &node.counts;
        let left = counts.done.get() + counts.failed.get() + counts.dropped.get() + counts.abandoned.get();
        let ended = counts.ended.get();
        let started = counts.started.get();
        let edges = node.inputs().into_iter().filter_map(|(edge, writer)| {
            let Fill { waiting, places } = edge.fill()?;
            let writer = writer.filter(|writer| writer.doing() != Doing::Nothing);
            Some(EdgeFill { from: writer.map(|writer| writer.name.clone()), waiting, places })
        });
        let edges = edges.collect();
        Waiting {
            name: node.name.clone(),
            kind: node.kind,
            doing: node.doing(),
            waits_for: Vec::new(),
            in_work: started.saturating_sub(ended),
            finished: ended.saturating_sub(left),
            oldest: counts.oldest_waiting(),
            oldest_age: None,
            edges,
        }
    }

    /// Whether it has something that should come to its end.
    pub(super) fn has_items(&self) -> bool {
        match self.kind {
            Kind::Source => self.oldest.is_some() && self.doing != Doing::Paused,
            _ => self.oldest.is_some() || self.in_work + self.finished > 0,
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whom = self.waits_for.join("`, `");
        write!(f, "`{}` ", self.name)?;
        match self.doing {
            Doing::WaitForInput if whom.is_empty() => write!(f, "waits for input")?,
            Doing::WaitForInput => write!(f, "waits for input from `{whom}`")?,
            Doing::WaitForRoom if whom.is_empty() => write!(f, "waits for room")?,
            Doing::WaitForRoom => write!(f, "waits for room before `{whom}`")?,
            Doing::Work => write!(f, "is in work and waits for something outside of the pipeline")?,
            Doing::Nothing => write!(f, "has ended")?,
            Doing::Paused => write!(f, "is paused")?,
        }
        for (number, edge) in self.edges.iter().enumerate() {
            write!(f, "{}{edge}", if number == 0 { "; waiting: " } else { ", " })?;
        }
        if let Some(oldest) = self.oldest {
            write!(f, "; oldest: item {oldest}")?;
        }
        if let Some(age) = self.oldest_age {
            write!(f, ", for {age:?}")?;
        }
        Ok(())
    }
}

impl fmt::Display for EdgeFill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.waiting, self.places)?;
        match &self.from {
            Some(from) => write!(f, " from `{from}`"),
            None => Ok(()),
        }
    }
}
