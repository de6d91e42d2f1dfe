//! What the program prints.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use linkcheck::check::{Broken, Findings};
use serde::Serialize;
use taktline::ledger::Report;
use taktline::prelude::*;

/// Prints for a person, or one JSON object.
pub(crate) struct Output {
    json: bool,
    bar: ProgressBar,
}

#[derive(Serialize)]
struct Json<'a> {
    files: u64,
    links: u64,
    external: u64,
    skipped: usize,
    broken: &'a [Broken],
    seconds: f64,
}

impl Output {
    pub(crate) fn new(json: bool) -> Output {
        let bar = if json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        bar.set_style(
            ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        Output { json, bar }
    }

    pub(crate) fn start(&self, folder: &Path, runtime: &str, cores: usize) {
        if !self.json {
            println!("checking {} on {runtime}, {cores} pages at once", folder.display());
        }
    }

    /// Runs `plan`, and shows how far it is. The numbers are the run's own.
    pub(crate) async fn watched<V: Send + 'static>(&self, plan: Pipeline<V>) -> taktline::Result<Done<V>> {
        let running = plan.start();
        while taktline::timeout(Duration::from_millis(200), running.wait()).await.is_err() {
            let report = running.report();
            let done = report.as_ref().and_then(|report| report.stage("parse")).map_or(0, |row| row.done);
            self.bar.set_message(format!("{done} files"));
            self.bar.tick();
        }
        self.bar.finish_and_clear();
        running.join().await
    }

    pub(crate) fn findings(&self, findings: &Findings, seconds: f64) {
        for (file, why) in &findings.skipped {
            eprintln!("skipped {file}: {why}");
        }
        if let Err(error) = self.print(findings, seconds) {
            eprintln!("linkcheck: cannot print: {error}");
        }
    }

    fn print(&self, findings: &Findings, seconds: f64) -> io::Result<()> {
        let Findings { files, links, external, skipped, broken } = findings;
        let mut stdout = io::BufWriter::new(io::stdout().lock());
        if self.json {
            let (files, links, external, skipped) = (*files, *links, *external, skipped.len());
            let json = Json { files, links, external, skipped, broken, seconds };
            serde_json::to_writer(&mut stdout, &json)?;
            return writeln!(stdout).and_then(|()| stdout.flush());
        }
        for Broken { file, link, reason } in broken {
            writeln!(stdout, "{file}: {link}: {}", reason.as_str())?;
        }
        writeln!(
            stdout,
            "{files} files, {links} links, {external} of them external, {} skipped, {} broken, {seconds:.1} s",
            skipped.len(),
            broken.len()
        )?;
        stdout.flush()
    }

    pub(crate) fn report(&self, report: &Report, bound: usize) {
        if !self.json {
            println!("\nat most {bound} files in flight\n{report}");
        }
    }

    pub(crate) fn compared(&self, sequential: f64, seconds: f64) {
        let line = format!("sequential {sequential:.2} s, pipeline {seconds:.2} s: {:.2} times", sequential / seconds);
        if self.json { eprintln!("{line}") } else { println!("{line}") }
    }
}
