//! Bugs that are planted in a copy of the project, one at a time, to see that the checks bite.
//!
//! ```text
//! cargo run --release -p planted                 all of them
//! cargo run --release -p planted -- --only NAME  one
//! cargo run --release -p planted -- --list
//! ```
//!
//! A bug is a file in `bugs/`: a head that says what it is, where it is from and which checks are tried, in this order, and
//! hunks in the form of a diff. A hunk is found by its text, not by its line, and may be a part of a line, so that it stays
//! where it belongs as files change. `@@ fn close` looks behind that text, which is in the file once, and takes the first
//! place; after a bare `@@` there must be one place only. A hunk that does not fit is an error. The copy, and what is built
//! from it, are in `target/planted`.
//!
//! What no check finds stays in the number of all.

mod bug;
mod check;
mod tree;

pub use bug::{Bug, Edit, bugs};
pub use check::{Check, Outcome};
pub use tree::Tree;
