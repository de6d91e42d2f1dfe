//! What the program says of a folder, on every runtime that is built in.

mod bad_input;
mod bound;
mod links;
mod output;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

const RUNTIMES: &[&str] = &[
    #[cfg(feature = "tokio")]
    "tokio",
    #[cfg(feature = "smol")]
    "smol",
];

fn linkcheck(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_linkcheck")).args(args).output().expect("the program starts")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

/// The exit code and what `--json` prints, without the time. It is the same on every runtime.
fn checked(folder: &Path, args: &[&str]) -> (Option<i32>, Value) {
    let mut all = RUNTIMES.iter().map(|runtime| {
        let output = linkcheck(&[&[text(folder), "--json", "--runtime", runtime], args].concat());
        let mut found: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let seconds = found.as_object_mut().and_then(|found| found.remove("seconds"));
        assert!(seconds.is_some_and(|seconds| seconds.as_f64() > Some(0.0)));
        (output.status.code(), found)
    });
    let first = all.next().expect("a runtime is built in");
    all.for_each(|other| assert_eq!(other, first));
    first
}

/// Each broken link of a folder, with what is missing.
fn broken(folder: &Path, args: &[&str]) -> Vec<String> {
    let (_, found) = checked(folder, args);
    let broken = found["broken"].as_array().expect("a list");
    broken.iter().map(|one| format!("{} {} {}", one["file"], one["link"], one["reason"]).replace('"', "")).collect()
}

/// What `--json` says of `files`, `links`, `external`, `skipped`.
fn counts(folder: &Path) -> [u64; 4] {
    let (_, found) = checked(folder, &[]);
    ["files", "links", "external", "skipped"].map(|key| found[key].as_u64().expect("a number"))
}

/// A folder of files. A page is only its body.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder can be made");
        fs::write(path, text).expect("a file can be written");
    }
    folder
}

#[test]
fn the_small_site_has_two_broken_links() {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("site");
    let expected = json!({
        "files": 4, "links": 15, "external": 1, "skipped": 0,
        "broken": [
            { "file": "guide/index.html", "link": "bounds.html", "reason": "missing file" },
            { "file": "guide/index.html", "link": "#bounds", "reason": "missing fragment" },
        ],
    });
    assert_eq!(checked(&site, &[]), (Some(1), expected.clone()));
    assert_eq!(checked(&site, &["--concurrency", "7"]), (Some(1), expected.clone()));
    assert_eq!(checked(&site, &["--compare"]), (Some(1), expected));
    assert_eq!(broken(&site, &["--ignore-fragments", "bo.*"]), ["guide/index.html bounds.html missing file"]);
}
