//! Without a runtime everything builds, and what needs one names the feature; under another name everything is found.
//!
//! The programs are a package of their own, since features are those of a whole build.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

const MANIFEST: &str = r#"
[package]
name = "bare"
edition = "2024"

[workspace]

[dependencies]
other = { package = "taktline", path = "@ROOT@", default-features = false, features = ["macros"] }

[[bin]]
name = "runs"
path = "runs.rs"

[[bin]]
name = "entry"
path = "entry.rs"
"#;

const RUNS: &str = r#"
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use other::prelude::*;

#[source(crate = other)]
async fn numbers(n: u64, out: Out<u64>) {
    for i in 0..n {
        out.send(i).await;
    }
}

#[stage(crate = other, concurrency = 2)]
async fn double(x: u64, by: &u64, calls: &mut u64) -> Result<u64, std::fmt::Error> {
    *calls += 1;
    Ok(x * by)
}

#[stage(crate = other)]
fn plain<T: Clone>(x: T) -> T {
    x
}

#[sink(crate = other)]
async fn store(_: u64) {}

/// What is told without a runtime is ready at once.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits for something"),
    }
}

fn main() {
    let flow = numbers(3).then(double(2u64, 0)).then(plain());
    println!("run: {:?}", ready(flow.clone().sink(store()).run()).unwrap_err());
    println!("join: {:?}", ready(flow.clone().sink(store()).start().join()).unwrap_err());
    println!("next: {:?}", ready(flow.start().next()).unwrap_err());
    let _ = sleep(std::time::Duration::ZERO);
}
"#;

const ENTRY: &str = "
#[other::main(crate = other)]
async fn main() {}
";

const CURE: &str =
    "no runtime to run on: enable the feature `tokio` or `smol` of taktline, or pass a runtime with `run_on`";

fn package() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = tests.parent().expect("the tests are in the repository");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bare");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let manifest = MANIFEST.replace("@ROOT@", &root.display().to_string());
    for (name, text) in [("Cargo.toml", manifest.as_str()), ("runs.rs", RUNS), ("entry.rs", ENTRY)] {
        fs::write(folder.join(name), text).expect("the target folder can be written");
    }
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("there is a lock file");
    folder
}

fn cargo(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO"))
        .args(args)
        .args(["--quiet", "--offline", "--color", "never", "--target-dir"])
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("bare-target"))
        .current_dir(folder)
        .output()
        .expect("cargo runs")
}

#[test]
fn without_a_runtime_the_feature_is_named() {
    let folder = package();
    let ran = cargo(&folder, &["run", "--bin", "runs"]);
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let told: Vec<&str> = out.lines().collect();
    assert_eq!(told, ["run", "join", "next"].map(|what| format!("{what}: {CURE}")), "{err}");
    assert!(err.contains(&format!("runs.rs:42:13:\n{CURE}")), "`sleep` panics where it is called: {err}");

    let ran = cargo(&folder, &["run", "--bin", "entry"]);
    let err = String::from_utf8_lossy(&ran.stderr);
    let told =
        "error: there is no runtime to run `main` on; enable the feature `tokio` or `smol` of taktline in Cargo.toml";
    assert!(err.starts_with(&format!("{told}\n --> entry.rs:2:1\n")), "{err}");
    assert_eq!(err.matches("\nerror").count(), 1, "nothing else is told but the number of errors: {err}");
}
