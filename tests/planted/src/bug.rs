//! What a file in `bugs/` says.

use std::fs;
use std::path::Path;

use crate::check::Check;

/// A bug that can be planted.
#[derive(Debug)]
pub struct Bug {
    /// The name of its file.
    pub name: String,
    /// What it is, in one sentence.
    pub what: String,
    /// The link of an issue, the name of a mutant, or `own`.
    pub origin: String,
    /// What is tried, until one finds it.
    pub checks: Vec<Check>,
    /// The diff.
    pub edits: Vec<Edit>,
}

/// One hunk.
#[derive(Debug)]
pub struct Edit {
    /// The file, from the root of the project.
    pub file: String,
    /// What it has.
    pub old: String,
    /// What it is to have.
    pub new: String,
}

/// All bugs, in the order of their names.
///
/// # Panics
/// If a file cannot be read or understood; the message names it.
pub fn bugs() -> Vec<Bug> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bugs");
    let entries = fs::read_dir(&folder).expect("the folder of the bugs can be read");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry can be read").path()).collect();
    paths.sort();
    let parse = |path: &std::path::PathBuf| {
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        Bug::parse(&name, &text).unwrap_or_else(|problem| panic!("{name}: {problem}"))
    };
    paths.iter().map(parse).collect()
}

impl Bug {
    fn parse(name: &str, text: &str) -> Result<Bug, String> {
        let (head, diff) = text.split_once("\n--- ").ok_or("it has no diff")?;
        let field = |key: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
            line.map(str::to_owned).ok_or(format!("it has no line `{key}: ..`"))
        };
        let checks = field("Checks")?.split(", ").map(Check::parse).collect::<Result<_, _>>()?;
        let (what, origin) = (field("What")?, field("Origin")?);
        Ok(Bug { name: name.to_owned(), what, origin, checks, edits: edits(&format!("--- {diff}"))? })
    }
}

fn edits(diff: &str) -> Result<Vec<Edit>, String> {
    let mut edits: Vec<Edit> = Vec::new();
    let mut file = None;
    for line in diff.lines() {
        if line.starts_with("--- ") {
            continue;
        }
        if let Some(path) = line.strip_prefix("+++ b/") {
            file = Some(path.to_owned());
        } else if line.starts_with("@@") {
            let file = file.clone().ok_or("a hunk has no file")?;
            edits.push(Edit { file, old: String::new(), new: String::new() });
        } else {
            let edit = edits.last_mut().ok_or(format!("not in a hunk: {line}"))?;
            let (kind, text) = line.split_at_checked(1).unwrap_or((" ", ""));
            if matches!(kind, " " | "-") {
                edit.old.push_str(&format!("{text}\n"));
            }
            if matches!(kind, " " | "+") {
                edit.new.push_str(&format!("{text}\n"));
            }
        }
    }
    if edits.is_empty() { Err("its diff is empty".to_owned()) } else { Ok(edits) }
}
