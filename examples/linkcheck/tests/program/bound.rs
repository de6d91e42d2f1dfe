//! The printed bound on items in flight holds, by a count of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use linkcheck::check::check;
use linkcheck::files::{File, Text, read, walk};
use linkcheck::findings::Findings;
use linkcheck::index::{Indexed, Indexer};
use linkcheck::page::{Parsed, Parser, parse};
use linkcheck::pipeline;
use linkcheck::rules::Rules;
use taktline::prelude::*;
use tempfile::TempDir;

use super::{folder, linkcheck, text};

const CORES: usize = 3;

/// Counts what is in flight, and remembers the peak.
#[derive(Clone, Default)]
struct Live(Arc<(AtomicUsize, AtomicUsize)>);

impl Live {
    fn enter(&self) {
        let (now, peak) = &*self.0;
        peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }

    fn now_and_peak(&self) -> (usize, usize) {
        (self.0.0.load(Ordering::SeqCst), self.0.1.load(Ordering::SeqCst))
    }
}

/// A batch that was read is in flight until it is dropped.
struct Batch {
    files: std::vec::IntoIter<File<Text>>,
    live: Live,
}

impl Iterator for Batch {
    type Item = File<Text>;

    fn next(&mut self) -> Option<File<Text>> {
        self.files.next()
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.live.leave();
    }
}

/// The stage of the program, but slow: everything before it fills up.
#[stage(name = "index")]
async fn slow_index(files: In<File<Parsed>>, live: &Live, out: Out<Vec<Indexed>>) {
    let mut indexer = Indexer::default();
    while let Some(file) = files.next().await {
        taktline::sleep(Duration::from_micros(50)).await;
        indexer.add(file);
        live.leave();
    }
    for file in indexer.finish() {
        live.enter();
        out.send(vec![file]).await;
    }
}

/// The plan of the program, with a count of what is in flight.
fn counted(folder: &TempDir, live: &Live) -> Pipeline<Findings> {
    let [found, unpacked, parsed, checked] = [live, live, live, live].map(Live::clone);
    walk(folder.path().to_owned())
        .inspect(move |_| found.enter())
        .then(read())
        .flat_map(move |batch| Batch { files: batch.into_iter(), live: unpacked.clone() })
        .inspect(move |_| parsed.enter())
        .then(parse(Parser::new(Rules::default())).concurrency(CORES).unordered())
        .then(slow_index(live))
        .then(check().concurrency(CORES).unordered())
        .fold(Findings::default(), move |all, one| {
            checked.leave();
            all.merged(one)
        })
}

fn many_files() -> TempDir {
    let pages: Vec<_> = (0..2_000).map(|n| format!("{n}.html")).collect();
    folder(&pages.iter().map(|page| (page.as_str(), "<a href=0.html>")).collect::<Vec<_>>())
}

fn assert_bound_holds(live: &Live, bound: usize, of: &str) {
    let (now, peak) = live.now_and_peak();
    assert_eq!(now, 0, "{of}");
    // Behind `index`, which sends when all has come, are an edge of 16 and the workers of `check`: empty till then.
    let until_index = bound - 16 - CORES;
    assert!((until_index - 2..=until_index).contains(&peak), "{peak} in flight of at most {until_index} on {of}");
}

#[test]
fn items_in_flight_stay_within_the_bound() {
    let folder = many_files();
    let bound = pipeline(folder.path(), CORES, Rules::default()).bound();
    for seed in 0..10 {
        let live = Live::default();
        let plan = counted(&folder, &live);
        assert_eq!(plan.bound(), bound);
        let done = taktline::sim::run(seed, async { plan.run().await }).expect("the run ends well");
        assert_eq!((done.value.files, done.value.broken.len()), (2_000, 0));
        assert_bound_holds(&live, bound, &format!("sim, seed {seed}"));
    }
    #[cfg(feature = "tokio")]
    {
        let live = Live::default();
        let plan = counted(&folder, &live);
        taktline::runtimes::tokio::block_on(async { plan.run().await }).expect("the run ends well");
        assert_bound_holds(&live, bound, "tokio");
    }
    #[cfg(feature = "smol")]
    {
        let live = Live::default();
        let plan = counted(&folder, &live);
        taktline::runtimes::smol::block_on(async { plan.run().await }).expect("the run ends well");
        assert_bound_holds(&live, bound, "smol");
    }
}

#[test]
fn the_bound_that_is_printed_is_that_of_the_plan() {
    let folder = folder(&[("a.html", "")]);
    let output = linkcheck(&[text(folder.path()), "--concurrency", "3"]);
    let bound = pipeline(folder.path(), CORES, Rules::default()).bound();
    let printed = format!("\nat most {bound} items in flight");
    assert!(String::from_utf8_lossy(&output.stdout).contains(&printed), "{printed}");
}
