//! What the ledger costs, in instructions: a clock cannot tell so little.

use std::io;

use super::Row;
use crate::callgrind::{self, Frame};
use crate::harness::Bench;
use crate::target::Target;
use crate::workloads::WORKLOADS;

pub(crate) const ROW: Row = Row {
    id: "s16",
    title: "the cost of counting, in instructions an item, over one edge and through two stages",
    target: "<= 8 instructions an item",
    run: measure,
};

/// The workloads with a target; the others are shown.
const JUDGED: [&str; 2] = ["one-edge", "two-stages"];
const LIMIT: f64 = 8.0;

fn measure(bench: &Bench) -> Vec<Target> {
    if !callgrind::is_present() {
        println!("\nSKIP: valgrind or addr2line is not there, and the ledger cannot be called from outside.");
        return Vec::new();
    }
    let few = bench.items(10_000);
    println!("\nAn instruction is the ledger's if it, or what it is inlined into, counts for a report.\n");
    println!("| run, on one thread with a fixed clock | instructions/item | of these the ledger's |");
    println!("|---|---|---|");
    let targets = WORKLOADS.iter().filter_map(|workload| {
        let what = format!("ledger <= {LIMIT} instructions an item ({})", workload.title);
        let target = match instructions(workload.name, few) {
            Ok(Instructions { all, ledger }) => {
                println!("| {} | {all:.1} | {ledger:.1} |", workload.title);
                Target::count_at_most(what, LIMIT, ledger)
            }
            Err(error) => {
                println!("| {} | SKIP: {error} | |", workload.title);
                Target::at_most(what, LIMIT, None)
            }
        };
        JUDGED.contains(&workload.name).then_some(target)
    });
    targets.collect()
}

/// Instructions an item.
struct Instructions {
    all: f64,
    ledger: f64,
}

fn instructions(workload: &str, few: u64) -> io::Result<Instructions> {
    let (before, after) = (callgrind::profile(workload, few)?, callgrind::profile(workload, 2 * few)?);
    let costs = after.per_item(&before, few);
    let frames = callgrind::frames(costs.iter().map(|(address, _)| *address))?;
    let is_ledger = |address: &u64| frames.get(address).is_some_and(|frames| is_of_ledger(frames));
    let ledger = costs.iter().filter(|(address, _)| is_ledger(address)).map(|(_, cost)| cost).sum();
    Ok(Instructions { all: costs.iter().map(|(_, cost)| cost).sum(), ledger })
}

/// Whether an instruction counts for a report: it belongs to the counters, or to who keeps a tally for them. A fused step
/// calls the user's closure in the middle of its tally, so there only the innermost function tells.
fn is_of_ledger(frames: &[Frame]) -> bool {
    let keeps_tally =
        |frame: &Frame| frame.file.contains("/pipeline-core/src/ledger/") || frame.function.contains("worker::Desk");
    frames.iter().any(keeps_tally) || frames.first().is_some_and(|frame| frame.function.contains("FusedCount"))
}
