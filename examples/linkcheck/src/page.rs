//! What a page is to the check: the places that can be linked to, and its links.

use std::borrow::Cow;

use taktline::prelude::*;

use crate::files::{File, Text};
use crate::findings::Findings;
use crate::links::{Link, Links};
use crate::places::Places;
use crate::rules::Rules;
use crate::tags::{TagReader, Tags};
use crate::target::{Target, refresh_url, resolve};

/// What there is to say of a file before the others are known.
#[derive(Debug)]
pub struct Parsed {
    /// What it is to the links that lead to it.
    pub known: Known,
    /// Its links that need a look at other pages, or that lead to no place of this one.
    pub links: Links,
    /// What was found in it.
    pub findings: Findings,
}

/// What a file is to the links that lead to it.
#[derive(Debug)]
pub enum Known {
    /// A page.
    Page {
        /// What a fragment can name.
        places: Places,
        /// Where the page sends its reader at once, if it does.
        refresh: Option<Target>,
    },
    /// It is there, and nothing is known of its places.
    Other,
    /// It could not be read, and may be a folder.
    Unreadable,
}

/// Parses pages. Everything else passes.
#[stage(concurrency = 1)]
pub fn parse(file: File<Text>, parser: &mut Parser) -> File<Parsed> {
    parser.parse_file(file)
}

/// Parses one page after the other. What it grows for one it uses again for the next, so that a page costs few allocations.
#[derive(Clone, Debug)]
pub struct Parser {
    rules: Rules,
    tags: TagReader,
    links: Links,
    numbers: Vec<u32>,
}

impl Parser {
    /// A parser of pages. Each worker works with a clone of its own.
    pub fn new(rules: Rules) -> Parser {
        Parser { rules, tags: TagReader::default(), links: Links::default(), numbers: Vec::new() }
    }

    /// Parses a file, if it is a page.
    pub fn parse_file(&mut self, file: File<Text>) -> File<Parsed> {
        let content = match file.content {
            Text::Page(html) => self.parse(&file.name, &html),
            Text::Other => Parsed { known: Known::Other, links: Links::default(), findings: Findings::default() },
            Text::Skipped(why) => {
                let findings = Findings { skipped: vec![(file.name.as_str().into(), why)], ..Findings::default() };
                Parsed { known: Known::Unreadable, links: Links::default(), findings }
            }
        };
        File { name: file.name, content }
    }

    /// Parses the page at `path` of the folder.
    pub fn parse(&mut self, path: &str, html: &str) -> Parsed {
        let Parser { rules, tags, links: looked_at, numbers } = self;
        let Tags { places, links, text, base, refresh } = tags.read(html);
        places.sort();
        let base = match base.as_deref().map(|base| resolve(path, base)) {
            None => Some(Cow::Borrowed(path)),
            Some(Target::Within { path, .. }) => Some(Cow::Owned(path)),
            // A base elsewhere takes every relative link with it.
            Some(Target::External) => None,
        };
        let target = |link: &str| base.as_ref().map_or(Target::External, |base| resolve(base, link));
        looked_at.clear();
        let mut findings = Findings { files: 1, links: links.len() as u64, ..Findings::default() };
        let text_of = |&number: &u32| &text[links[number as usize]];
        numbers.clear();
        numbers.extend(0..links.len() as u32);
        numbers.sort_by_key(text_of);
        for numbers in numbers.chunk_by(|a, b| text_of(a) == text_of(b)) {
            let text = text_of(&numbers[0]);
            match target(text) {
                Target::External => findings.external += numbers.len() as u64,
                Target::Within { path: target, fragment } => {
                    let fragment = fragment.as_deref().filter(|fragment| !rules.ignores(fragment));
                    let is_good_here = target == path && fragment.is_none_or(|name| places.has(name));
                    if !is_good_here {
                        looked_at.push(Link { text, path: &target, fragment, numbers });
                    }
                }
            }
        }
        let refresh = refresh.as_deref().and_then(refresh_url).map(target);
        let known = Known::Page { places: places.clone(), refresh };
        Parsed { known, links: looked_at.clone(), findings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(html: &str) -> Parsed {
        Parser::new(Rules::default()).parse("a/b.html", html)
    }

    /// The links to look at, in the order of the page.
    fn links(page: &Parsed) -> Vec<Link<'_>> {
        let mut links: Vec<_> = page.links.iter().collect();
        links.sort_unstable_by_key(|link| link.numbers);
        links
    }

    fn texts(html: &str) -> Vec<String> {
        links(&parsed(html)).iter().map(|link| link.text.to_owned()).collect()
    }

    #[test]
    fn links_are_href_and_src_of_tags_with_entities_decoded() {
        assert_eq!(
            texts(r#"<a href="c.html?a&amp;b">x</a><IMG SRC='d.png'/><link href=e.css>"#),
            ["c.html?a&b", "d.png", "e.css"]
        );
        assert_eq!(texts(r#"<a title=x href=c.html href=d.html></a href=e.html>"#), ["c.html"]);
        assert_eq!(texts(r#"<use href=c.svg src=d.svg><a data-href=e.html hrefs=f.html>"#), ["c.svg", "d.svg"]);
    }

    #[test]
    fn text_in_comments_scripts_and_styles_has_no_links() {
        let html = r#"<!-- <a href=c.html> --><script>"<a href=d.html>"</script><style><a href=e.html></style>
            <title><a href=f.html></title><iframe src=g.html><a href=h.html></iframe><a href=i.html>"#;
        assert_eq!(texts(html), ["g.html", "i.html"]);
    }

    #[test]
    fn what_stands_in_noscript_are_links() {
        assert_eq!(texts("<noscript><link href=c.css></noscript>"), ["c.css"]);
    }

    #[test]
    fn a_tag_that_the_page_ends_in_is_none() {
        assert_eq!(texts("<a href=c.html><a href=d.html title"), ["c.html"]);
    }

    #[test]
    fn links_within_the_page_are_judged_at_once() {
        let html = "<a href=#x><p id=x><a name='y z'><a href='#y%20z'><a href=#><a href=#top><a href><a href=#no>";
        let page = parsed(html);
        assert_eq!(texts(html), ["#no"]);
        assert_eq!(links(&page)[0].numbers, [5]);
        assert_eq!((page.findings.links, page.findings.external), (6, 0));
    }

    #[test]
    fn a_link_that_stands_in_several_places_is_one() {
        let page = parsed("<a href=c.html><a href=d.html><a href=c.html><a href=//x><a href=//x>");
        let links: Vec<_> = links(&page).iter().map(|link| (link.text, link.numbers)).collect();
        assert_eq!(links, [("c.html", &[0, 2][..]), ("d.html", &[1])]);
        assert_eq!((page.findings.links, page.findings.external), (5, 2));
    }

    #[test]
    fn an_ignored_fragment_needs_no_place() {
        let rules = Rules::ignoring(r"\d+-\d+|x").expect("a regular expression");
        let html = "<a href=#1-2><a href=b.html#x><a href=b.html#xy><a href=#1-2->";
        let page = Parser::new(rules).parse("a.html", html);
        let fragments: Vec<_> = links(&page).iter().map(|link| link.fragment).collect();
        assert_eq!(fragments, [None, Some("xy"), Some("1-2-")]);
    }

    #[test]
    fn a_base_is_where_links_start() {
        let page = parsed("<base href='../'><a href=c.html><a href=//example.org>");
        assert_eq!(links(&page)[0].path, "c.html");
        assert_eq!((page.findings.links, page.findings.external), (2, 1));
        assert_eq!(parsed("<a href=c.html><base href=https://example.org/x/>").findings.external, 1);
    }

    #[test]
    fn a_refresh_is_where_the_page_sends_its_reader() {
        let refresh = |html: &str| match parsed(html).known {
            Known::Page { refresh, .. } => refresh,
            other => panic!("it is a page, not {other:?}"),
        };
        let expected = Target::Within { path: "c.html".into(), fragment: Some("d".into()) };
        assert_eq!(refresh("<meta content='0; url=../c.html#d' http-equiv=Refresh>"), Some(expected));
        assert_eq!(refresh("<meta http-equiv=refresh content=5>"), None);
        assert_eq!(refresh("<meta name=refresh content='0; url=c.html'>"), None);
    }
}
