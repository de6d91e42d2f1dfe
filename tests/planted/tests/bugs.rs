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
fn no_two_bugs_are_the_same_and_each_says_where_it_is_from() {
    let bugs = bugs();
    assert!(bugs.len() > 20, "{}", bugs.len());
    let origins = ["https://github.com/", "cargo-mutants ", "own"];
    for bug in &bugs {
        assert!(origins.iter().any(|origin| bug.origin.starts_with(origin)), "{}: {}", bug.name, bug.origin);
    }
    let whats: BTreeSet<&str> = bugs.iter().map(|bug| bug.what.as_str()).collect();
    assert_eq!(whats.len(), bugs.len(), "two bugs are the same");
}
