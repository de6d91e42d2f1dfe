//! Checks the links of a folder of HTML: a pipeline of five stages.
//!
//! ```text
//! walk -> read (blocking I/O) -> parse (all cores) -> index -> check (all cores) -> findings
//! ```
//!
//! A link can be judged when every file is known, so `index` holds what was parsed until the last file has come.
//!
//! | module | owns |
//! | --- | --- |
//! | [`files`] | finding and reading files |
//! | [`page`] | what a page says: its places and its links; parsed from its `tags` |
//! | [`target`] | where a link leads |
//! | [`places`], [`links`] | many short strings of a page in few allocations |
//! | [`rules`] | what is not checked |
//! | [`mod@index`] | all files by name |
//! | [`mod@check`] | which links are broken |
//! | [`findings`] | what is found |
//! | [`sequential`] | the same functions in one loop, without a pipeline |

pub mod check;
pub mod files;
pub mod findings;
pub mod index;
pub mod links;
pub mod page;
pub mod places;
pub mod rules;
pub mod sequential;
mod tags;
pub mod target;
mod text;

use std::path::{Path, PathBuf};
use std::process::Command;

use taktline::prelude::*;

use crate::check::check;
use crate::files::{read, walk};
use crate::findings::Findings;
use crate::index::index;
use crate::page::{Parser, parse};
use crate::rules::Rules;

/// The whole program as a plan.
pub fn pipeline(folder: &Path, cores: usize, rules: Rules) -> Pipeline<Findings> {
    walk(folder.to_owned())
        .then(read())
        .flat_map(|batch| batch)
        .then(parse(Parser::new(rules)).concurrency(cores).unordered())
        .then(index())
        .then(check().concurrency(cores).unordered())
        .fold(Findings::default(), Findings::merged)
}

/// The folder of the HTML docs of the Rust toolchain, where they are installed.
pub fn toolchain_docs() -> Option<PathBuf> {
    let rustc = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = rustc.ok().and_then(|output| String::from_utf8(output.stdout).ok())?;
    Some(Path::new(sysroot.trim()).join("share/doc/rust/html")).filter(|docs| docs.is_dir())
}
