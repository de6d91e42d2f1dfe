//! A mistake is told at compile time: all of a function at once, in the user's words, at the user's place.
//!
//! The messages are pinned to the toolchain that wrote them; another one is free to word its own part differently.

use std::process::Command;

const PINNED: &str = "rustc 1.95.";

#[test]
fn mistakes_are_told_where_they_are() {
    let version = Command::new("rustc").arg("--version").output().expect("rustc runs").stdout;
    let version = String::from_utf8_lossy(&version).into_owned();
    if !version.starts_with(PINNED) {
        println!("SKIP compile_errors: the messages are those of {PINNED}x, and this is {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
