//! Core knows no runtime and no macro, and the examples name no runtime.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn metadata() -> Value {
    let rustc = Command::new("rustc").arg("-vV").output().expect("rustc runs").stdout;
    let rustc = String::from_utf8(rustc).expect("rustc prints text");
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    // For other platforms there may be packages that were never fetched.
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

fn package<'a>(metadata: &'a Value, name: &str) -> &'a Value {
    let packages = metadata["packages"].as_array().expect("a list");
    packages.iter().find(|package| package["name"] == name).unwrap_or_else(|| panic!("there is no {name}"))
}

/// The names of what `name` needs to be built for users.
fn direct(metadata: &Value, name: &str) -> BTreeSet<String> {
    let all = package(metadata, name)["dependencies"].as_array().expect("a list");
    let normal = all.iter().filter(|one| one["kind"].is_null());
    normal.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
}

fn all(metadata: &Value, name: &str, seen: &mut BTreeSet<String>) {
    for one in direct(metadata, name) {
        if seen.insert(one.clone()) {
            let packages = metadata["packages"].as_array().expect("a list");
            if packages.iter().any(|package| package["name"] == one.as_str()) {
                all(metadata, &one, seen);
            }
        }
    }
}

#[test]
fn core_knows_no_runtime_and_has_few_dependencies() {
    let metadata = metadata();
    let direct = direct(&metadata, "taktline-core");
    assert!(direct.len() < 10, "{direct:?}");
    let mut needed = BTreeSet::new();
    all(&metadata, "taktline-core", &mut needed);
    for runtime in ["tokio", "smol", "async-io", "async-executor", "async-global-executor", "taktline-macros"] {
        assert!(!needed.contains(runtime), "core needs {runtime}: {needed:?}");
    }
    assert!(needed.contains("futures-core"), "the list is read: {needed:?}");
}

/// The names of what is linked with `name`, by the lock file: its normal dependencies, those of proc macros left out.
fn linked(metadata: &Value, name: &str) -> BTreeSet<String> {
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let by_id = |id: &Value| list(&metadata["packages"]).into_iter().find(|one| one["id"] == *id).expect("it is known");
    let is_macro =
        |one: &Value| list(&one["targets"]).iter().any(|one| list(&one["kind"]).contains(&"proc-macro".into()));
    let (mut seen, mut names) = (Vec::new(), BTreeSet::new());
    let mut left = vec![package(metadata, name)["id"].clone()];
    while let Some(id) = left.pop() {
        let nodes = list(&metadata["resolve"]["nodes"]);
        let node = nodes.iter().find(|node| node["id"] == id).expect("it is resolved");
        for one in list(&node["deps"]) {
            let is_normal = list(&one["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            let package = by_id(&one["pkg"]);
            if !is_normal || seen.contains(&one["pkg"]) {
                continue;
            }
            seen.push(one["pkg"].clone());
            names.insert(package["name"].as_str().expect("a name").to_owned());
            if !is_macro(&package) {
                left.push(one["pkg"].clone());
            }
        }
    }
    names
}

#[test]
fn nothing_of_a_runtime_or_a_parser_is_linked_with_core() {
    let metadata = metadata();
    let names = linked(&metadata, "taktline-core");
    for name in ["tokio", "smol", "async-io", "async-executor", "syn"] {
        assert!(!names.contains(name), "core is linked with {name}: {names:?}");
    }
    assert!(names.contains("futures-core"), "the list is read: {names:?}");
    assert!(linked(&metadata, "taktline-tokio").contains("tokio"), "the list is read");
    assert!(linked(&metadata, "taktline-smol").contains("async-executor"), "the list is read");
}

#[test]
fn dependencies_point_one_way() {
    let metadata = metadata();
    let ours = |name| -> Vec<String> {
        direct(&metadata, name).into_iter().filter(|one| one.starts_with("taktline")).collect()
    };
    assert!(ours("taktline-core").is_empty() && ours("taktline-macros").is_empty());
    for adapter in ["taktline-tokio", "taktline-smol", "taktline-sim", "conformance"] {
        assert_eq!(ours(adapter), ["taktline-core"], "{adapter}");
    }
}

/// Every file below `folder`, with its text.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read_to_string(&path).expect("it is text")));
        }
    }
}

#[test]
fn core_takes_locks_atomics_and_thread_locals_from_where_models_replace_them() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipeline-core/src"), &mut found);
    assert!(found.len() > 40, "{} files were read", found.len());
    let is_std = |line: &str| {
        let is_sync =
            line.contains("std::sync") && ["Mutex", "RwLock", "Condvar", "atomic"].iter().any(|one| line.contains(one));
        is_sync || line.contains("std::thread_local")
    };
    for (name, text) in found {
        // A count decides nothing, and would be a step of each schedule.
        let is_exempt = name.ends_with("sync.rs") || name.contains("/ledger/");
        let line = text.lines().find(|line| is_std(line) && !line.trim_start().starts_with("//"));
        assert!(is_exempt || line.is_none(), "{name}: {}", line.unwrap_or_default());
    }
}

/// The essay's programs.
const ESSAY: [&str; 7] = ["e1", "e2", "e3", "e4", "e5", "e6", "e7"];

fn essay(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../examples/essay/{name}.rs"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_essays_programs_name_no_runtime() {
    for name in ESSAY {
        let text = essay(name);
        assert!(!text.contains("tokio") && !text.contains("smol"), "{name}");
    }
}

#[test]
fn starve_names_no_runtime() {
    let text = essay("../starve");
    assert!(text.contains("#[taktline::main]"), "it is read");
    assert!(!text.contains("tokio") && !text.contains("smol"));
}

#[test]
fn the_essay_names_a_runtime_only_in_the_table_of_its_main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/essay");
    let names_one = |text: &str| text.contains("tokio") || text.contains("smol");
    let mut files = 0;
    for file in fs::read_dir(&folder).expect("the folder is there") {
        let path = file.expect("it can be read").path();
        let text = fs::read_to_string(&path).expect("it is text");
        let text = if path.ends_with("main.rs") {
            let (before, table) = text.split_once("fn runtimes()").expect("it has the table");
            let (table, behind) = table.split_once("\n}\n").expect("the table ends");
            assert!(names_one(table));
            [before, behind].concat()
        } else {
            text
        };
        assert!(!names_one(&text), "{} names a runtime", path.display());
        files += 1;
    }
    assert!(files >= 8, "{files} files were read");
}

#[test]
fn stage_functions_of_the_essay_hold_no_queue_task_or_join() {
    for name in ESSAY {
        let text = essay(name);
        for word in ["channel", "mpsc", "spawn", "JoinHandle", "JoinSet", "cancel", "task_done", "Mutex", "select!"] {
            let in_code = text.lines().filter(|line| !line.trim().starts_with("//")).any(|line| line.contains(word));
            assert!(!in_code, "{name} has `{word}`");
        }
    }
}
