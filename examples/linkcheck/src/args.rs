//! The command line.

use std::path::PathBuf;

use lexopt::prelude::*;

use crate::output::print;

const HELP: &str = "\
linkcheck [FOLDER] [options]

Checks every href and src in the pages (.html, .htm) of FOLDER that leads into FOLDER, with its fragment.
External links are counted and not checked. Without FOLDER: the HTML docs of the Rust toolchain, where the
line ranges of source pages, such as #89-97, are ignored unless --ignore-fragments says otherwise.

  --json                     one JSON object on stdout, nothing else
  --compare                  run the same functions in one sequential loop too, and print both times
  --ignore-fragments REGEX   fragments that match as a whole, without the #, are good
  --concurrency N            pages parsed at once (default: the number of cores)
  --runtime tokio|smol       of those that are built in (default: tokio, else smol)
  -h, --help                 this text

Exit: 0 all good, 1 broken links, 2 usage, no folder, or no page.
";

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) folder: Option<PathBuf>,
    pub(crate) json: bool,
    pub(crate) compare: bool,
    pub(crate) ignore_fragments: Option<String>,
    pub(crate) concurrency: Option<usize>,
    pub(crate) runtime: Runtime,
}

/// A runtime that is built in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Runtime {
    #[cfg(feature = "tokio")]
    Tokio,
    #[cfg(feature = "smol")]
    Smol,
}

#[cfg(not(any(feature = "tokio", feature = "smol")))]
compile_error!("linkcheck needs a runtime: enable the feature `tokio` or `smol`");

impl Runtime {
    #[cfg(feature = "tokio")]
    const DEFAULT: Runtime = Runtime::Tokio;
    #[cfg(all(feature = "smol", not(feature = "tokio")))]
    const DEFAULT: Runtime = Runtime::Smol;

    pub(crate) fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "tokio")]
            Runtime::Tokio => "tokio",
            #[cfg(feature = "smol")]
            Runtime::Smol => "smol",
        }
    }

    fn named(name: &str) -> Result<Runtime, lexopt::Error> {
        let built_in = [
            #[cfg(feature = "tokio")]
            Runtime::Tokio,
            #[cfg(feature = "smol")]
            Runtime::Smol,
        ];
        match built_in.into_iter().find(|runtime| runtime.name() == name) {
            Some(runtime) => Ok(runtime),
            None if matches!(name, "tokio" | "smol") => {
                Err(format!("{name} is not built in: build with `--features {name}`").into())
            }
            None => Err(format!("there is no runtime {name}: take tokio or smol").into()),
        }
    }
}

impl Args {
    /// The arguments of the process; `None` if it was asked for help, which is printed.
    pub(crate) fn parse() -> Result<Option<Args>, lexopt::Error> {
        let mut args = Args {
            folder: None,
            json: false,
            compare: false,
            ignore_fragments: None,
            concurrency: None,
            runtime: Runtime::DEFAULT,
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("json") => args.json = true,
                Long("compare") => args.compare = true,
                Long("ignore-fragments") => args.ignore_fragments = Some(parser.value()?.string()?),
                Long("concurrency") => match parser.value()?.parse()? {
                    0 => return Err("--concurrency is 1 or more".into()),
                    n => args.concurrency = Some(n),
                },
                Long("runtime") => args.runtime = Runtime::named(&parser.value()?.string()?)?,
                Short('h') | Long("help") => {
                    print(|stdout| stdout.write_all(HELP.as_bytes()));
                    return Ok(None);
                }
                Value(folder) if args.folder.is_none() => args.folder = Some(folder.into()),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(Some(args))
    }
}
