//! Every case on every runtime: all verdicts are the same, and good.

mod hosts;

use std::collections::HashSet;
use std::thread;

use conformance::{Host, Outcome, cases};
use hosts::{LIMIT, SimHost, SmolExecutor, SmolGlobal, TokioHost, quietly};

type MakeHost = fn() -> Box<dyn Host>;

const RUNTIMES: [(&str, MakeHost); 7] = [
    ("tokio 1", TokioHost::current_thread),
    ("tokio n", TokioHost::multi_thread),
    ("smol global", SmolGlobal::host),
    ("smol 2", SmolExecutor::host),
    ("sim 1", || SimHost::host(1)),
    ("sim 2", || SimHost::host(2)),
    ("sim 3", || SimHost::host(3)),
];

fn column(host: MakeHost) -> Vec<Outcome> {
    cases().iter().map(|case| case.run(LIMIT, host)).collect()
}

fn sign(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "ok",
        Outcome::NotApplicable => "-",
        Outcome::Failed(_) => "FAILED",
    }
}

#[test]
fn every_case_passes_on_every_runtime() {
    let columns: Vec<_> = quietly(|| {
        let running = RUNTIMES.map(|(_, host)| thread::spawn(move || column(host)));
        running.into_iter().map(|column| column.join().expect("a case does not panic its caller")).collect()
    });
    let cases = cases();
    let width = cases.iter().map(|case| case.full_name().len()).max().unwrap_or(0);
    let (mut wrong, mut heading) = (Vec::new(), format!("{:width$}", "case"));
    RUNTIMES.iter().for_each(|(name, _)| heading += &format!("  {name:>11}"));
    println!("{heading}");
    for (at, case) in cases.iter().enumerate() {
        let mut line = format!("{:width$}", case.full_name());
        for ((name, _), column) in RUNTIMES.iter().zip(&columns) {
            let outcome = &column[at];
            line += &format!("  {:>11}", sign(outcome));
            let may_be_absent = case.topic == "shutdown" && *name == "smol global";
            if outcome.is_failed() || (*outcome == Outcome::NotApplicable && !may_be_absent) {
                wrong.push(format!("{} on {name}: {outcome}", case.full_name()));
            }
        }
        println!("{line}");
    }
    println!("{} cases, {} runtimes", cases.len(), RUNTIMES.len());
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}

#[test]
fn there_are_at_least_sixty_cases_with_different_names() {
    let names: HashSet<_> = cases().iter().map(|case| case.full_name()).collect();
    assert_eq!(names.len(), cases().len());
    assert!(names.len() >= 60, "only {} cases", names.len());
}
