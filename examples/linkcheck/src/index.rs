//! All files of a folder by name, which must be known before a link can be judged.

use std::collections::HashMap;
use std::sync::Arc;

use taktline::prelude::*;

use crate::files::{BATCH, File};
use crate::findings::Findings;
use crate::links::Links;
use crate::page::{Known, Parsed};

/// A file whose links are to be judged.
#[derive(Debug)]
pub struct Indexed {
    /// Such as `std/index.html`.
    pub name: Arc<str>,
    /// The links to judge.
    pub links: Links,
    /// What was found in it so far.
    pub findings: Findings,
    /// All files.
    pub index: Arc<Index>,
}

/// All files of a folder.
#[derive(Debug, Default)]
pub struct Index(HashMap<Arc<str>, Known>);

/// Reads all files, then sends on those of which there is something to say, [`BATCH`] at a time.
#[stage]
pub async fn index(files: In<File<Parsed>>, out: Out<Vec<Indexed>>) {
    let mut indexer = Indexer::default();
    while let Some(file) = files.next().await {
        indexer.add(file);
    }
    let mut files = indexer.finish();
    loop {
        let batch: Vec<_> = files.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return;
        }
        out.send(batch).await;
    }
}

/// Collects files.
#[derive(Debug, Default)]
pub struct Indexer {
    index: Index,
    files: Vec<(Arc<str>, Links, Findings)>,
}

impl Indexer {
    /// Takes a file in.
    pub fn add(&mut self, file: File<Parsed>) {
        let Parsed { known, links, findings } = file.content;
        let name: Arc<str> = file.name.into();
        self.index.0.insert(name.clone(), known);
        if findings != Findings::default() {
            self.files.push((name, links, findings));
        }
    }

    /// No file follows.
    pub fn finish(self) -> impl Iterator<Item = Indexed> + Send {
        let index = Arc::new(self.index);
        self.files.into_iter().map(move |(name, links, findings)| Indexed {
            name,
            links,
            findings,
            index: index.clone(),
        })
    }
}

impl Index {
    /// What is at `path`: a file, or the index of a folder.
    pub fn find(&self, path: &str) -> Option<&Known> {
        let file = || self.0.get(path);
        let index = || self.0.get(&*format!("{path}/index.html"));
        // What is in a folder that could not be read may be there.
        let folders = || path.match_indices('/').filter_map(|(end, _)| self.0.get(&path[..end]));
        let unreadable = || folders().find(|known| matches!(known, Known::Unreadable));
        file().or_else(index).or_else(unreadable)
    }
}
