//! Bugs that are planted in a copy of the project, one at a time, to see that the checks bite.
//!
//! ```text
//! cargo run --release -p planted                 all of them
//! cargo run --release -p planted -- --only NAME  one
//! cargo run --release -p planted -- --list
//! ```
//!
//! A bug is a file in `bugs/`: a head that says what it is, where it is from and which checks are tried, in this order, and
//! a unified diff. A hunk is found by its text, not by its line, so that it stays where it belongs as files change; one
//! that is not found, or found twice, is an error. The copy, and what is built from it, are in `target/planted`.
//!
//! What no check finds stays in the number of all.

mod bug;
mod check;
mod tree;

pub use bug::{Bug, Edit, bugs};
pub use check::{Check, Outcome};
pub use tree::Tree;
