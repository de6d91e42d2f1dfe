//! What the program says of a folder, on every runtime that is built in.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crawl::disk::reachable;
use crawl::net::Runtime;
use tempfile::TempDir;

fn crawl(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crawl")).args(args).output().expect("the program starts")
}

/// What it prints, if its exit code is the one expected.
fn says(args: &[&str], code: i32) -> String {
    let output = crawl(args);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

/// Pages in folders, each with links to others, to itself, to folders and to nowhere; and one that nothing links to.
fn site(pages: usize) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let write = |name: &str, html: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder can be made");
        fs::write(path, html).expect("a file can be written");
    };
    let name = |n: usize| format!("part {}/page-{n}.html", n % 7);
    for n in 0..pages {
        let mut html = "<a href='#'>here</a><a href='gone.html'>gone</a><a href='/part%201'>a folder</a>".to_owned();
        for link in [2 * n + 1, 2 * n + 2, n / 2] {
            write!(html, "<a href='/{}'>{link}</a>", name(link % pages).replace(' ', "%20")).expect("a text grows");
        }
        write(&name(n), &html);
    }
    write("index.html", "<meta http-equiv=refresh content='0; url=/part%200/page-0.html'>");
    write("part 1/index.html", "<a href='../index.html'>up</a>");
    write("part 2/island.html", "<a href='../index.html'>nothing leads here</a>");
    folder
}

#[test]
fn every_page_that_is_reachable_on_disk_is_found_once_within_the_limits() {
    let site = site(60);
    let expected = reachable(site.path(), "index.html");
    // All but the island.
    assert_eq!(expected.len(), 62);
    for runtime in Runtime::ALL {
        let args = [text(site.path()), "--runtime", runtime.name(), "--concurrency", "3", "--rate", "1000"];
        let said = says(&args, 0);
        assert!(said.contains("found: 62 pages"), "{said}");
        assert!(said.contains("each page once: true, limit at once kept: true, rate kept: true, faults met: true"));
        assert!(said.contains("at most 3 at once"), "the limit is reached: {said}");
    }
}

#[test]
fn requests_go_out_at_the_rate_that_is_allowed() {
    let site = site(30);
    for runtime in Runtime::ALL {
        let begin = Instant::now();
        // So many at once that the stalls hold nothing back.
        let args = [text(site.path()), "--runtime", runtime.name(), "--concurrency", "32", "--rate", "12"];
        let said = says(&args, 0);
        // One goes at once, and each other one takes a twelfth; there is one at least for each page.
        assert!(begin.elapsed() >= Duration::from_secs(31) / 12, "{said}");
    }
}

#[test]
fn the_server_throws_faults_in_and_each_is_met() {
    let site = site(60);
    let said = says(&[text(site.path()), "--rate", "500"], 0);
    let server = said.lines().find(|line| line.starts_with("server:")).expect("the server says what it has counted");
    assert!(!server.contains(" 0 refused") && !server.contains(" 0 stalled"), "{server}");
    assert!(said.contains("given up: 0"), "{said}");
}

#[test]
fn the_plan_is_told_as_text_and_as_a_flowchart() {
    let said = says(&["--describe", "--concurrency", "5"], 0);
    assert!(said.contains("fetch (stage): 5 workers, unordered") && said.contains("-> feedback: back"), "{said}");
    assert!(said.contains("flowchart LR") && said.contains("\"back, at most 1000000 items\""), "{said}");
}

#[test]
fn what_cannot_be_crawled_is_said() {
    let empty = tempfile::tempdir().expect("a temporary folder can be made");
    let missing = empty.path().join("none");
    assert!(says(&[text(&missing)], 2).contains("cannot read the folder"));
    assert!(says(&["--concurrency", "0"], 2).contains("1 or more"));
    assert!(says(&["--runtime", "none"], 2).contains("no runtime none is built in"));
    // Nothing is there, and nothing is found.
    assert!(says(&[text(empty.path())], 0).contains("found: 0 pages, 1 links to nowhere"));
}
