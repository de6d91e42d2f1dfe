//! A web service that embeds two pipelines: thumbnails for those who wait for them, and jobs in the background.
//!
//! | module | owns |
//! | --- | --- |
//! | `pipeline` | the pipelines; names no runtime and no web framework |
//! | `app` | what each request means: which pipeline it goes to, and what its outcome is to a client |
//! | `pages` | health, metrics and the graphs, as text |
//! | `serve` | HTTP: axum on tokio, hyper on smol |
//! | `load` | a client that starts the service as a process of its own, and keeps its own list of what was accepted |

mod app;
mod args;
mod load;
mod pages;
mod pipeline;
mod serve;

use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;

use app::App;
use args::{Args, Mode};

fn main() -> ExitCode {
    let outcome = Args::from_env().and_then(|args| match args.mode {
        Mode::Serve => run_service(&args),
        Mode::Load { calls } => load::load(&args, calls),
        Mode::Cycles { cycles, seed } => load::cycles(&args, cycles, seed),
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("service: {error}");
            ExitCode::from(2)
        }
    }
}

/// Serves until a signal. True if nothing that was accepted is lost.
fn run_service(args: &Args) -> Result<bool, Box<dyn std::error::Error>> {
    std::fs::create_dir_all(&args.store)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))?;
    let report = serve::run(args.runtime, listener, || App::start(&args.store))?;
    eprintln!("{}", report.text);
    Ok(report.is_complete)
}
