//! The command line.

use std::path::PathBuf;

use crawl::net::Runtime;
use crawl::plan::Limits;
use lexopt::prelude::*;

const HELP: &str = "\
crawl [FOLDER] [options]

Serves FOLDER on the loopback interface, and crawls it over HTTP from its index.html on. The server refuses some
requests and lets others wait. Without FOLDER: the book in the docs of the Rust toolchain.

  --start PATH            the page to begin with (default: index.html)
  --concurrency N         requests at once (default: 8)
  --rate N                requests a second (default: 200)
  --describe              print the plan as text and as a flowchart of Mermaid, and run nothing
  --runtime tokio|smol    of those that are built in (default: tokio, else smol)
  -h, --help              this text

Exit: 0 all pages that are reachable on disk were found, each once, within the limits; 1 not so; 2 usage, or no folder.
";

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) folder: Option<PathBuf>,
    pub(crate) start: String,
    pub(crate) limits: Limits,
    pub(crate) describes: bool,
    pub(crate) runtime: Runtime,
}

impl Args {
    /// The arguments of the process; `None` if it was asked for help, which is printed.
    pub(crate) fn parse() -> Result<Option<Args>, lexopt::Error> {
        let mut args = Args {
            folder: None,
            start: "index.html".to_owned(),
            limits: Limits { concurrency: 8, rate: 200 },
            describes: false,
            runtime: Runtime::ALL[0],
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("start") => args.start = parser.value()?.string()?,
                Long("concurrency") => match parser.value()?.parse()? {
                    0 => return Err("--concurrency is 1 or more".into()),
                    n => args.limits.concurrency = n,
                },
                Long("rate") => match parser.value()?.parse()? {
                    0 => return Err("--rate is 1 or more".into()),
                    n => args.limits.rate = n,
                },
                Long("describe") => args.describes = true,
                Long("runtime") => args.runtime = named(&parser.value()?.string()?)?,
                Short('h') | Long("help") => {
                    print!("{HELP}");
                    return Ok(None);
                }
                Value(folder) if args.folder.is_none() => args.folder = Some(folder.into()),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(Some(args))
    }
}

fn named(name: &str) -> Result<Runtime, lexopt::Error> {
    let found = Runtime::ALL.iter().find(|runtime| runtime.name() == name);
    found.copied().ok_or_else(|| format!("no runtime {name} is built in: build with `--features {name}`").into())
}
