//! What a row has to reach, and whether it did.

use std::fmt;

use crate::harness::Measured;
use crate::stats::{Short, Spread};

/// One thing that a row has to reach.
#[derive(Debug)]
pub(crate) struct Target {
    what: String,
    /// None if it could not be measured.
    got: Option<String>,
    pub(crate) is_reached: bool,
}

impl Target {
    /// The median of `got` is `limit` or less.
    pub(crate) fn at_most(what: impl Into<String>, limit: f64, got: Option<Spread>) -> Target {
        Target::of(what, got, |got| got.median <= limit)
    }

    /// A count, which no round could change, is `limit` or less.
    pub(crate) fn count_at_most(what: impl Into<String>, limit: f64, got: f64) -> Target {
        Target { what: what.into(), got: Some(Short(got).to_string()), is_reached: got <= limit }
    }

    /// The median of `got` is `limit` or more.
    pub(crate) fn at_least(what: impl Into<String>, limit: f64, got: Option<Spread>) -> Target {
        Target::of(what, got, |got| got.median >= limit)
    }

    pub(crate) fn of(what: impl Into<String>, got: Option<Spread>, holds: impl Fn(Spread) -> bool) -> Target {
        Target { what: what.into(), got: got.map(|got| got.to_string()), is_reached: got.is_some_and(holds) }
    }

    /// Ours is no more than `limit` of a peer.
    pub(crate) fn ratio(measured: &Measured, column: usize, ours: &str, limit: f64, peer: &str) -> Target {
        let unit = measured.columns[column];
        let what = format!("{ours} <= {limit} x {peer}, {unit} ({})", measured.title);
        Target::at_most(what, limit, measured.ratio(ours, peer, column))
    }

    /// Ours is no more than `limit` of the best peer.
    pub(crate) fn ratio_to_best(measured: &Measured, column: usize, ours: &str, limit: f64) -> Target {
        match measured.best_peer(column) {
            Some(best) => Target::ratio(measured, column, ours, limit, best),
            None => Target::at_most(format!("{ours} <= {limit} x the best peer ({})", measured.title), limit, None),
        }
    }

    /// Ours allocates nothing for an item; what a start costs does not count.
    pub(crate) fn no_allocation(measured: &Measured, ours: &str) -> Target {
        let got = measured.allocations(ours);
        // A start makes some hundred allocations at most.
        let limit = (200.0 / measured.items as f64).max(0.002);
        Target {
            what: format!("{ours} makes no allocation an item ({})", measured.title),
            got: got.map(|got| Short(got).to_string()),
            is_reached: got.is_some_and(|got| got <= limit),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_reached { "reached" } else { "missed" };
        match &self.got {
            Some(got) => write!(f, "{verdict}: {}: {got}", self.what),
            None => write!(f, "{verdict}: {}: not measured", self.what),
        }
    }
}
