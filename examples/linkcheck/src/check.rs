//! Which links are broken.

use std::collections::HashMap;
use std::sync::Arc;

use regex::Regex;
use serde::Serialize;
use taktline::prelude::*;

use crate::files::File;
use crate::page::{Link, Page, Parsed, Places};
use crate::target::Target;

/// Pages that a refresh may lead through before the check gives up.
const HOPS_MAX: u8 = 8;

/// What is not checked.
#[derive(Debug, Default)]
pub struct Rules {
    /// Fragments that match are taken to be good.
    pub ignored_fragments: Option<Regex>,
}

impl Rules {
    /// Ignores the fragments that `pattern` matches as a whole, without their `#`.
    ///
    /// # Errors
    /// If `pattern` is no regular expression.
    pub fn ignoring(pattern: &str) -> Result<Rules, regex::Error> {
        Ok(Rules { ignored_fragments: Some(Regex::new(&format!("^(?:{pattern})$"))?) })
    }

    fn ignores(&self, fragment: &str) -> bool {
        self.ignored_fragments.as_ref().is_some_and(|pattern| pattern.is_match(fragment))
    }
}

/// A link that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The page that it is in.
    pub file: String,
    /// As it stands in the page, entities decoded.
    pub link: String,
    /// What is missing.
    pub reason: Reason,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Reason {
    /// The file.
    #[serde(rename = "missing file")]
    File,
    /// The place in the file.
    #[serde(rename = "missing fragment")]
    Fragment,
}

impl Reason {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::File => "missing file",
            Reason::Fragment => "missing fragment",
        }
    }
}

/// What was found in a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Pages that were read.
    pub files: u64,
    /// Links, external ones included.
    pub links: u64,
    /// Links that lead out of the folder.
    pub external: u64,
    /// Files that could not be read, with the reason, sorted by name.
    pub skipped: Vec<(String, String)>,
    /// Broken links, sorted by file and place.
    pub broken: Vec<Broken>,
}

/// Reads all files, then sends what it has found.
#[stage]
pub async fn check(files: In<File<Parsed>>, rules: &Rules, out: Out<Findings>) {
    let mut checker = Checker::new(rules);
    while let Some(file) = files.next().await {
        checker.add(file);
    }
    out.send(checker.finish()).await;
}

/// Judges each link as soon as its target is known.
pub struct Checker<'a> {
    rules: &'a Rules,
    /// Every file so far, by its name.
    files: HashMap<Arc<str>, Known>,
    /// Links whose target has not come yet, by its name.
    waiting: HashMap<Box<str>, Vec<Waiting>>,
    broken: Vec<(Arc<str>, u32, Box<str>, Reason)>,
    findings: Findings,
}

enum Known {
    Page {
        places: Places,
        refresh: Option<Target>,
    },
    /// It is there; nothing is known of its places.
    File,
}

struct Waiting {
    file: Arc<str>,
    number: u32,
    text: Box<str>,
    fragment: Option<Box<str>>,
    hops: u8,
}

enum Verdict {
    Good,
    Broken(Reason),
    /// Not known before the file of that name is.
    Ask(Box<str>, Waiting),
}

impl<'a> Checker<'a> {
    /// A checker that knows no file.
    pub fn new(rules: &'a Rules) -> Self {
        let (files, waiting) = (HashMap::new(), HashMap::new());
        Checker { rules, files, waiting, broken: Vec::new(), findings: Findings::default() }
    }

    /// Takes a file in, judges its links, and those that waited for it.
    pub fn add(&mut self, file: File<Parsed>) {
        let name: Arc<str> = file.name.into();
        let (known, links) = match file.content {
            Parsed::Page(Page { places, refresh, links, link_count, external_count }) => {
                self.findings.files += 1;
                self.findings.links += link_count;
                self.findings.external += external_count;
                (Known::Page { places, refresh }, links)
            }
            Parsed::Other => (Known::File, Vec::new()),
            Parsed::Skipped(why) => {
                self.findings.skipped.push((name.to_string(), why));
                (Known::File, Vec::new())
            }
        };
        self.files.insert(name.clone(), known);
        for Link { number, text, path, fragment } in links {
            let fragment = fragment.filter(|fragment| !self.rules.ignores(fragment));
            self.look(path, Waiting { file: name.clone(), number, text, fragment, hops: 0 });
        }
        for link in self.waiting.remove(&*name).unwrap_or_default() {
            self.look(Box::from(&*name), link);
        }
    }

    /// No file follows: what still waits leads nowhere, or to a folder.
    pub fn finish(mut self) -> Findings {
        for _ in 0..=HOPS_MAX {
            for (path, links) in std::mem::take(&mut self.waiting) {
                let index = format!("{path}/index.html");
                for link in links {
                    if self.files.contains_key(&*index) {
                        self.look(index.as_str().into(), link);
                    } else {
                        self.broken.push((link.file, link.number, link.text, Reason::File));
                    }
                }
            }
        }
        self.broken.sort_unstable_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let broken = self.broken.into_iter();
        self.findings.broken = broken
            .map(|(file, _, link, reason)| Broken { file: file.to_string(), link: link.into(), reason })
            .collect();
        self.findings.skipped.sort_unstable();
        self.findings
    }

    fn look(&mut self, path: Box<str>, link: Waiting) {
        let mut ask = (path, link);
        loop {
            let (path, link) = ask;
            let Some(known) = self.files.get(&*path) else {
                self.waiting.entry(path).or_default().push(link);
                return;
            };
            let (file, number, text) = (link.file.clone(), link.number, link.text.clone());
            match judge(known, link) {
                Verdict::Good => return,
                Verdict::Broken(reason) => return self.broken.push((file, number, text, reason)),
                Verdict::Ask(path, link) => ask = (path, link),
            }
        }
    }
}

fn judge(known: &Known, mut link: Waiting) -> Verdict {
    let (Known::Page { places, refresh }, Some(fragment)) = (known, &link.fragment) else {
        return Verdict::Good;
    };
    if places.has(fragment) {
        return Verdict::Good;
    }
    match refresh {
        Some(Target::External) => Verdict::Good,
        Some(Target::Within { path, fragment }) if link.hops < HOPS_MAX => {
            link.hops += 1;
            // The address of the refresh may name a place of its own: that is where the reader arrives.
            if fragment.is_some() {
                link.fragment = fragment.as_deref().map(Into::into);
            }
            Verdict::Ask(path.as_str().into(), link)
        }
        _ => Verdict::Broken(Reason::Fragment),
    }
}
