//! What the program says of a folder: its exit code, and its JSON.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn linkcheck(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_linkcheck")).args(args).output().expect("the program starts")
}

/// The exit code, and what stdout says.
fn checked(folder: &Path, args: &[&str]) -> (Option<i32>, Value) {
    let folder = folder.to_str().expect("a temporary path is text");
    let output = linkcheck(&[&[folder, "--json"], args].concat());
    let mut found: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let seconds = found.as_object_mut().and_then(|found| found.remove("seconds"));
    assert!(seconds.is_some_and(|seconds| seconds.as_f64() > Some(0.0)));
    (output.status.code(), found)
}

/// A folder of files. A page is only its body.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
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
    #[cfg(feature = "tokio")]
    assert_eq!(checked(&site, &["--runtime", "tokio"]), (Some(1), expected.clone()));
    #[cfg(feature = "smol")]
    assert_eq!(checked(&site, &["--runtime", "smol"]), (Some(1), expected.clone()));
    assert_eq!(checked(&site, &["--compare"]), (Some(1), expected));
    let (code, found) = checked(&site, &["--ignore-fragments", "bo.*", "--concurrency", "7"]);
    assert_eq!((code, &found["broken"][1]), (Some(1), &Value::Null));
}

#[test]
fn a_folder_without_broken_links_is_good() {
    let folder = folder(&[("a.html", "<a href=b/>"), ("b/index.html", "<a href=../a.html#x><p id=x><a href=#x>")]);
    let (code, found) = checked(folder.path(), &["--ignore-fragments", "x"]);
    assert_eq!((code, &found["links"]), (Some(0), &json!(3)));
    let (code, found) = checked(folder.path(), &[]);
    assert_eq!((code, &found["broken"][0]["reason"]), (Some(1), &json!("missing fragment")));
}

#[test]
fn a_link_to_a_folder_is_good_if_that_has_an_index() {
    let folder = folder(&[
        ("a.html", "<a href=b><a href=b/><a href=b#x><a href=b/#y><a href=c><a href=c/>"),
        ("b/index.html", "<p id=x>"),
        ("c/other.html", ""),
    ]);
    let (_, found) = checked(folder.path(), &[]);
    let broken: Vec<_> = found["broken"].as_array().expect("a list").iter().map(|one| &one["link"]).collect();
    assert_eq!(broken, ["b/#y", "c", "c/"]);
}

#[test]
fn a_refresh_is_followed_and_a_loop_of_them_ends() {
    let folder = folder(&[
        ("a.html", "<a href=old.html#x><a href=old.html#y><a href=round.html#x><a href=round.html><a href=out.html#x>"),
        ("old.html", "<meta http-equiv=refresh content='0;URL=older.html'>"),
        ("older.html", "<meta http-equiv=refresh content='0;URL=new.html'>"),
        ("new.html", "<p id=x>"),
        ("out.html", "<meta http-equiv=refresh content='0;URL=https://example.org/'>"),
        ("round.html", "<meta http-equiv=refresh content='0;URL=round.html'>"),
    ]);
    let (_, found) = checked(folder.path(), &[]);
    let broken: Vec<_> = found["broken"].as_array().expect("a list").iter().map(|one| &one["link"]).collect();
    assert_eq!(broken, ["old.html#y", "round.html#x"]);
}

#[test]
fn what_cannot_be_read_is_counted_and_told_and_the_run_goes_on() {
    let folder = folder(&[("a.html", "<a href=b.html#x><a href=c.html>"), ("z.html", "")]);
    fs::write(folder.path().join("b.html"), [0xff, 0xfe, 0x00]).expect("a file can be written");
    let large = fs::File::create(folder.path().join("c.html")).expect("a file can be made");
    large.set_len(100 << 20).expect("a file can be sparse");
    let (code, found) = checked(folder.path(), &[]);
    assert_eq!((code, &found["files"], &found["skipped"]), (Some(0), &json!(2), &json!(2)));
    let output = linkcheck(&[folder.path().to_str().expect("text"), "--json"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("skipped b.html: is not UTF-8"), "{told}");
    assert!(told.contains("skipped c.html: is larger than 64 MiB"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_loop_of_symbolic_links_ends() {
    let folder = folder(&[("a/b.html", "<a href=loop/b.html>")]);
    std::os::unix::fs::symlink(folder.path().join("a"), folder.path().join("a/loop")).expect("a link can be made");
    let (code, found) = checked(folder.path(), &[]);
    assert_eq!((code, &found["files"], &found["skipped"]), (Some(1), &json!(1), &json!(1)));
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_on_disk_is_skipped() {
    let folder = folder(&[("a.html", "")]);
    std::os::unix::fs::symlink("nowhere", folder.path().join("b.html")).expect("a link can be made");
    let (code, found) = checked(folder.path(), &[]);
    assert_eq!((code, &found["files"], &found["skipped"]), (Some(0), &json!(1), &json!(1)));
}

#[test]
fn usage_is_told_with_exit_code_2() {
    let empty = folder(&[]);
    let empty = empty.path().to_str().expect("text");
    let cases: [&[&str]; 7] = [
        &["/no/such/folder"],
        &[empty],
        &[env!("CARGO_BIN_EXE_linkcheck")],
        &["--no-such-option"],
        &["--concurrency", "0"],
        &["--ignore-fragments", "("],
        &["--runtime", "none"],
    ];
    for case in cases {
        let output = linkcheck(case);
        assert_eq!(output.status.code(), Some(2), "{case:?}");
        assert!(output.stdout.is_empty() || case == [empty], "{case:?}");
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("linkcheck: "), "{case:?}");
    }
}
