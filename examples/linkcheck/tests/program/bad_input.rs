//! What cannot be read is told and counted, and the run goes on.

use std::fs;
use std::path::Path;

use linkcheck::check::check;
use linkcheck::files::{File, Found, Text, read, read_file, walk};
use linkcheck::findings::Findings;
use linkcheck::index::index;
use linkcheck::page::{Parser, parse};
use linkcheck::rules::Rules;
use taktline::prelude::*;

use super::{broken, counts, folder, linkcheck, text};

/// The lines on stderr.
fn told(folder: &Path) -> Vec<String> {
    let output = linkcheck(&[text(folder), "--json"]);
    String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect()
}

#[test]
fn a_page_that_is_not_utf_8_is_skipped() {
    let folder = folder(&[("a.html", "<a href=b.html#x><a href=c.html>"), ("z.html", "")]);
    fs::write(folder.path().join("b.html"), [b'<', 0xff, 0xfe]).expect("a file can be written");
    assert_eq!(told(folder.path()), ["skipped b.html: is not UTF-8"]);
    assert_eq!(counts(folder.path()), [2, 2, 0, 1]);
    assert_eq!(broken(folder.path(), &[]), ["a.html c.html missing file"]);
}

#[test]
fn a_page_of_100_mb_is_skipped() {
    let folder = folder(&[("a.html", "<a href=b.html#x>"), ("c.html", "")]);
    let large = fs::File::create(folder.path().join("b.html")).expect("a file can be made");
    large.set_len(100 << 20).expect("a file can be sparse");
    assert_eq!(told(folder.path()), ["skipped b.html: is larger than 16 MiB"]);
    assert_eq!(counts(folder.path()), [2, 1, 0, 1]);
}

#[test]
fn a_file_that_cannot_be_read_is_skipped() {
    let folder = folder(&[]);
    let read = |path: &str| read_file(File { name: "a.html".into(), content: Found::Page(folder.path().join(path)) });
    assert_eq!(skipped(read("a.html")), "cannot be read: No such file or directory (os error 2)");
    assert!(skipped(read(".")).starts_with("cannot be read: "));
}

fn skipped(file: File<Text>) -> String {
    match file.content {
        Text::Skipped(why) => why,
        other => panic!("it cannot be read, and gives {other:?}"),
    }
}

#[test]
fn a_file_that_vanishes_is_skipped() {
    let folder = folder(&[("a.html", "<a href=b.html#x>"), ("b.html", ""), ("c.html", "<a href=d.html>")]);
    let vanishing = folder.path().join("b.html");
    let plan = walk(folder.path().to_owned())
        .inspect(move |_| fs::remove_file(&vanishing).expect("it is there until now"))
        .then(read())
        .flat_map(|batch| batch)
        .then(parse(Parser::new(Rules::default())))
        .then(index())
        .then(check())
        .fold(Findings::default(), Findings::merged);
    let found = taktline::sim::run(1, async { plan.run().await }).expect("the run goes on").value;
    assert_eq!((found.files, found.skipped.len(), &*found.skipped[0].0), (2, 1, "b.html"));
    assert_eq!(found.broken.iter().map(|broken| &*broken.link).collect::<Vec<_>>(), ["d.html"]);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_loop_of_symbolic_links_ends() {
        let folder = folder(&[("a/b.html", "<a href=loop/b.html><a href=c.html>")]);
        symlink(folder.path().join("a"), folder.path().join("a/loop")).expect("a link can be made");
        assert_eq!(told(folder.path()), ["skipped a/loop: is a symbolic link to a folder that it is in"]);
        assert_eq!(counts(folder.path()), [1, 2, 0, 1]);
        // What is behind the loop was not looked at, and may be there.
        assert_eq!(broken(folder.path(), &[]), ["a/b.html c.html missing file"]);
    }

    #[test]
    fn a_symbolic_link_is_followed() {
        let elsewhere = folder(&[("b.html", "<p id=x>")]);
        let folder = folder(&[("a.html", "<a href=there/b.html#x><a href=there/b.html#y>")]);
        symlink(elsewhere.path(), folder.path().join("there")).expect("a link can be made");
        assert_eq!(broken(folder.path(), &[]), ["a.html there/b.html#y missing fragment"]);
    }

    #[test]
    fn a_symbolic_link_to_nothing_or_to_itself_is_skipped() {
        let folder = folder(&[("a.html", "")]);
        symlink("nowhere", folder.path().join("b.html")).expect("a link can be made");
        symlink("c.html", folder.path().join("c.html")).expect("a link can be made");
        let told = told(folder.path());
        assert!(
            told.len() == 2
                && told
                    .iter()
                    .zip("bc".chars())
                    .all(|(line, name)| { line.starts_with(&format!("skipped {name}.html: cannot be read: ")) }),
            "{told:?}"
        );
        assert_eq!(counts(folder.path()), [1, 0, 0, 2]);
    }

    #[test]
    fn a_device_is_no_page() {
        let folder = folder(&[("a.html", "<a href=b.html>")]);
        symlink("/dev/zero", folder.path().join("b.html")).expect("a link can be made");
        assert_eq!(told(folder.path()), ["skipped b.html: is no regular file"]);
        assert_eq!(counts(folder.path()), [1, 1, 0, 1]);
    }

    #[test]
    fn what_may_not_be_read_is_skipped() {
        let folder = folder(&[("a.html", "<a href=b.html#x><a href=c/d.html>"), ("b.html", ""), ("c/d.html", "")]);
        for name in ["b.html", "c"] {
            let none = fs::Permissions::from_mode(0o000);
            fs::set_permissions(folder.path().join(name), none).expect("the file is ours");
        }
        let is_refused = fs::File::open(folder.path().join("b.html")).is_err();
        let found = (counts(folder.path()), told(folder.path()).len(), broken(folder.path(), &[]).len());
        fs::set_permissions(folder.path().join("c"), fs::Permissions::from_mode(0o700)).expect("the folder is ours");
        // Nothing is refused to the superuser.
        let expected = if is_refused { ([1, 2, 0, 2], 2, 0) } else { ([3, 2, 0, 0], 0, 1) };
        assert_eq!(found, expected);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_name_that_is_not_utf_8_is_read() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        let folder = folder(&[("a.html", "")]);
        let name = OsStr::from_bytes(b"\xff.html");
        fs::write(folder.path().join(name), "<a href=b.html>").expect("a file can be written");
        assert_eq!(counts(folder.path()), [2, 1, 0, 0]);
        assert_eq!(broken(folder.path(), &[]), ["\u{fffd}.html b.html missing file"]);
    }
}
