//! Pages keep up with the repository: what the guide has is compiled, links lead somewhere, and every promise is listed.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The Markdown files below `folder`, as paths from the top of the repository.
fn pages(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for file in fs::read_dir(root().join(folder)).expect("the folder is there") {
        let file = file.expect("it can be read");
        let path = format!("{folder}/{}", file.file_name().to_string_lossy());
        if file.path().is_dir() {
            found.extend(pages(&path));
        } else if path.ends_with(".md") {
            found.push(path);
        }
    }
    found
}

fn guide() -> Vec<String> {
    let all = pages("docs/guide/src");
    assert!(all.len() >= 12, "the folder is read: {all:?}");
    all.into_iter().filter(|page| !page.ends_with("/SUMMARY.md")).collect()
}

#[test]
fn every_page_of_the_guide_is_in_its_summary_and_is_compiled() {
    let summary = read(&root().join("docs/guide/src/SUMMARY.md"));
    let compiled = read(&root().join("tests/src/pages.rs"));
    for page in guide() {
        let name = page.trim_start_matches("docs/guide/src/");
        assert!(summary.contains(&format!("]({name})")), "{page} is not in the summary");
        assert!(compiled.contains(&format!("\"{page}\"")), "{page} is not compiled");
    }
}

#[test]
fn every_block_of_code_says_what_it_is_and_rust_is_run() {
    for page in guide().into_iter().chain(["README.md".to_owned()]) {
        let text = read(&root().join(&page));
        let fences = text.lines().filter_map(|line| line.trim_start().strip_prefix("```"));
        for language in fences.step_by(2) {
            let known = ["rust", "rust,test_harness", "text", "toml", "console", "python"];
            assert!(known.contains(&language), "{page}: a block of `{language}`");
        }
    }
}

/// Where the links of a page lead, without those to other sites.
fn links(text: &str) -> Vec<String> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
    let inside = inline.filter(|link| !link.contains("://") && !link.starts_with('#'));
    inside.map(|link| link.split_once('#').map_or(link, |(file, _)| file).to_owned()).collect()
}

#[test]
fn no_link_between_files_is_broken() {
    let mut seen = 0;
    let tops = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned);
    for page in pages("docs").into_iter().chain(tops) {
        let path = root().join(&page);
        let folder = path.parent().expect("a file is in a folder");
        for link in links(&read(&path)) {
            assert!(folder.join(&link).exists(), "{page}: {link} is not there");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} links were read");
}

#[test]
fn every_test_of_a_promise_is_listed() {
    let list = read(&root().join("docs/promises.md"));
    let files: Vec<String> = fs::read_dir(root().join("tests/tests"))
        .expect("the folder is there")
        .map(|file| file.expect("it can be read").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".rs"))
        .collect();
    assert!(files.len() > 15, "the folder is read: {files:?}");
    for file in files {
        assert!(list.contains(&format!("`{file}`")), "{file} is not in docs/promises.md");
    }
}
