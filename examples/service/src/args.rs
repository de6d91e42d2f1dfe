//! The command line.

use std::path::PathBuf;

use lexopt::prelude::*;

use crate::serve::Runtime;

const HELP: &str = "\
Thumbnails over HTTP, on the loopback interface.

service [--port P] [--store DIR] [--runtime tokio|smol]
    serves until SIGTERM or SIGINT; port 0 is any that is free; default 8080
service --load N
    starts the service as a process of its own, calls it N times, and stops it
service --cycles N [--seed S]
    starts it N times, and stops each at a random time under load

    POST /thumbnail   a PNG, answered by a smaller one
    POST /jobs        the same in the background: a number, and a file in the store
    GET  /healthz     GET /metrics     GET /pipeline";

pub(crate) struct Args {
    pub(crate) mode: Mode,
    pub(crate) port: u16,
    /// Where the thumbnails of jobs are put.
    pub(crate) store: PathBuf,
    pub(crate) runtime: Runtime,
}

pub(crate) enum Mode {
    Serve,
    Load { calls: u64 },
    Cycles { cycles: u64, seed: u64 },
}

impl Args {
    /// # Errors
    /// What the command line has that it should not.
    pub(crate) fn from_env() -> Result<Args, Box<dyn std::error::Error>> {
        let mut args = Args {
            mode: Mode::Serve,
            port: 8080,
            store: std::env::temp_dir().join("thumbnails"),
            runtime: Runtime::default(),
        };
        let mut seed = u64::from(std::process::id());
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("port") => args.port = parser.value()?.parse()?,
                Long("store") => args.store = parser.value()?.into(),
                Long("runtime") => args.runtime = parser.value()?.parse()?,
                Long("load") => args.mode = Mode::Load { calls: parser.value()?.parse()? },
                Long("cycles") => args.mode = Mode::Cycles { cycles: parser.value()?.parse()?, seed: 0 },
                Long("seed") => seed = parser.value()?.parse()?,
                Short('h') | Long("help") => {
                    println!("{HELP}");
                    std::process::exit(0);
                }
                other => return Err(other.unexpected().into()),
            }
        }
        if let Mode::Cycles { seed: of_cycles, .. } = &mut args.mode {
            *of_cycles = seed;
        }
        Ok(args)
    }
}
