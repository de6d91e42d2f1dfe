//! The same functions in one loop, with no runtime and no pipeline: what the pipeline is compared with.

use std::path::Path;

use crate::check::{Checker, Findings, Rules};
use crate::files::{entries, read};
use crate::page::parse;

/// Checks `folder` on the thread of the caller.
pub fn check_folder(folder: &Path, rules: &Rules) -> Findings {
    let (read, parse) = (read(folder.to_owned()), parse());
    let mut checker = Checker::new(rules);
    for file in entries(folder) {
        checker.add(parse.call(read.call(file)));
    }
    checker.finish()
}
