//! Finding and reading the files of a folder.

use std::fs;
use std::path::{Path, PathBuf};

use taktline::prelude::*;
use taktline::spawn_blocking;
use walkdir::WalkDir;

/// A larger file is skipped: no page that a person reads is that large.
pub const SIZE_MAX: u64 = 64 << 20;

/// Directory entries that are read in one blocking call.
const ENTRIES: usize = 256;

/// A file of the folder, by its path in it, with `/` between the parts.
#[derive(Debug, PartialEq, Eq)]
pub struct File<C> {
    /// Such as `std/index.html`.
    pub name: String,
    /// What is known of it.
    pub content: C,
}

/// What the walk found.
#[derive(Debug)]
pub enum Found {
    /// A page to read, of that many bytes.
    Page(u64),
    /// A file that can be linked to, and has no links of its own.
    Other,
    /// Something that could not be looked at, and why.
    Unreadable(String),
}

/// What was read of a file.
#[derive(Debug)]
pub enum Text {
    /// The HTML of a page.
    Page(String),
    /// No page.
    Other,
    /// Skipped, and why.
    Skipped(String),
}

/// All files of `folder`, links to folders followed.
#[source]
pub async fn walk(folder: PathBuf, out: Out<File<Found>>) {
    let mut entries = entries(&folder);
    loop {
        let chunk = spawn_blocking(move || (entries.by_ref().take(ENTRIES).collect::<Vec<_>>(), entries));
        // A walk that panics, or that the runtime drops, ends the run with that as its error.
        let (chunk, rest) = chunk.await.expect("the walk goes on");
        if chunk.is_empty() {
            return;
        }
        for file in chunk {
            out.send(file).await;
        }
        entries = rest;
    }
}

/// Reads pages. Everything else passes.
#[stage(blocking, concurrency = 4)]
pub fn read(file: File<Found>, folder: &Path) -> File<Text> {
    let content = match file.content {
        Found::Page(size) if size > SIZE_MAX => Text::Skipped(format!("is larger than {} MiB", SIZE_MAX >> 20)),
        Found::Page(_) => read_page(&folder.join(&file.name)),
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
            let content = match (is_page(&name), entry.metadata()) {
                (false, _) => Found::Other,
                (true, Ok(metadata)) => Found::Page(metadata.len()),
                (true, Err(error)) => Found::Unreadable(reason(&error)),
            };
            Some(File { name, content })
        }
        Err(error) => {
            let name = error.path().map_or_else(String::new, |path| name_in(&folder, path));
            Some(File { name, content: Found::Unreadable(reason(&error)) })
        }
    })
}

fn read_page(path: &Path) -> Text {
    match fs::read(path).map(String::from_utf8) {
        Ok(Ok(html)) => Text::Page(html),
        Ok(Err(_)) => Text::Skipped("is not UTF-8".to_owned()),
        Err(error) => Text::Skipped(format!("cannot be read: {error}")),
    }
}

fn reason(error: &walkdir::Error) -> String {
    match (error.loop_ancestor(), error.io_error()) {
        (Some(_), _) => "is a symbolic link to a folder that it is in".to_owned(),
        (None, Some(error)) => format!("cannot be read: {error}"),
        (None, None) => "cannot be read".to_owned(),
    }
}

fn is_page(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ending.eq_ignore_ascii_case("html") || ending.eq_ignore_ascii_case("htm")
}

fn name_in(folder: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(folder).unwrap_or(path).components();
    let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}
