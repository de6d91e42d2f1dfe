//! No program of the essay is longer than the Python that it ports, in lines as rustfmt prints them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use taktline::prelude::*;
use tests::on_sim;

/// The programs, with the most code lines that each may have.
const PROGRAMS: [(&str, usize); 7] =
    [("e1", 14), ("e2", 16), ("e3", 13), ("e4", 19), ("e5", 27), ("e6", 31), ("e7", 21)];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The program as rustfmt prints it with the settings of this workspace.
fn printed(name: &str) -> String {
    let path = root().join(format!("examples/essay/{name}.rs"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root().join("rustfmt.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("rustfmt runs");
    rustfmt.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("rustfmt reads");
    let output = rustfmt.wait_with_output().expect("rustfmt ends");
    assert!(output.status.success(), "{name}: rustfmt fails");
    let printed = String::from_utf8(output.stdout).expect("rustfmt prints text");
    assert_eq!(printed, text, "{name} is not as rustfmt prints it");
    printed
}

/// Lines without blank ones, comments, `use`, attributes, lone brackets and `Ok(())`.
fn code_lines(text: &str) -> usize {
    let is_code = |line: &&str| {
        let line = line.trim();
        let is_bare = line.chars().all(|c| "{}()[];,".contains(c));
        let is_other = ["//", "use ", "#[", "#!["].iter().any(|start| line.starts_with(start));
        !is_bare && !is_other && line != "Ok(())"
    };
    text.lines().filter(is_code).count()
}

#[test]
fn lines_are_counted_as_told() {
    let text = "//! x\nuse x;\n\n#[x]\nfn x() {\n    // y\n    y(\n        1,\n    );\n    Ok(())\n}\n";
    assert_eq!(code_lines(text), 3);
}

#[test]
fn no_program_of_the_essay_is_longer_than_its_original() {
    let lengths = PROGRAMS.map(|(name, _)| (name, code_lines(&printed(name))));
    for ((name, lines), (_, most)) in lengths.into_iter().zip(PROGRAMS) {
        assert!(lines <= most, "{name} has {lines} code lines; the original has {most}");
        assert!(lines >= 3, "{name} has {lines} code lines: it was not read");
    }
}

#[source]
async fn lengths(out: Out<usize>) {
    for (name, _) in PROGRAMS {
        out.send(code_lines(&printed(name))).await;
    }
}

#[test]
fn all_of_them_together_are_shorter_than_the_originals() {
    let done = on_sim(1, |rt| async move { lengths().fold(0, |sum, n| sum + n).run_on(&rt).await });
    let done = done.expect("nothing fails");
    assert!(done.report.balances(), "{}", done.report);
    assert!(done.value < PROGRAMS.iter().map(|(_, most)| most).sum(), "{} lines", done.value);
}
