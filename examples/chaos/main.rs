//! Runs random pipelines on the simulated runtime, with faults, and counts what was violated.
//!
//! ```console
//! cargo run --release --example chaos --all-features -- --seeds 20000
//! cargo run --release --example chaos --all-features -- --seed 17
//! ```
//! The second replays one seed and tells what it does. Exits with 1 if something is violated.

mod args;

use std::num::NonZeroUsize;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use taktline::sim::{Coverage, Explore, Failed, Faults, Passed};
use tests::random::{Moved, on_sim};

use args::Args;

/// Seeds that a thread takes in one go.
const BATCH: u64 = 64;

/// Failing seeds that each thread makes smaller. Of more, only what went wrong is told.
const SHRUNK_MAX: usize = 3;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(mistake) => {
            eprintln!("{mistake}");
            return ExitCode::from(2);
        }
    };
    if let Some(seed) = args.told {
        tell(seed);
    }
    let explored = explore(args.seeds);
    for failed in &explored.failed {
        if failed.attempts() > 0 {
            println!("{failed}\n");
        } else {
            println!("seed {} fails: {}", failed.seed(), failed.message().lines().next().unwrap_or_default());
        }
    }
    println!("{}", explored.coverage);
    println!("items moved: {}", explored.moved.items());
    println!("violations: {}", explored.failed.len());
    if explored.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints what a seed does, if it passes. The story of one that fails comes with the failure.
fn tell(seed: u64) {
    let explore = Explore::new().faults(Faults::all()).tell().shrink(0);
    if let Ok(passed) = explore.seed(seed, |case| on_sim(case, &Moved::default())) {
        println!("seed {seed} passes, with the faults: {}\nstory:\n{}", passed.drawn, passed.story);
    }
}

#[derive(Default)]
struct Explored {
    coverage: Coverage,
    moved: Moved,
    failed: Vec<Failed>,
}

/// Tries each seed once, on all cores.
fn explore(seeds: Range<u64>) -> Explored {
    let (next, all) = (AtomicU64::new(seeds.start), Mutex::new(Explored::default()));
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut explorer = Explorer::new(&all);
                loop {
                    let from = next.fetch_add(BATCH, Relaxed);
                    if from >= seeds.end {
                        break;
                    }
                    let batch = (from..seeds.end.min(from + BATCH)).map(|seed| explorer.explore(seed)).collect();
                    all.lock().expect("no holder panics").add(batch);
                }
            });
        }
    });
    let mut all = all.into_inner().expect("no holder panics");
    all.failed.sort_by_key(Failed::seed);
    all
}

impl Explored {
    fn add(&mut self, batch: Vec<Result<Passed, Failed>>) {
        for result in batch {
            match result {
                Ok(passed) => self.coverage.add(&passed),
                Err(failed) => self.failed.push(failed),
            }
        }
    }
}

/// What one thread tries.
struct Explorer {
    explore: Explore,
    moved: Moved,
    failed: usize,
}

impl Explorer {
    fn new(all: &Mutex<Explored>) -> Explorer {
        let explore = Explore::new().faults(Faults::all()).compare();
        Explorer { explore, moved: all.lock().expect("no holder panics").moved.clone(), failed: 0 }
    }

    fn explore(&mut self, seed: u64) -> Result<Passed, Failed> {
        let explore = self.explore.clone();
        let explore = if self.failed < SHRUNK_MAX { explore } else { explore.shrink(0) };
        let result = explore.seed(seed, |case| on_sim(case, &self.moved));
        self.failed += usize::from(result.is_err());
        result
    }
}
