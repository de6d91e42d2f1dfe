//! What goes where, and the exit code.

use std::process::{Command, Output, Stdio};

use super::{folder, linkcheck, text};

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn json_is_one_object_with_these_keys_in_this_order() {
    let folder = folder(&[("a.html", "<a href='b&amp;.html'>")]);
    let output = linkcheck(&[text(folder.path()), "--json", "--compare"]);
    let text = stdout(&output);
    let seconds = text.rsplit_once(':').expect("the last key is `seconds`").1;
    assert_eq!(
        text.strip_suffix(seconds),
        Some(
            r#"{"files":1,"links":1,"external":0,"skipped":0,"broken":[{"file":"a.html","link":"b&.html","reason":"missing file"}],"seconds":"#
        )
    );
    assert!(seconds.ends_with("}\n") && seconds[..seconds.len() - 2].parse::<f64>().is_ok(), "{seconds}");
    assert!(stderr(&output).starts_with("sequential ") && stderr(&output).lines().count() == 1);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn text_has_the_broken_links_the_report_and_the_bound() {
    let folder = folder(&[("a.html", "<a href=b.html>")]);
    let output = linkcheck(&[text(folder.path()), "--compare"]);
    let text = stdout(&output);
    assert!(
        text.contains("\na.html: b.html: missing file\n1 files, 1 links, 0 external, 0 skipped, 1 broken, "),
        "{text}"
    );
    assert!(text.contains("\nat most ") && text.contains("\nsequential "), "{text}");
    for stage in ["walk", "read", "parse", "index", "check"] {
        assert!(text.contains(&format!("\n{stage} ")), "{text}");
    }
    assert!(text.contains("\nbottleneck: "), "{text}");
    // Progress is for a terminal.
    assert_eq!(stderr(&output), "");
}

#[test]
fn usage_is_told_with_exit_code_2() {
    let cases: [&[&str]; 8] = [
        &["--no-such-option"],
        &["a", "b"],
        &["--concurrency", "0"],
        &["--concurrency", "x"],
        &["--concurrency"],
        &["--ignore-fragments", "("],
        &["--runtime", "none"],
        &["--json=1"],
    ];
    for case in cases {
        let output = linkcheck(case);
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()), "{case:?}");
        assert!(stderr(&output).starts_with("linkcheck: "), "{case:?}");
    }
}

#[test]
fn a_folder_that_is_missing_or_none_is_told_with_exit_code_2() {
    for folder in ["/no/such/folder", env!("CARGO_BIN_EXE_linkcheck"), ""] {
        let output = linkcheck(&["--json", folder]);
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()), "{folder}");
        let told = stderr(&output);
        assert!(
            told.starts_with(&format!("linkcheck: cannot read the folder {folder}: ")) && told.lines().count() == 1
        );
    }
}

#[test]
fn a_folder_without_a_page_is_told_with_exit_code_2() {
    for folder in [folder(&[]), folder(&[("a.css", "")])] {
        let output = linkcheck(&["--json", text(folder.path())]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(stderr(&output), format!("linkcheck: there is no page in {}\n", folder.path().display()));
        let empty = r#"{"files":0,"links":0,"external":0,"skipped":0,"broken":[],"seconds":"#;
        assert!(stdout(&output).starts_with(empty));
    }
}

#[cfg(not(all(feature = "tokio", feature = "smol")))]
#[test]
fn a_runtime_that_is_not_built_in_is_told_with_exit_code_2() {
    let other = if cfg!(feature = "tokio") { "smol" } else { "tokio" };
    let output = linkcheck(&["--runtime", other]);
    let expected = format!("linkcheck: {other} is not built in: build with `--features {other}`\n");
    assert!(stderr(&output).starts_with(&expected), "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn help_names_every_option() {
    let output = linkcheck(&["--help"]);
    for option in ["--json", "--compare", "--ignore-fragments", "--concurrency", "--runtime"] {
        assert!(stdout(&output).contains(option));
    }
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}

/// Behind a pipe to `head`, nobody reads to the end.
#[test]
fn a_stdout_that_is_closed_is_no_panic() {
    let folder = folder(&[("a.html", "<a href=b.html>")]);
    for args in [&[text(folder.path())][..], &[text(folder.path()), "--json"], &["--help"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_linkcheck"));
        let mut child =
            command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("the program ends");
        assert_eq!(stderr(&output), "", "{args:?}");
        assert!(matches!(output.status.code(), Some(0 | 1)), "{args:?}");
    }
}
