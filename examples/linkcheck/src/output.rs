//! What the program prints.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use linkcheck::files::BATCH;
use linkcheck::findings::{Broken, Findings};
use serde::Serialize;
use taktline::ledger::Report;
use taktline::prelude::*;

/// Prints for a person, or one JSON object.
pub(crate) struct Output {
    json: bool,
    /// On stderr, and only if that is a terminal.
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
        let style = ProgressStyle::with_template("{spinner} {msg}").expect("the template is well-formed");
        Output { json, bar: ProgressBar::new_spinner().with_style(style) }
    }

    pub(crate) fn start(&self, folder: &Path, runtime: &str, cores: usize) {
        self.to_person(format_args!("checking {} on {runtime}, {cores} pages at once", folder.display()));
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
        print(
            |stdout| {
                if self.json { write_json(findings, seconds, stdout) } else { write_text(findings, seconds, stdout) }
            },
        );
    }

    pub(crate) fn report(&self, report: &Report, bound: usize) {
        self.to_person(format_args!("\nat most {bound} items in flight: files, or batches of up to {BATCH}\n{report}"));
    }

    pub(crate) fn compared(&self, sequential: f64, seconds: f64) {
        let line = format!("sequential {sequential:.2} s, pipeline {seconds:.2} s: {:.2} times", sequential / seconds);
        if self.json { eprintln!("{line}") } else { self.to_person(format_args!("{line}")) }
    }

    fn to_person(&self, text: std::fmt::Arguments<'_>) {
        if !self.json {
            print(|stdout| writeln!(stdout, "{text}"));
        }
    }
}

/// Prints on stdout. That nobody reads it any more, as behind a pipe to `head`, is no mistake.
pub(crate) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    match write(&mut stdout).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => eprintln!("linkcheck: cannot print: {error}"),
        _ => {}
    }
}

fn write_json(findings: &Findings, seconds: f64, out: &mut dyn Write) -> io::Result<()> {
    let Findings { files, links, external, ref skipped, ref broken } = *findings;
    serde_json::to_writer(&mut *out, &Json { files, links, external, skipped: skipped.len(), broken, seconds })?;
    writeln!(out)
}

fn write_text(findings: &Findings, seconds: f64, out: &mut dyn Write) -> io::Result<()> {
    let Findings { files, links, external, skipped, broken } = findings;
    for Broken { file, link, reason } in broken {
        writeln!(out, "{file}: {link}: {}", reason.as_str())?;
    }
    let (skipped, broken) = (skipped.len(), broken.len());
    writeln!(
        out,
        "{files} files, {links} links, {external} external, {skipped} skipped, {broken} broken, {seconds:.1} s"
    )
}
