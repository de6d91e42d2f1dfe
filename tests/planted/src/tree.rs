//! A copy of the project, in which bugs are planted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::bug::Bug;

/// A copy of the project. What is planted in it is taken out before the next.
#[derive(Debug)]
pub struct Tree {
    source: PathBuf,
    copy: PathBuf,
}

impl Tree {
    /// A copy in `folder`. Files that are the same already are left alone, so that they are not built again.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn new(folder: &Path) -> io::Result<Tree> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let tree = Tree { source, copy: folder.join("tree") };
        tree.copy(Path::new(""))?;
        Ok(tree)
    }

    /// Where the copy is.
    pub fn path(&self) -> &Path {
        &self.copy
    }

    fn copy(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(self.copy.join(folder))?;
        for entry in fs::read_dir(self.source.join(folder))? {
            let entry = entry?;
            let name = entry.file_name();
            let path = folder.join(&name);
            if entry.file_type()?.is_dir() {
                if name != "target" && name != ".git" {
                    self.copy(&path)?;
                }
            } else if name != ".git" {
                write(&self.copy.join(&path), &fs::read(entry.path())?)?;
            }
        }
        Ok(())
    }

    /// What the files that a bug touches are with it.
    ///
    /// # Errors
    /// If a hunk does not fit.
    pub fn planted(&self, bug: &Bug) -> Result<BTreeMap<String, String>, String> {
        let mut files = BTreeMap::new();
        for edit in &bug.edits {
            let read =
                || fs::read_to_string(self.source.join(&edit.file)).map_err(|error| format!("{}: {error}", edit.file));
            let text = match files.remove(&edit.file) {
                Some(text) => text,
                None => read()?,
            };
            let planted = edit.apply(&text).map_err(|problem| format!("{}: {problem}: {}", edit.file, edit.old))?;
            files.insert(edit.file.clone(), planted);
        }
        Ok(files)
    }

    /// Calls `f` with the bug planted, and takes it out again.
    ///
    /// # Errors
    /// If the bug does not fit, or a file cannot be written.
    pub fn with<R>(&self, bug: &Bug, f: impl FnOnce() -> R) -> Result<R, String> {
        let files = self.planted(bug)?;
        let each = |text_of: &dyn Fn(&str, &str) -> io::Result<Vec<u8>>| -> io::Result<()> {
            for (file, planted) in &files {
                write(&self.copy.join(file), &text_of(file, planted)?)?;
            }
            Ok(())
        };
        each(&|_, planted| Ok(planted.as_bytes().to_vec())).map_err(|error| error.to_string())?;
        let result = f();
        each(&|file, _| fs::read(self.source.join(file))).map_err(|error| error.to_string())?;
        Ok(result)
    }
}

/// Writes a file unless it is the same already.
fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|old| old == text) { Ok(()) } else { fs::write(path, text) }
}
