//! `linkcheck [FOLDER]`: checks the links of a folder of HTML. See `--help`.

mod args;
mod output;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use linkcheck::findings::Findings;
use linkcheck::rules::Rules;
use linkcheck::{pipeline, sequential};
use taktline::prelude::*;

use crate::args::{Args, Runtime};
use crate::output::Output;

/// Rustdoc's line ranges: a script makes places of them.
const TOOLCHAIN_IGNORED: &str = r"\d+-\d+";

fn main() -> ExitCode {
    let args = match Args::parse() {
        Ok(Some(args)) => args,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => return usage(&error.to_string()),
    };
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(Problem::Usage(text)) => usage(&text),
        Err(Problem::Folder(text)) => {
            eprintln!("linkcheck: {text}");
            ExitCode::from(2)
        }
        Err(Problem::Run(error)) => {
            eprintln!("linkcheck: {error:?}");
            ExitCode::from(2)
        }
    }
}

enum Problem {
    Usage(String),
    Folder(String),
    Run(taktline::Error),
}

fn usage(text: &str) -> ExitCode {
    eprintln!("linkcheck: {text}\nTry `linkcheck --help`.");
    ExitCode::from(2)
}

fn run(args: &Args) -> Result<bool, Problem> {
    let (folder, is_toolchain) = match &args.folder {
        Some(folder) => (folder.clone(), false),
        None => default_folder(),
    };
    check_is_folder(&folder)?;
    let pattern = args.ignore_fragments.as_deref().or(is_toolchain.then_some(TOOLCHAIN_IGNORED));
    let rules = match pattern {
        None => Rules::default(),
        Some(pattern) => {
            Rules::ignoring(pattern).map_err(|error| Problem::Usage(format!("--ignore-fragments: {error}")))?
        }
    };
    let cores = args.concurrency.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from));
    let output = Output::new(args.json);
    output.start(&folder, args.runtime.name(), cores);

    let plan = pipeline(&folder, cores, rules.clone());
    let bound = plan.bound();
    let start = Instant::now();
    let done = on(args.runtime, output.watched(plan)).map_err(Problem::Run)?;
    let seconds = start.elapsed().as_secs_f64();
    let findings = done.value.sorted();
    output.findings(&findings, seconds);
    output.report(&done.report, bound);
    if args.compare {
        compare(&folder, rules, &findings, seconds, &output)?;
    }
    if findings.files == 0 && findings.skipped.is_empty() {
        return Err(Problem::Folder(format!("there is no page in {}", folder.display())));
    }
    Ok(findings.broken.is_empty())
}

fn compare(folder: &Path, rules: Rules, findings: &Findings, seconds: f64, output: &Output) -> Result<(), Problem> {
    let start = Instant::now();
    let sequential = sequential::check_folder(folder, rules);
    output.compared(start.elapsed().as_secs_f64(), seconds);
    if &sequential.sorted() != findings {
        return Err(Problem::Folder("the sequential loop found something else: the folder has changed".to_owned()));
    }
    Ok(())
}

fn on<V>(runtime: Runtime, run: impl Future<Output = taktline::Result<Done<V>>>) -> taktline::Result<Done<V>> {
    match runtime {
        #[cfg(feature = "tokio")]
        Runtime::Tokio => taktline::runtimes::tokio::block_on(run),
        #[cfg(feature = "smol")]
        Runtime::Smol => taktline::runtimes::smol::block_on(run),
    }
}

fn check_is_folder(folder: &Path) -> Result<(), Problem> {
    match std::fs::read_dir(folder) {
        Ok(_) => Ok(()),
        Err(error) => Err(Problem::Folder(format!("cannot read the folder {}: {error}", folder.display()))),
    }
}

/// The HTML docs of the Rust toolchain, or a small folder where they are missing; and whether it is the toolchain's.
fn default_folder() -> (PathBuf, bool) {
    match linkcheck::toolchain_docs() {
        Some(docs) => (docs, true),
        None => (Path::new(env!("CARGO_MANIFEST_DIR")).join("site"), false),
    }
}
