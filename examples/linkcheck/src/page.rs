//! What a page says of itself: the places that can be linked to, and its links.

use std::convert::Infallible;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};
use percent_encoding::percent_decode_str;
use taktline::prelude::*;

use crate::files::{File, Text};
use crate::target::{Target, resolve};

/// What a file is to the check.
#[derive(Debug)]
pub enum Parsed {
    /// A page, with its links.
    Page(Page),
    /// A file that can be linked to, and has no links of its own.
    Other,
    /// Skipped, and why.
    Skipped(String),
}

/// A page.
#[derive(Debug, Default)]
pub struct Page {
    /// The places that can be linked to.
    pub places: Places,
    /// Where the page sends its reader at once, if it does.
    pub refresh: Option<Target>,
    /// The links that need a look at another page, in the order of the page.
    pub links: Vec<Link>,
    /// All links.
    pub link_count: u64,
    /// Those that lead out of the folder.
    pub external_count: u64,
}

/// A link into the folder.
#[derive(Debug)]
pub struct Link {
    /// Which link of its page it is.
    pub number: u32,
    /// As it stands in the page, entities decoded.
    pub text: Box<str>,
    /// The path of the target in the folder.
    pub path: Box<str>,
    /// The place in the target.
    pub fragment: Option<Box<str>>,
}

/// The names of the places of a page: sorted, in one string.
#[derive(Debug, Default)]
pub struct Places {
    text: String,
    spans: Vec<(u32, u32)>,
}

impl Places {
    fn add(&mut self, name: &str) {
        let start = self.text.len() as u32;
        self.text.push_str(name);
        self.spans.push((start, self.text.len() as u32));
    }

    fn sort(&mut self) {
        let Places { text, spans } = self;
        spans.sort_unstable_by_key(|&span| name(text, span));
        text.shrink_to_fit();
        spans.shrink_to_fit();
    }

    /// Whether a place has that name, as it stands or percent-decoded.
    pub fn has(&self, fragment: &str) -> bool {
        let find = |wanted: &str| self.spans.binary_search_by_key(&wanted, |&span| name(&self.text, span)).is_ok();
        find(fragment) || fragment.contains('%') && find(&percent_decode_str(fragment).decode_utf8_lossy())
    }
}

fn name(text: &str, (start, end): (u32, u32)) -> &str {
    &text[start as usize..end as usize]
}

/// Parses pages. Everything else passes.
#[stage(concurrency = 1)]
pub fn parse(file: File<Text>) -> File<Parsed> {
    let content = match file.content {
        Text::Page(html) => Parsed::Page(parse_page(&file.name, &html)),
        Text::Other => Parsed::Other,
        Text::Skipped(why) => Parsed::Skipped(why),
    };
    File { name: file.name, content }
}

/// Parses the page at `path` of the folder.
pub fn parse_page(path: &str, html: &str) -> Page {
    let mut reader = Reader::default();
    let mut emitter = CallbackEmitter::<_, Infallible>::new(|event: CallbackEvent<'_>, _: Span<()>| {
        reader.on(event);
        None
    });
    // Without this the text of a script would be read as tags.
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(html, emitter).finish();
    reader.into_page(path)
}

/// Collects what matters of a page's tags.
#[derive(Default)]
struct Reader {
    tag: Tag,
    places: Places,
    texts: Vec<String>,
    base: Option<String>,
    refresh: Option<String>,
}

/// The start tag that is being read.
#[derive(Default)]
struct Tag {
    is_open: bool,
    name: Vec<u8>,
    attribute: Attribute,
    has_value: bool,
    link: Option<String>,
    is_refresh: bool,
    content: Option<String>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Attribute {
    #[default]
    Other,
    Link,
    Id,
    Name,
    HttpEquiv,
    Content,
}

impl Reader {
    fn on(&mut self, event: CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                let Tag { name: mut buffer, .. } = std::mem::take(&mut self.tag);
                buffer.clear();
                buffer.extend_from_slice(name);
                self.tag.name = buffer;
                self.tag.is_open = true;
            }
            CallbackEvent::AttributeName { name } if self.tag.is_open => {
                self.end_attribute();
                self.tag.has_value = false;
                self.tag.attribute = match name {
                    b"href" | b"src" => Attribute::Link,
                    b"id" => Attribute::Id,
                    b"name" if self.tag.name == b"a" => Attribute::Name,
                    b"http-equiv" if self.tag.name == b"meta" => Attribute::HttpEquiv,
                    b"content" if self.tag.name == b"meta" => Attribute::Content,
                    _ => Attribute::Other,
                };
            }
            CallbackEvent::AttributeValue { value } if self.tag.is_open && self.tag.attribute != Attribute::Other => {
                self.tag.has_value = true;
                self.value(&String::from_utf8_lossy(value));
            }
            CallbackEvent::CloseStartTag { .. } if self.tag.is_open => {
                self.end_attribute();
                self.end_tag();
            }
            CallbackEvent::EndTag { .. } => self.tag.is_open = false,
            _ => {}
        }
    }

    /// An attribute without a value has an empty one.
    fn end_attribute(&mut self) {
        if self.tag.attribute == Attribute::Link && !self.tag.has_value {
            self.value("");
        }
        self.tag.attribute = Attribute::Other;
    }

    fn value(&mut self, value: &str) {
        match self.tag.attribute {
            Attribute::Link => drop(self.tag.link.get_or_insert_with(|| value.to_owned())),
            Attribute::Id | Attribute::Name => self.places.add(value),
            Attribute::HttpEquiv => self.tag.is_refresh = value.eq_ignore_ascii_case("refresh"),
            Attribute::Content => self.tag.content = Some(value.to_owned()),
            Attribute::Other => {}
        }
    }

    fn end_tag(&mut self) {
        self.tag.is_open = false;
        match self.tag.link.take() {
            Some(link) if self.tag.name == b"base" => drop(self.base.get_or_insert(link)),
            Some(link) => self.texts.push(link),
            None => {}
        }
        if self.tag.is_refresh && self.refresh.is_none() {
            self.refresh = self.tag.content.as_deref().and_then(refresh_url).map(str::to_owned);
        }
    }

    fn into_page(self, path: &str) -> Page {
        let Reader { mut places, texts, base, refresh, .. } = self;
        places.sort();
        let base = base.map(|base| resolve(path, &base));
        let resolve = |link: &str| match &base {
            // A base elsewhere takes every relative link with it.
            Some(Target::External) => Target::External,
            Some(Target::Within { path, .. }) => resolve(path, link),
            None => resolve(path, link),
        };
        let mut page = Page { refresh: refresh.map(|url| resolve(&url)), ..Page::default() };
        page.link_count = texts.len() as u64;
        for (number, text) in (0..).zip(texts) {
            match resolve(&text) {
                Target::External => page.external_count += 1,
                Target::Within { path: target, fragment } => {
                    let is_good_here = target == path && fragment.as_ref().is_none_or(|name| places.has(name));
                    if !is_good_here {
                        let (path, fragment) = (target.into(), fragment.map(Into::into));
                        page.links.push(Link { number, text: text.into(), path, fragment });
                    }
                }
            }
        }
        page.places = places;
        page
    }
}

/// The address in the content of `<meta http-equiv="refresh">`, such as `0; URL=x.html`.
fn refresh_url(content: &str) -> Option<&str> {
    let (_, url) = content.split_once([';', ','])?;
    let url = url.trim_start();
    let url = match url.get(..3) {
        Some(word) if word.eq_ignore_ascii_case("url") => url[3..].trim_start().strip_prefix('=')?.trim(),
        _ => url.trim(),
    };
    let url = url.trim_matches(['"', '\'']);
    (!url.is_empty()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(html: &str) -> Vec<String> {
        parse_page("a/b.html", html).links.iter().map(|link| link.text.to_string()).collect()
    }

    #[test]
    fn links_are_href_and_src_of_tags_with_entities_decoded() {
        assert_eq!(
            texts(r#"<a href="c.html?a&amp;b">x</a><IMG SRC='d.png'/><link href=e.css>"#),
            ["c.html?a&b", "d.png", "e.css"]
        );
        assert_eq!(texts(r#"<a title=x href=c.html href=d.html></a href=e.html>"#), ["c.html"]);
    }

    #[test]
    fn text_in_comments_and_scripts_has_no_links() {
        let html = r#"<!-- <a href=c.html> --><script>"<a href=d.html>"</script><style><a href=e.html></style>
            <title><a href=f.html></title><a href=g.html>"#;
        assert_eq!(texts(html), ["g.html"]);
    }

    #[test]
    fn links_within_the_page_are_judged_at_once() {
        let html = "<a href=#x><p id=x><a name='y z'><a href='#y%20z'><a href=#><a href=#top><a href><a href=#no>";
        let page = parse_page("a/b.html", html);
        assert_eq!(page.links.iter().map(|link| (link.number, &*link.text)).collect::<Vec<_>>(), [(5, "#no")]);
        assert_eq!((page.link_count, page.external_count), (6, 0));
    }

    #[test]
    fn a_base_is_where_links_start() {
        let page = parse_page("a/b.html", "<base href='../'><a href=c.html><a href=//example.org>");
        assert_eq!(&*page.links[0].path, "c.html");
        assert_eq!((page.link_count, page.external_count), (2, 1));
    }

    #[test]
    fn a_refresh_names_a_target() {
        for content in ["0;URL=../c.html#d", "0; url = '../c.html#d'", "0, ../c.html#d"] {
            let page = parse_page("a/b.html", &format!("<meta content=\"{content}\" http-equiv=Refresh>"));
            let expected = Target::Within { path: "c.html".to_owned(), fragment: Some("d".to_owned()) };
            assert_eq!(page.refresh, Some(expected), "{content}");
        }
        assert_eq!(parse_page("b.html", "<meta http-equiv=refresh content=5>").refresh, None);
    }
}
