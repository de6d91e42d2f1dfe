//! Finding and reading the files of a folder.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use taktline::prelude::*;
use taktline::spawn_blocking;
use walkdir::WalkDir;

/// A larger file is skipped: no page that a person reads is that large.
pub const SIZE_MAX: u64 = 16 << 20;

/// Files that go together where one alone takes less time than the way to another thread.
pub const BATCH: usize = 64;

/// Batches that are found in one blocking call.
const BATCHES: usize = 4;

/// A file of the folder, by its path in it, with `/` between the parts.
#[derive(Debug, PartialEq, Eq)]
pub struct File<C> {
    /// Such as `std/index.html`.
    pub name: String,
    /// What is known of it.
    pub content: C,
}

/// What the walk found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A page to read.
    Page(PathBuf),
    /// A file that can be linked to, and has no links of its own.
    Other,
    /// Something that could not be looked at, and why.
    Unreadable(String),
}

/// What was read of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Text {
    /// The HTML of a page.
    Page(String),
    /// No page.
    Other,
    /// Skipped, and why.
    Skipped(String),
}

/// The HTML docs of the Rust toolchain, if they are installed.
pub fn toolchain_docs() -> Option<PathBuf> {
    let rustc = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let sysroot = String::from_utf8(rustc.stdout).ok()?;
    let docs = Path::new(sysroot.trim()).join("share/doc/rust/html");
    docs.is_dir().then_some(docs)
}

/// A small folder of HTML that is kept beside the program.
pub fn small_site() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("site")
}

/// All files of `folder`, links to folders followed, [`BATCH`] at a time.
#[source]
pub async fn walk(folder: PathBuf, out: Out<Vec<File<Found>>>) {
    let mut entries = entries(&folder);
    loop {
        let call = spawn_blocking(move || {
            let batches: Vec<Vec<_>> = (0..BATCHES).map(|_| entries.by_ref().take(BATCH).collect()).collect();
            (batches, entries)
        });
        // A walk that panics, or that the runtime drops, ends the run with that as its error.
        let (batches, rest) = call.await.expect("the walk goes on");
        for batch in batches {
            if batch.is_empty() {
                return;
            }
            out.send(batch).await;
        }
        entries = rest;
    }
}

/// Reads pages, those of a batch in one blocking call. Everything else passes.
#[stage(blocking, concurrency = 4, unordered, buffer = 4)]
pub fn read(batch: Vec<File<Found>>) -> Vec<File<Text>> {
    batch.into_iter().map(read_file).collect()
}

/// Reads one file, if it is a page.
pub fn read_file(file: File<Found>) -> File<Text> {
    let content = match file.content {
        Found::Page(path) => read_page(&path).unwrap_or_else(Text::Skipped),
        Found::Other => Text::Other,
        Found::Unreadable(why) => Text::Skipped(why),
    };
    File { name: file.name, content }
}

/// The files below `folder`, in the order of their names.
pub fn entries(folder: &Path) -> impl Iterator<Item = File<Found>> + Send + 'static {
    let folder = folder.to_owned();
    WalkDir::new(&folder).follow_links(true).sort_by_file_name().into_iter().filter_map(move |entry| match entry {
        Ok(entry) if entry.file_type().is_dir() => None,
        Ok(entry) => {
            let name = name_in(&folder, entry.path());
            let content = match is_page(&name) {
                false => Found::Other,
                true if entry.file_type().is_file() => Found::Page(entry.into_path()),
                // To read a pipe or a device may never end.
                true => Found::Unreadable("is no regular file".to_owned()),
            };
            Some(File { name, content })
        }
        Err(error) => {
            let name = error.path().map_or_else(String::new, |path| name_in(&folder, path));
            Some(File { name, content: Found::Unreadable(reason(&error)) })
        }
    })
}

fn read_page(path: &Path) -> Result<Text, String> {
    let unreadable = |error: io::Error| format!("cannot be read: {error}");
    let file = fs::File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    if size > SIZE_MAX {
        return Err(format!("is larger than {} MiB", SIZE_MAX >> 20));
    }
    let mut html = Vec::with_capacity(size as usize);
    // What grows meanwhile is cut: it is read as it was.
    file.take(size).read_to_end(&mut html).map_err(unreadable)?;
    String::from_utf8(html).map(Text::Page).map_err(|_| "is not UTF-8".to_owned())
}

fn reason(error: &walkdir::Error) -> String {
    match (error.loop_ancestor(), error.io_error()) {
        (Some(_), _) => "is a symbolic link to a folder that it is in".to_owned(),
        (None, Some(error)) => format!("cannot be read: {error}"),
        (None, None) => "cannot be read".to_owned(),
    }
}

/// Whether a file of that name is a page.
pub fn is_page(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ending.eq_ignore_ascii_case("html") || ending.eq_ignore_ascii_case("htm")
}

fn name_in(folder: &Path, path: &Path) -> String {
    let mut name = String::with_capacity(path.as_os_str().len());
    for part in path.strip_prefix(folder).unwrap_or(path) {
        if !name.is_empty() {
            name.push('/');
        }
        name.push_str(&part.to_string_lossy());
    }
    name
}
