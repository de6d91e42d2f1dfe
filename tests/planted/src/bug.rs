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
    /// A text before it. If it is empty, what the hunk changes is nowhere else in the file.
    pub after: String,
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

impl Edit {
    /// The text of its file with it.
    pub(crate) fn apply(&self, text: &str) -> Result<String, &'static str> {
        let start = match text.match_indices(&self.after).collect::<Vec<_>>().as_slice() {
            _ if self.after.is_empty() => 0,
            [(start, after)] => start + after.len(),
            [] => return Err("what it follows is gone"),
            _ => return Err("what it follows is there twice"),
        };
        let (before, rest) = text.split_at(start);
        match rest.matches(&self.old).count() {
            0 => Err("a hunk does not fit"),
            n if n > 1 && self.after.is_empty() => Err("a hunk fits twice"),
            _ => Ok(format!("{before}{}", rest.replacen(&self.old, &self.new, 1))),
        }
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
        } else if let Some(after) = line.strip_prefix("@@") {
            let (file, after) = (file.clone().ok_or("a hunk has no file")?, after.trim().to_owned());
            edits.push(Edit { file, after, old: String::new(), new: String::new() });
        } else {
            let edit = edits.last_mut().ok_or(format!("not in a hunk: {line}"))?;
            match line.split_at_checked(1) {
                Some(("-", text)) => append(&mut edit.old, text),
                Some(("+", text)) => append(&mut edit.new, text),
                _ => return Err(format!("neither old nor new: {line}")),
            }
        }
    }
    let is_empty = edits.is_empty() || edits.iter().any(|edit| edit.old.is_empty());
    if is_empty { Err("it has no hunk, or one that changes nothing".to_owned()) } else { Ok(edits) }
}

/// Adds a line. The last one has no end, so that a hunk can change a part of a line.
fn append(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

#[cfg(test)]
mod tests {
    use super::Edit;

    fn apply(after: &str, old: &str, text: &str) -> Result<String, &'static str> {
        let (file, new) = (String::new(), "new".to_owned());
        Edit { file, after: after.to_owned(), old: old.to_owned(), new }.apply(text)
    }

    #[test]
    fn a_hunk_takes_the_first_place_behind_what_it_follows_and_else_the_only_one() {
        assert_eq!(apply("", "b", "a b c").as_deref(), Ok("a new c"));
        assert_eq!(apply("fn c", "b", "b fn c b b").as_deref(), Ok("b fn c new b"));
        assert!(apply("", "b", "b b").is_err() && apply("", "b", "a").is_err());
        assert!(apply("c", "b", "c b c").is_err() && apply("c", "b", "b").is_err() && apply("c", "b", "b c").is_err());
    }
}
