//! What looks for a bug: a command of cargo, built first and then run with a limit.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// A run that takes longer is taken for one that hangs. Without a bug none takes a third of it.
const LIMIT: Duration = Duration::from_secs(120);

/// A kind of check.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    /// cargo's arguments. `{}` is the argument of the check.
    build: &'static str,
    run: &'static str,
    /// For rustc. What is built with others goes to another folder.
    flags: &'static str,
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "random",
        build: "test --no-run -p tests --test random_pipelines",
        run: "test -p tests --test random_pipelines -- ledger_and_witness --nocapture",
        flags: "",
    },
    Kind { name: "test", build: "test --no-run -p tests --test {}", run: "test -p tests --test {}", flags: "" },
    Kind {
        name: "loom",
        build: "build --release --manifest-path tests/models/Cargo.toml",
        run: "run --release --manifest-path tests/models/Cargo.toml -- {}",
        flags: "--cfg taktline_loom",
    },
    Kind {
        name: "shuttle",
        build: "build --release --manifest-path tests/models/Cargo.toml",
        run: "run --release --manifest-path tests/models/Cargo.toml -- {}",
        flags: "--cfg taktline_shuttle",
    },
];

/// A check, as a bug names it: its kind, and an argument if that takes one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Check(String);

/// What a check says.
#[derive(Debug)]
pub enum Outcome {
    /// It sees nothing.
    Passes,
    /// It fails, in this way.
    Fails(String),
    /// There is nothing to run. The end of what the compiler says.
    DoesNotBuild(String),
}

impl Check {
    pub(crate) fn parse(text: &str) -> Result<Check, String> {
        let check = Check(text.to_owned());
        let known = KINDS.iter().any(|kind| kind.name == check.parts().0);
        if known { Ok(check) } else { Err(format!("there is no check `{text}`")) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }

    fn parts(&self) -> (&str, &str) {
        self.0.split_once(' ').unwrap_or((&self.0, ""))
    }

    /// Builds and runs it in `tree`; all that is built goes to a folder in `target`.
    ///
    /// # Panics
    /// If cargo cannot be started.
    pub fn run(&self, tree: &Path, target: &Path) -> Outcome {
        let (name, argument) = self.parts();
        let kind = KINDS.iter().find(|kind| kind.name == name).expect("it was looked up before");
        let start = |arguments: &str| {
            let folder = if kind.flags.is_empty() { "std" } else { kind.name };
            let output = target.join("output");
            let file = File::create(&output).expect("a file can be written");
            let mut command = Command::new(env!("CARGO"));
            command.args(arguments.split(' ').map(|one| if one == "{}" { argument } else { one }));
            command.current_dir(tree).env("CARGO_TARGET_DIR", target.join(folder)).env("RUSTFLAGS", kind.flags);
            command.env("CARGO_TERM_COLOR", "never").env("CARGO_PROFILE_DEV_DEBUG", "0").env("RUST_BACKTRACE", "0");
            command.stdin(std::process::Stdio::null());
            command.stdout(file.try_clone().expect("a file can be shared")).stderr(file);
            (group(command), output)
        };
        let (mut build, output) = start(kind.build);
        if !build.wait().expect("cargo was started").success() {
            return Outcome::DoesNotBuild(tail(&read(&output), 20));
        }
        let (run, output) = start(kind.run);
        match within(LIMIT, run, &output) {
            Some(true) => Outcome::Passes,
            Some(false) => Outcome::Fails(told(&read(&output)).unwrap_or_else(|| tail(&read(&output), 1))),
            None => Outcome::Fails(format!("hangs for {} s", LIMIT.as_secs())),
        }
    }
}

/// Starts a command in a group of its own, so that what it starts can be ended with it.
fn group(mut command: Command) -> Child {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().expect("cargo can be started")
}

/// Whether it ends well. It is ended as soon as it has told of a failure, and at the limit: `None`.
fn within(limit: Duration, mut child: Child, output: &Path) -> Option<bool> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it was started") {
            return Some(status.success());
        }
        let has_failed = told(&read(output)).is_some();
        if has_failed || start.elapsed() > limit {
            end(&mut child);
            return has_failed.then_some(false);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ends a command and what it has started.
fn end(child: &mut Child) {
    let group = format!("-{}", child.id());
    let ended = Command::new("kill").args(["-KILL", "--", &group]).status();
    if !ended.is_ok_and(|status| status.success()) {
        // It has ended meanwhile, or this system has groups of another kind.
        let _ = child.kill();
    }
    child.wait().expect("it was started");
}

fn read(output: &Path) -> String {
    String::from_utf8_lossy(&fs::read(output).unwrap_or_default()).into_owned()
}

fn tail(text: &str, lines_max: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(lines_max)..].join("\n")
}

/// What a check says of its first failure: a seed, a schedule, or the name of a test.
fn told(output: &str) -> Option<String> {
    output.lines().find_map(|line| {
        let between = |before: &str, after: &str| line.strip_prefix(before)?.split_once(after);
        if let Some((seed, _)) = between("seed ", " fails") {
            return seed.parse::<u64>().ok().map(|seed| format!("after {} seeds", seed + 1));
        }
        if let Some((model, schedule)) = between("model ", ": violated in schedule ") {
            return Some(format!("{model}, after {schedule} schedules"));
        }
        between("test ", " ... FAILED").map(|(test, _)| test.to_owned())
    })
}
