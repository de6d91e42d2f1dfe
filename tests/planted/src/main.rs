//! Plants each bug and tells which check finds it. See the crate's documentation.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use planted::{Bug, Check, Outcome, Tree, bugs};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut bugs = bugs();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => {}
        ["--list"] => {
            bugs.iter().for_each(|bug| println!("{}\n    {}\n    {}", bug.name, bug.what, bug.origin));
            return ExitCode::SUCCESS;
        }
        ["--only", names @ ..] => bugs.retain(|bug| names.contains(&bug.name.as_str())),
        _ => {
            eprintln!("usage: planted [--list | --only NAME..]");
            return ExitCode::FAILURE;
        }
    }
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/planted");
    let tree = match Tree::new(&target) {
        Ok(tree) => tree,
        Err(error) => {
            eprintln!("the project cannot be copied: {error}");
            return ExitCode::FAILURE;
        }
    };
    // A check that fails without a bug finds nothing.
    let checks: BTreeSet<&Check> = bugs.iter().flat_map(|bug| &bug.checks).collect();
    for check in checks {
        let start = Instant::now();
        match check.run(tree.path(), &target) {
            Outcome::Passes => println!("passes without a bug: {} ({} s)", check.name(), start.elapsed().as_secs()),
            outcome => {
                println!("fails without a bug: {}: {outcome:?}", check.name());
                return ExitCode::FAILURE;
            }
        }
    }
    let mut missed = Vec::new();
    for bug in &bugs {
        let start = Instant::now();
        let found = match tree.with(bug, || look_for(bug, &tree, &target)) {
            Ok(Ok(found)) => found,
            Ok(Err(problem)) | Err(problem) => {
                println!("{}: {problem}", bug.name);
                return ExitCode::FAILURE;
            }
        };
        let seconds = start.elapsed().as_secs();
        match found {
            Some(how) => println!("found   {:<50} by {how} ({seconds} s)", bug.name),
            None => {
                println!("MISSED  {:<50} ({seconds} s)", bug.name);
                missed.push(&bug.name);
            }
        }
    }
    let found = bugs.len() - missed.len();
    missed.iter().for_each(|name| println!("not found: {name}"));
    println!("{found} of {} found", bugs.len());
    if 10 * found >= 9 * bugs.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The check that finds the bug, and what it says. `None` if none does.
fn look_for(bug: &Bug, tree: &Tree, target: &Path) -> Result<Option<String>, String> {
    for check in &bug.checks {
        match check.run(tree.path(), target) {
            Outcome::Passes => {}
            Outcome::Fails(how) => return Ok(Some(format!("{}: {how}", check.name()))),
            Outcome::DoesNotBuild(error) => return Err(format!("it does not build for {}\n{error}", check.name())),
        }
    }
    Ok(None)
}
