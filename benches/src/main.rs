//! Runs taktline beside its peers and prints Markdown tables: see `--help`.

mod allocator;
mod args;
mod callgrind;
mod fixed_clock;
mod harness;
mod host;
mod item;
mod peers;
mod plans;
mod rows;
mod shape;
mod stats;
mod table;
mod target;
mod work;
mod workloads;

use std::process::ExitCode;

use args::{Args, Asked};
use harness::Bench;
use rows::{ROWS, Row};
use workloads::WORKLOADS;

fn main() -> ExitCode {
    match args::parse() {
        Ok(Asked::Run(args)) => run(args),
        Ok(Asked::List) => {
            ROWS.iter().for_each(|row| println!("{:<4} {}: {}", row.id, row.title, row.target));
            WORKLOADS.iter().for_each(|workload| println!("workload {}: {}", workload.name, workload.title));
            ExitCode::SUCCESS
        }
        Ok(Asked::Help) => {
            print!("{}", args::HELP);
            ExitCode::SUCCESS
        }
        Ok(Asked::Workload { name, items }) => match workloads::run(&name, items) {
            true => ExitCode::SUCCESS,
            false => usage(&format!("there is no workload {name}: see --list")),
        },
        Err(error) => usage(&error.to_string()),
    }
}

fn usage(error: &str) -> ExitCode {
    eprintln!("{error}\n\n{}", args::HELP);
    ExitCode::from(2)
}

/// A missed target is no failure: a wall clock decides nothing. A wrong answer panics.
fn run(args: Args) -> ExitCode {
    let Args { rows, contenders, rounds, is_quick } = args;
    if let Some(unknown) = rows.iter().find(|id| ROWS.iter().all(|row| row.id != id.as_str())) {
        return usage(&format!("there is no row {unknown}: see --list"));
    }
    let is_asked = |row: &&Row| rows.is_empty() || rows.iter().any(|id| id == row.id);
    let bench = Bench { rounds, is_quick, contenders };
    println!("# taktline beside its peers\n");
    println!("{} rounds, medians with quartiles, ratios by round. One interleaved process.", bench.rounds);
    if is_quick {
        println!("Quick: proves that it runs, and nothing else.");
    }
    let (mut count, mut reached) = (0, 0);
    for row in ROWS.iter().filter(is_asked) {
        count += 1;
        reached += usize::from(run_row(&bench, row));
    }
    println!("\nrows {count} reached {reached} missed {}", count - reached);
    ExitCode::SUCCESS
}

/// Says whether the row has reached all of its targets.
fn run_row(bench: &Bench, row: &Row) -> bool {
    println!("\n## {}: {}\n\nTarget: {}", row.id.to_uppercase(), row.title, row.target);
    let targets = (row.run)(bench);
    println!();
    targets.iter().for_each(|target| println!("- {target}"));
    let is_reached = !targets.is_empty() && targets.iter().all(|target| target.is_reached);
    println!("\n{}: {}", row.id.to_uppercase(), if is_reached { "reached" } else { "missed" });
    is_reached
}
