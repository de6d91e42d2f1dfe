//! What is found in a folder.

use std::sync::Arc;

use serde::Serialize;

/// What is found in a folder, or in one file of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Pages that were read.
    pub files: u64,
    /// Links, external ones included.
    pub links: u64,
    /// Links that lead out of the folder.
    pub external: u64,
    /// Files that could not be read, with the reason.
    pub skipped: Vec<(Arc<str>, String)>,
    /// Broken links.
    pub broken: Vec<Broken>,
}

/// A link that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The page that it is in.
    pub file: Arc<str>,
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

impl Findings {
    /// These, and `others`.
    pub fn merged(mut self, others: Findings) -> Findings {
        self.files += others.files;
        self.links += others.links;
        self.external += others.external;
        self.skipped.extend(others.skipped);
        self.broken.extend(others.broken);
        self
    }

    /// These, by file. The links of one file keep their order.
    pub fn sorted(mut self) -> Findings {
        self.skipped.sort();
        self.broken.sort_by(|a, b| a.file.cmp(&b.file));
        self
    }
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
