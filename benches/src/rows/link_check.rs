//! linkcheck's work, by its own functions: the pipeline as it ships, rayon by hand, and a task for each file.

use std::path::{Path, PathBuf};

use ::linkcheck::check::check_file;
use ::linkcheck::files::{File, Found, Text, entries, read_file};
use ::linkcheck::findings::Findings;
use ::linkcheck::index::Indexer;
use ::linkcheck::page::Parser;
use ::linkcheck::rules::Rules;
use ::linkcheck::{files, pipeline, sequential};

use super::Row;
use crate::harness::{Bench, Measured, Role};
use crate::host::{Kind, Lane, THREADS};
use crate::peers::{rayon, tokio};
use crate::table::{self, Compare};
use crate::target::Target;

pub(crate) const ROW: Row = Row {
    id: "s14",
    title: "linkcheck's work on the docs of the Rust toolchain",
    target: ">= 0.9 x rayon, faster than spawn + buffered by hand, >= 1.6 x a sequential loop, on tokio and on smol",
    run: measure,
};

const OURS: &str = "taktline";
const SEQUENTIAL: &str = "sequential loop";
const BRIDGED: &str = "rayon, while the walk goes on";
const COLLECTED: &str = "rayon, after the walk";
const BY_HAND: &str = "spawn + buffered";

fn measure(bench: &Bench) -> Vec<Target> {
    // What is measured quickly is the small folder.
    let docs = files::toolchain_docs().filter(|_| !bench.is_quick);
    let folder = docs.unwrap_or_else(files::small_site);
    [Kind::TokioMulti, Kind::SmolMulti].into_iter().flat_map(|kind| on(bench, kind, &folder)).collect()
}

fn on(bench: &Bench, kind: Kind, folder: &Path) -> Vec<Target> {
    let found = sequential::check_folder(folder, rules());
    let mut table = bench.duration("files", kind, found.files, answer(&found));
    let at = |folder: &Path| folder.to_owned();
    let here = at(folder);
    table.add(Role::Ours, OURS, move |lane| ours(lane, here.clone()));
    let here = at(folder);
    table.add_plain(Role::Reference, SEQUENTIAL, move || answer(&sequential::check_folder(&here, rules())));
    let threads = rayon::pool();
    for (name, is_bridged) in [(BRIDGED, true), (COLLECTED, false)] {
        let (here, threads) = (at(folder), threads.clone());
        table.add_plain(Role::Peer, name, move || {
            let parsed = |parser: &mut Parser, file| parser.parse_file(read_file(file));
            let files = entries(&here);
            let parsed = rayon::mapped(&threads, files, is_bridged, Parser::new(rules()), parsed);
            let checked = rayon::mapped(&threads, index(parsed), false, (), |(), file| check_file(file));
            answer(&merged(checked))
        });
    }
    if kind == Kind::TokioMulti {
        let here = at(folder);
        table.add(Role::Peer, BY_HAND, move |_| by_hand(here.clone()));
    }
    let measured = table.measure();
    table::print(&measured, Compare::SpeedUpOver(SEQUENTIAL));
    targets(&measured, kind)
}

fn targets(measured: &Measured, kind: Kind) -> Vec<Target> {
    let times = |other: &str, limit| {
        let what = format!("{OURS} >= {limit} x {other} ({})", measured.title);
        Target::at_least(what, limit, measured.ratio(other, OURS, 0))
    };
    let mut targets = vec![times(SEQUENTIAL, 1.6), times(BRIDGED, 0.9), times(COLLECTED, 0.9)];
    if kind == Kind::TokioMulti {
        targets.push(times(BY_HAND, 1.0));
    }
    targets
}

/// Those of linkcheck itself for the toolchain's docs.
fn rules() -> Rules {
    Rules::ignoring(r"\d+-\d+").expect("it is a pattern")
}

/// One number that changes with each of the counts.
fn answer(found: &Findings) -> u64 {
    assert!(found.skipped.is_empty(), "all files can be read");
    1_000_000 * found.links + 1_000 * found.files + found.external + found.broken.len() as u64
}

fn index(parsed: Vec<File<::linkcheck::page::Parsed>>) -> impl Iterator<Item = ::linkcheck::index::Indexed> + Send {
    let mut indexer = Indexer::default();
    parsed.into_iter().for_each(|file| indexer.add(file));
    indexer.finish()
}

fn merged(checked: Vec<Findings>) -> Findings {
    checked.into_iter().fold(Findings::default(), Findings::merged)
}

async fn ours(lane: Lane, folder: PathBuf) -> u64 {
    let done = pipeline(&folder, THREADS, rules()).run_on(&lane.rt).await.expect("nothing fails");
    assert!(done.report.balances());
    answer(&done.value)
}

/// A blocking call and a task for each file, as many at a time as keep the cores busy.
async fn by_hand(folder: PathBuf) -> u64 {
    let parser = Parser::new(rules());
    let read_and_parse = move |file: File<Found>| {
        let mut parser = parser.clone();
        async move {
            let read: File<Text> =
                ::tokio::task::spawn_blocking(move || read_file(file)).await.expect("no read panics");
            parser.parse_file(read)
        }
    };
    let parsed = tokio::spawned_and_buffered(entries(&folder), 4 * THREADS, read_and_parse).await;
    let checked = tokio::spawned_and_buffered(index(parsed), 4 * THREADS, |file| async move { check_file(file) }).await;
    answer(&merged(checked))
}
