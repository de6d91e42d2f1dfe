//! Runs a pipeline on a real clock for a long time, with a fault every second, and tells whether memory grows.
//!
//! ```console
//! cargo run --release -p tests --bin soak -- --seconds 600 --runtime tokio
//! cargo run --release -p tests --bin soak -- --seconds 600 --runtime smol
//! ```
//! Exits with 1 if something is violated: a run that ends otherwise than planned, books that do not balance, an item, a task
//! or a receipt that is left.

mod memory;
mod plan;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use taktline::run::Running;
use taktline::{Error, Rt};
use tests::{Tasks, counted};

use memory::{Slope, resident_kib};
use plan::{FAULTS, Fault, PLACES, Site, plan};

/// Between two faults.
const SHIFT: Duration = Duration::from_secs(1);

/// After that a run hangs.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Tokio,
    Smol,
}

const USAGE: &str = "usage: soak [--seconds N] [--runtime tokio|smol]";

fn main() -> ExitCode {
    let Some((kind, length)) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    // The planned panics are no news.
    std::panic::set_hook(Box::new(|panic| {
        if !panic.to_string().contains("a planned panic") {
            eprintln!("{panic}");
        }
    }));
    let mut soak = Soak::default();
    let start = Instant::now();
    while start.elapsed() < length {
        match kind {
            Kind::Tokio => soak.on_tokio(start, length),
            Kind::Smol => soak.on_smol(start, length),
        }
    }
    soak.tell(kind, start.elapsed());
    if soak.violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(mut words: impl Iterator<Item = String>) -> Option<(Kind, Duration)> {
    let (mut kind, mut length) = (Kind::Tokio, Duration::from_secs(60));
    while let Some(word) = words.next() {
        match (word.as_str(), words.next()?.as_str()) {
            ("--seconds", number) => length = Duration::from_secs(number.parse().ok()?),
            ("--runtime", "tokio") => kind = Kind::Tokio,
            ("--runtime", "smol") => kind = Kind::Smol,
            _ => return None,
        }
    }
    Some((kind, length))
}

#[derive(Default)]
struct Soak {
    faults: u64,
    arrived: u64,
    violations: u64,
    /// Minutes, and KiB.
    memory: Vec<(f64, f64)>,
}

/// A run on a runtime that is about to go.
type Left = (Running<()>, Arc<Site>);

impl Soak {
    fn on_tokio(&mut self, start: Instant, length: Duration) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be built");
        let (rt, tasks) = counted(taktline_tokio::from_handle(runtime.handle().clone()));
        let left = runtime.block_on(rt.enter(self.shifts(&rt, &tasks, start, length)));
        drop(runtime);
        self.check_lost(left, &tasks);
    }

    fn on_smol(&mut self, start: Instant, length: Duration) {
        let executor = Arc::new(smol::Executor::new());
        let (rt, tasks) = counted(taktline_smol::from_executor(&executor));
        let (running, ended) = smol::channel::bounded::<()>(1);
        let left = thread::scope(|scope| {
            scope.spawn(|| smol::block_on(executor.run(ended.recv())));
            let left = smol::block_on(executor.run(rt.enter(self.shifts(&rt, &tasks, start, length))));
            drop(running);
            left
        });
        drop(executor);
        self.check_lost(left, &tasks);
    }

    /// One fault after the other, until the runtime is to go.
    async fn shifts(&mut self, rt: &Rt, tasks: &Tasks, start: Instant, length: Duration) -> Left {
        loop {
            let (fault, place) = (FAULTS[self.faults as usize % FAULTS.len()], self.faults as usize % PLACES);
            self.faults += 1;
            let site = Arc::new(Site::default());
            let running = plan(&site).start_on(rt);
            rt.sleep(SHIFT).await;
            if fault == Fault::Shutdown || start.elapsed() >= length {
                return (running, site);
            }
            let shift = end(running, &site, rt, tasks, fault, place);
            match rt.timeout(LIMIT, shift).await {
                Ok(Ok(())) => {}
                Ok(Err(violation)) => self.violated(fault, place, &violation),
                Err(_) => self.violated(fault, place, "it hangs"),
            }
            self.note(&site, start);
        }
    }

    fn check_lost(&mut self, (running, site): Left, tasks: &Tasks) {
        let lost = match futures::executor::block_on(running.join()) {
            Ok(_) => Err("it has no end".to_owned()),
            Err(error) if error.first().is_some_and(|failure| failure.is_lost()) => check_books(&error),
            Err(error) => Err(format!("{error:?}")),
        };
        // A blocking call is dropped by its thread soon after.
        let begun = Instant::now();
        while check_left(&site, tasks).is_err() && begun.elapsed() < LIMIT {
            thread::sleep(Duration::from_millis(1));
        }
        if let Err(violation) = lost.and_then(|()| check_left(&site, tasks)) {
            self.violated(Fault::Shutdown, 0, &violation);
        }
        self.arrived += site.arrived.load(SeqCst);
    }

    fn violated(&mut self, fault: Fault, place: usize, violation: &str) {
        self.violations += 1;
        println!("violated by {fault:?} at {place}: {violation}");
    }

    fn note(&mut self, site: &Site, start: Instant) {
        self.arrived += site.arrived.load(SeqCst);
        self.memory.extend(resident_kib().map(|kib| (start.elapsed().as_secs_f64() / 60.0, kib)));
    }

    fn tell(&self, kind: Kind, elapsed: Duration) {
        println!("{kind:?}: {} faults in {:.0} s, items arrived: {}", self.faults, elapsed.as_secs_f64(), self.arrived);
        match Slope::of(&self.memory) {
            Some(slope) => println!("memory: {slope}"),
            None if self.memory.is_empty() => println!("memory: not known on this system"),
            None => println!("memory: too few samples for a slope"),
        }
        println!("violations: {}", self.violations);
    }
}

/// Ends a run by a fault, and checks what it leaves.
async fn end(
    running: Running<()>,
    site: &Site,
    rt: &Rt,
    tasks: &Tasks,
    fault: Fault,
    place: usize,
) -> Result<(), String> {
    site.plan(fault, place);
    let outcome = match fault {
        Fault::Error | Fault::Panic | Fault::Destructor => Some(running.join().await),
        Fault::Stall => {
            rt.sleep(SHIFT).await;
            Some(running.cancel().await)
        }
        Fault::Cancel => Some(running.cancel().await),
        Fault::Drop | Fault::Shutdown => {
            drop(running);
            None
        }
    };
    if let Some(outcome) = outcome {
        let Err(error) = outcome else { return Err("it has no end".to_owned()) };
        let is_planned = match fault {
            Fault::Error => error.is_failed() && !error.is_panic(),
            Fault::Panic | Fault::Destructor => error.is_panic(),
            _ => error.is_cancelled(),
        };
        if !is_planned {
            return Err(format!("{error:?}"));
        }
        check_books(&error)?;
    }
    // A drop waits for nobody, and a task that has finished its work is dropped by the runtime soon after.
    while check_left(site, tasks).is_err() {
        rt.sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

fn check_books(error: &Error) -> Result<(), String> {
    let report = error.report().ok_or("it has no report")?;
    if report.balances() { Ok(()) } else { Err(report.to_string()) }
}

fn check_left(site: &Site, tasks: &Tasks) -> Result<(), String> {
    let left = (site.witness.left(), tasks.left(), site.open_receipts());
    if left == (0, 0, 0) { Ok(()) } else { Err(format!("items, tasks, receipts left: {left:?}")) }
}
