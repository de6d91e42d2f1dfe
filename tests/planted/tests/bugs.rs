//! The bugs stay plantable as the project changes.

use std::collections::BTreeSet;
use std::path::Path;

use planted::{Tree, bugs};

#[test]
fn each_bug_fits_the_project() {
    let tree = Tree::new(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("planted")).expect("the project can be copied");
    for bug in bugs() {
        let files = tree.planted(&bug).unwrap_or_else(|problem| panic!("{}: {problem}", bug.name));
        assert!(files.keys().all(|file| file.starts_with("pipeline-core/src/")), "{}", bug.name);
        assert!(bug.edits.iter().all(|edit| edit.old != edit.new), "{} changes nothing", bug.name);
    }
}

#[test]
fn there_are_thirty_bugs_and_ten_each_from_trackers_and_from_a_mutation_tool() {
    let bugs = bugs();
    let from = |origin: &str| bugs.iter().filter(|bug| bug.origin.starts_with(origin)).count();
    assert!(bugs.len() >= 30, "{}", bugs.len());
    assert!(from("https://github.com/") >= 10 && from("cargo-mutants ") >= 10);
    assert_eq!(from("https://github.com/") + from("cargo-mutants ") + from("own"), bugs.len());
    let whats: BTreeSet<&str> = bugs.iter().map(|bug| bug.what.as_str()).collect();
    assert_eq!(whats.len(), bugs.len(), "two bugs are the same");
}
