//! `crawl [FOLDER]`: serves a folder of HTML and crawls it. See `--help`.

mod args;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crawl::client::Client;
use crawl::disk::reachable;
use crawl::plan::{BURST, Crawled};
use crawl::server::{Counts, Server};
use taktline::BoxError;
use taktline::prelude::*;

use crate::args::Args;

fn main() -> ExitCode {
    let args = match Args::parse() {
        Ok(Some(args)) => args,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crawl: {error}\nTry `crawl --help`.");
            return ExitCode::from(2);
        }
    };
    let outcome = if args.describes { describe(&args) } else { args.runtime.block_on(run(&args)) };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("crawl: {error}");
            ExitCode::from(2)
        }
    }
}

fn describe(args: &Args) -> Result<bool, BoxError> {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let description = plan(args, nowhere).describe();
    println!("{description}\n{}", description.mermaid());
    Ok(true)
}

fn plan(args: &Args, server: SocketAddr) -> Pipeline<Crawled> {
    crawl::plan::crawl(Client::new(args.runtime, server), &args.start, args.limits)
}

async fn run(args: &Args) -> Result<bool, BoxError> {
    let folder = args.folder.clone().unwrap_or_else(default_folder);
    std::fs::read_dir(&folder).map_err(|error| format!("cannot read the folder {}: {error}", folder.display()))?;
    let server = Server::start(args.runtime.listen().await?, folder.clone())?;
    println!(
        "crawling {} on {}, at most {} requests at once and {} a second",
        folder.display(),
        args.runtime.name(),
        args.limits.concurrency,
        args.limits.rate
    );
    let Done { value: crawled, report, .. } = plan(args, server.address()).run().await?;
    println!("\n{report}\n");
    let expected = reachable(&folder, &args.start);
    Ok(judge(args, &crawled, &server.counts(), expected.len(), crawled.pages == expected, report.elapsed()))
}

/// Says what was found, what the server has counted, and whether both are as promised.
fn judge(args: &Args, crawled: &Crawled, counts: &Counts, expected: usize, is_same: bool, elapsed: Duration) -> bool {
    let Crawled { pages, twice, missing, failures, given_up } = crawled;
    println!("found: {} pages, {missing} links to nowhere, in {:.1} s", pages.len(), elapsed.as_secs_f64());
    println!("on disk: {expected} pages are reachable by links; the same ones: {is_same}");
    let Counts { requests, peak, peak_in_a_second, refused, stalled, sent, .. } = counts;
    println!(
        "server: {requests} requests, at most {peak} at once and {peak_in_a_second} in a second; {refused} refused, {stalled} stalled"
    );
    // An answer that comes too late is asked for again, and no fault that the server knows of.
    let late = failures.saturating_sub(refused + stalled);
    let again: u32 = sent.values().map(|times| times - 1).sum();
    println!("tried again: {failures}, of them for an answer that came too late: {late}; given up: {}", given_up.len());
    let once = *twice == 0 && u64::from(again) <= late;
    let at_once = *peak <= args.limits.concurrency;
    // What is certain of a rate on a real clock: so many requests take so long.
    let at_least = requests.saturating_sub(BURST) as f64 / args.limits.rate as f64;
    let in_rate = elapsed.as_secs_f64() >= at_least;
    let is_tried_again = *failures >= refused + stalled && given_up.is_empty();
    println!(
        "each page once: {once}, limit at once kept: {at_once}, rate kept: {in_rate}, faults met: {is_tried_again}"
    );
    is_same && once && at_once && in_rate && is_tried_again
}

/// A part of the docs of the Rust toolchain that is crawled in a few seconds, or a small folder where they are missing.
fn default_folder() -> PathBuf {
    let small = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../linkcheck/site");
    linkcheck::files::toolchain_docs().map(|docs| docs.join("book")).filter(|book| book.is_dir()).unwrap_or_else(small)
}
