//! The essay's programs, e1 to e7, on every runtime that is built in.
//!
//! Prints a line for each program, setting and runtime: units measured, units expected, and the serial time of the same
//! functions by the same clock. Exits with 1 where a time on sim is not exact, a real time is under its lower bound, or
//! serial is not serial. A real time over its upper bound is marked: a busy machine is no failure.

mod e1;
mod e2;
mod e3;
mod e4;
mod e5;
mod e6;
mod e7;
mod serial;
mod unit;

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

type Body = fn() -> Pin<Box<dyn Future<Output = taktline::Result<()>>>>;

/// A program with a setting: what it should take, and what plain code takes.
struct Program {
    name: &'static str,
    setting: &'static str,
    expected: f64,
    run: Body,
    serial: (f64, Body),
}

macro_rules! body {
    ($call:expr) => {
        || Box::pin($call)
    };
}

fn programs() -> Vec<Program> {
    let e4 = (30.0, body!(serial::e4()) as Body);
    let e5 = (30.0, body!(serial::e5()) as Body);
    let e6 = (90.0, body!(serial::e6()) as Body);
    let row = |name, setting, expected, run, serial| Program { name, setting, expected, run, serial };
    vec![
        row("e1", "one after the other", 3.0, body!(e1::main()), (3.0, body!(serial::e1()))),
        row("e2", "merged", 2.0, body!(e2::main()), (3.0, body!(serial::e1()))),
        row("e3", "the user's own loop", 7.0, body!(e3::main()), (9.0, body!(serial::e3()))),
        row("e4", "one worker", 21.0, body!(e4::main()), e4),
        row("e5", "one worker", 21.0, body!(e5::main()), e5),
        row("e6", "3 workers", 25.3, body!(e6::main(3)), e6),
        row("e6", "6 workers", 13.5, body!(e6::main(6)), e6),
        row("e6", "12 workers", 8.1, body!(e6::main(12)), e6),
        row("e7", "concurrency = 2", 18.0, body!(e7::main()), e4),
    ]
}

/// A way to run a program and read the clock: units by the runtime's own clock.
struct Runtime {
    name: &'static str,
    is_exact: bool,
    measure: fn(Body) -> taktline::Result<f64>,
}

async fn timed(body: Body) -> taktline::Result<f64> {
    let start = taktline::now();
    body().await?;
    Ok(unit::in_units(taktline::now() - start))
}

fn runtimes() -> Vec<Runtime> {
    vec![
        #[cfg(feature = "sim")]
        Runtime { name: "sim", is_exact: true, measure: |body| taktline::sim::run(7, timed(body)) },
        #[cfg(feature = "tokio")]
        Runtime { name: "tokio", is_exact: false, measure: |body| taktline::runtimes::tokio::block_on(timed(body)) },
        #[cfg(feature = "smol")]
        Runtime { name: "smol", is_exact: false, measure: |body| taktline::runtimes::smol::block_on(timed(body)) },
    ]
}

fn main() -> ExitCode {
    if std::env::args().any(|arg| arg == "--loud") {
        unit::be_loud();
    }
    let mut is_good = true;
    println!("program  setting              runtime  units  expected  serial  verdict");
    for runtime in runtimes() {
        unit::set_unit(if runtime.is_exact { Duration::from_secs(1) } else { Duration::from_millis(20) });
        for program in programs() {
            match line(&runtime, &program) {
                Ok(line_is_good) => is_good &= line_is_good,
                Err(error) => {
                    println!("{:<8} {:<20} {:<8} {error:?}", program.name, program.setting, runtime.name);
                    is_good = false;
                }
            }
        }
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn line(runtime: &Runtime, program: &Program) -> taktline::Result<bool> {
    let Program { name, setting, expected, run, serial: (serial_expected, serial_run) } = program;
    let units = (runtime.measure)(*run)?;
    let serial = (runtime.measure)(*serial_run)?;
    let (verdict, is_good) = match runtime.is_exact {
        true if units != *expected => ("NOT EXACT", false),
        true if serial != *serial_expected => ("SERIAL IS NOT EXACT", false),
        true => ("exact", true),
        false if units < expected - 0.1 => ("TOO FAST: something was not done", false),
        false if serial < serial_expected - 0.1 => ("SERIAL IS NOT SERIAL", false),
        false if units > 1.08 * expected + 0.5 => ("over: a busy machine?", true),
        false => ("good", true),
    };
    println!("{name:<8} {setting:<20} {:<8} {units:>5.1}  {expected:>8.1}  {serial:>6.1}  {verdict}", runtime.name);
    Ok(is_good)
}
