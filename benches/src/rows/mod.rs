//! The rows: what is measured, and what has to be reached.

mod busy_neighbours;
mod busy_pool;
mod calls;
mod counting;
mod essay;
mod fused_steps;
mod large_items;
mod latency;
mod link_check;
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
    /// Prints its tables.
    pub(crate) run: fn(&Bench) -> Vec<Target>,
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
    link_check::ROW,
    large_items::ROW,
    counting::ROW,
    uneven_pool::ROW,
    busy_neighbours::ROW,
    busy_pool::SHORT,
    calls::CALLS,
    calls::TICKETS,
];
