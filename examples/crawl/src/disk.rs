//! Which pages are reachable by links, as the folder itself says: what a crawl has to find.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use linkcheck::files::is_page;
use linkcheck::page::{Known, Parser};
use linkcheck::target::Target;

/// The pages that are reachable from `start` by links, by their paths in `folder`.
pub fn reachable(folder: &Path, start: &str) -> BTreeSet<String> {
    let mut parser = Parser::new(Default::default());
    let (mut seen, mut pages, mut left) = (BTreeSet::from([start.to_owned()]), BTreeSet::new(), vec![start.to_owned()]);
    while let Some(path) = left.pop() {
        let file = folder.join(&path);
        let links = if file.is_dir() {
            BTreeSet::from([format!("{path}/index.html")])
        } else if let Ok(page) = fs::read(file) {
            pages.insert(path.clone());
            linked_pages(&mut parser, &path, &String::from_utf8_lossy(&page))
        } else {
            continue;
        };
        left.extend(links.into_iter().filter(|link| seen.insert(link.clone())));
    }
    pages
}

/// What a page links to, or sends its reader to, and may be a page: its name says so, or it may be a folder.
pub fn linked_pages(parser: &mut Parser, path: &str, html: &str) -> BTreeSet<String> {
    let parsed = parser.parse(path, html);
    let refresh = match parsed.known {
        Known::Page { refresh: Some(Target::Within { path, .. }), .. } => Some(path),
        _ => None,
    };
    let links = parsed.links.iter().map(|link| link.path.to_owned()).chain(refresh);
    let is_folder = |path: &str| !path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    links.filter(|path| is_page(path) || is_folder(path)).collect()
}
