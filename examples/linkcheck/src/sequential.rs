//! The same functions in one loop, with no runtime and no pipeline: what the pipeline is compared with.

use std::path::Path;

use crate::check::check_file;
use crate::files::{entries, read_file};
use crate::findings::Findings;
use crate::index::Indexer;
use crate::page::Parser;
use crate::rules::Rules;

/// Checks `folder` on the thread of the caller.
pub fn check_folder(folder: &Path, rules: Rules) -> Findings {
    let mut parser = Parser::new(rules);
    let mut indexer = Indexer::default();
    for file in entries(folder) {
        indexer.add(parser.parse_file(read_file(file)));
    }
    indexer.finish().map(check_file).fold(Findings::default(), Findings::merged)
}
