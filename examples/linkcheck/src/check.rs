//! Which links are broken.

use taktline::prelude::*;

use crate::findings::{Broken, Findings, Reason};
use crate::index::{Index, Indexed};
use crate::links::Link;
use crate::page::Known;
use crate::target::Target;

/// Judges the links of files.
#[stage(concurrency = 1)]
pub fn check(batch: Vec<Indexed>) -> Findings {
    batch.into_iter().map(check_file).fold(Findings::default(), Findings::merged)
}

/// Judges the links of a file, and adds those that are broken to what was found in it.
pub fn check_file(file: Indexed) -> Findings {
    let Indexed { name, links, mut findings, index } = file;
    let mut broken: Vec<(u32, &str, Reason)> = Vec::new();
    for link in links.iter() {
        if let Some(reason) = what_is_missing(link, &index) {
            broken.extend(link.numbers.iter().map(|&number| (number, link.text, reason)));
        }
    }
    broken.sort_unstable_by_key(|&(number, ..)| number);
    let broken = broken.into_iter();
    findings.broken.extend(broken.map(|(_, link, reason)| Broken {
        file: name.clone(),
        link: link.to_owned(),
        reason,
    }));
    findings
}

/// What is missing, if `link` is broken.
fn what_is_missing(link: Link<'_>, index: &Index) -> Option<Reason> {
    let Link { mut path, mut fragment, .. } = link;
    // The pages whose refresh was followed.
    let mut followed = Vec::new();
    loop {
        let Some(known) = index.find(path) else {
            // Behind a refresh: the file of the link is there, and sends its reader to one that is not.
            return Some(if followed.is_empty() { Reason::File } else { Reason::Fragment });
        };
        let (Known::Page { places, refresh }, Some(wanted)) = (known, fragment) else {
            return None;
        };
        if places.has(wanted) {
            return None;
        }
        match refresh {
            // What is there is not known.
            Some(Target::External) => return None,
            Some(Target::Within { path: next, fragment: place }) if !followed.contains(&path) => {
                followed.push(path);
                path = next;
                // A refresh may name a place of its own: that is where the reader arrives.
                fragment = place.as_deref().or(fragment);
            }
            _ => return Some(Reason::Fragment),
        }
    }
}
