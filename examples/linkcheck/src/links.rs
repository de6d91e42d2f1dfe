//! The links of a page that the check has to look at.

use crate::text::{Span, Text};

/// Links into the folder, in a few allocations for a page.
#[derive(Clone, Debug, Default)]
pub struct Links {
    text: Text,
    links: Vec<Spans>,
    /// Those of all links, one after the other.
    numbers: Vec<u32>,
}

/// A link into the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// As it stands in the page, entities decoded.
    pub text: &'a str,
    /// The path of the target in the folder.
    pub path: &'a str,
    /// The place in the target, if one has to be there.
    pub fragment: Option<&'a str>,
    /// Which links of the page these are: the same text may stand there more than once.
    pub numbers: &'a [u32],
}

#[derive(Clone, Copy, Debug)]
struct Spans {
    text: Span,
    path: Span,
    fragment: Option<Span>,
    numbers_end: u32,
}

impl Links {
    /// Adds a link.
    pub fn push(&mut self, link: Link<'_>) {
        let text = self.text.push(link.text);
        let path = self.text.push(link.path);
        let fragment = link.fragment.map(|fragment| self.text.push(fragment));
        self.numbers.extend(link.numbers);
        self.links.push(Spans { text, path, fragment, numbers_end: self.numbers.len() as u32 });
    }

    /// All links.
    pub fn iter(&self) -> impl Iterator<Item = Link<'_>> {
        let mut start = 0;
        self.links.iter().map(move |&Spans { text, path, fragment, numbers_end }| {
            let numbers = &self.numbers[std::mem::replace(&mut start, numbers_end) as usize..numbers_end as usize];
            let fragment = fragment.map(|fragment| &self.text[fragment]);
            Link { text: &self.text[text], path: &self.text[path], fragment, numbers }
        })
    }

    /// Forgets all links, and keeps their memory.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.links.clear();
        self.numbers.clear();
    }
}
