//! The rows: what is measured, and what has to be reached.

mod busy_neighbours;
mod busy_pool;
mod calls;
mod counting;
mod essay;
mod fused_steps;
mod large_items;
mod latency;
mod long_chain;
mod merged_pool;
mod one_edge;
mod ready_pool;
mod slow_reader;
mod timers;
mod two_stages;
mod uneven_pool;

use crate::harness::Bench;
use crate::target::Target;

/// One row.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) target: &'static str,
    pub(crate) run: Run,
}

#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// Prints its tables.
    Measure(fn(&Bench) -> Vec<Target>),
    /// Is not there yet: counts as missed.
    Absent(&'static str),
}

pub(crate) const ROWS: [Row; 21] = [
    fused_steps::ROW,
    one_edge::TWO_THREADS,
    one_edge::ONE_THREAD,
    two_stages::ROW,
    ready_pool::ROW,
    busy_pool::LONG,
    slow_reader::ROW,
    essay::ROW,
    timers::ROW,
    long_chain::ROW,
    merged_pool::ROW,
    latency::ROW,
    one_edge::ONE_PLACE,
    Row {
        id: "s14",
        title: "linkcheck's work",
        target: ">= 0.9 x rayon, faster than spawn + buffered by hand",
        run: Run::Absent("it needs linkcheck's functions as a library"),
    },
    large_items::ROW,
    counting::ROW,
    uneven_pool::ROW,
    busy_neighbours::ROW,
    busy_pool::SHORT,
    calls::CALLS,
    calls::TICKETS,
];
