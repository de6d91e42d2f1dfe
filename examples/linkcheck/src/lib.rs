//! Checks the links of a folder of HTML: a pipeline of four stages.
//!
//! ```text
//! walk -> read (blocking I/O) -> parse (all cores) -> check -> findings
//! ```
//!
//! | module | owns |
//! | --- | --- |
//! | [`files`] | finding and reading files |
//! | [`page`] | what a page says of itself: its ids and its links |
//! | [`target`] | where a link leads |
//! | [`mod@check`] | which links are broken |
//! | [`sequential`] | the same functions in one loop, without a pipeline |

pub mod check;
pub mod files;
pub mod page;
pub mod sequential;
pub mod target;

use std::path::Path;
use std::sync::Arc;

use taktline::prelude::*;

use crate::check::{Findings, Rules, check};
use crate::files::{read, walk};
use crate::page::parse;

/// The whole program as a plan. Its value has one element.
pub fn pipeline(folder: &Path, cores: usize, rules: Arc<Rules>) -> Pipeline<Vec<Findings>> {
    walk(folder.to_owned())
        .then(read(folder.to_owned()))
        .then(parse().concurrency(cores).unordered())
        .then(check(rules))
        .collect()
}
