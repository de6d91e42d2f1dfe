//! Every case is seen failing: each on some runtime that misbehaves. And each misbehaviour is found by some case.

mod broken;
mod hosts;

use std::thread;
use std::time::Duration;

use broken::{BrokenHost, Fault};
use conformance::{Outcome, cases};
use hosts::quietly;

/// A simulated runtime finds a deadlock itself; the limit is for what goes round for ever.
const LIMIT: Duration = Duration::from_secs(2);

fn column(fault: Fault) -> Vec<Outcome> {
    cases().iter().map(|case| case.run(LIMIT, move || BrokenHost::host(fault))).collect()
}

#[test]
fn every_case_fails_somewhere_and_every_fault_is_found() {
    let columns: Vec<(Fault, Vec<Outcome>)> = quietly(|| {
        let running: Vec<_> = Fault::ALL.iter().map(|&fault| (fault, thread::spawn(move || column(fault)))).collect();
        let join = |(fault, column): (_, thread::JoinHandle<_>)| {
            (fault, column.join().expect("a case does not panic its caller"))
        };
        running.into_iter().map(join).collect()
    });
    let cases = cases();
    let mut wrong = Vec::new();
    for (fault, column) in &columns {
        let failed: Vec<_> = cases.iter().zip(column).filter(|(_, outcome)| outcome.is_failed()).collect();
        println!("{:28} breaks {:3} cases", format!("{fault:?}"), failed.len());
        if fault.is_harmless() {
            wrong.extend(failed.iter().map(|(case, outcome)| format!("{fault:?}: {}: {outcome}", case.full_name())));
        } else if failed.is_empty() {
            wrong.push(format!("{fault:?} is found by no case"));
        }
    }
    println!();
    let width = cases.iter().map(|case| case.full_name().len()).max().unwrap_or(0);
    for (at, case) in cases.iter().enumerate() {
        let broken: Vec<_> =
            columns.iter().filter(|(_, column)| column[at].is_failed()).map(|(fault, _)| fault).collect();
        println!("{:width$}  {broken:?}", case.full_name());
        if broken.is_empty() {
            wrong.push(format!("{} was never seen failing", case.full_name()));
        }
    }
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}
