//! What a page's start tags say. Text and comments are passed over.

use std::convert::Infallible;
use std::ops::Range;

use html5gum::{Emitter, Error, State, Tokenizer};

use crate::places::Places;
use crate::text::{Span, Text};

/// What the start tags of a page say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tags {
    /// Each `id`, and each `name` of an `<a>`; not sorted.
    pub(crate) places: Places,
    /// Each `href` and `src`, with entities decoded.
    pub(crate) links: Vec<Span>,
    pub(crate) text: Text,
    /// The address that relative links start from, if it is not the page's own.
    pub(crate) base: Option<String>,
    /// The `content` of the first `<meta http-equiv="refresh">`.
    pub(crate) refresh: Option<String>,
}

impl Tags {
    fn clear(&mut self) {
        let Tags { places, links, text, base, refresh } = self;
        places.clear();
        links.clear();
        text.clear();
        (*base, *refresh) = (None, None);
    }

    /// Adds a start tag.
    fn add(&mut self, element: &[u8], attributes: &[(Attribute, Range<usize>)], values: &[u8]) {
        let (mut is_refresh, mut content) = (false, None);
        for (attribute, span) in attributes {
            let value = String::from_utf8_lossy(&values[span.clone()]);
            match (attribute, element) {
                (Attribute::Href, b"base") => drop(self.base.get_or_insert_with(|| value.into_owned())),
                (Attribute::Href | Attribute::Src, _) => self.links.push(self.text.push(&value)),
                (Attribute::Id, _) | (Attribute::Name, b"a") => self.places.add(&value),
                (Attribute::HttpEquiv, b"meta") => is_refresh = value.eq_ignore_ascii_case("refresh"),
                (Attribute::Content, b"meta") => content = Some(value),
                _ => {}
            }
        }
        if is_refresh && self.refresh.is_none() {
            self.refresh = content.map(String::from);
        }
    }
}

/// Reads the tags of one page after the other, and keeps its memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct TagReader {
    tags: Tags,
    /// The name of the last start tag: its end tag ends what is in it.
    last: Vec<u8>,
    /// The tag that is being read. One that the page ends in is none.
    tag: Tag,
}

#[derive(Clone, Debug, Default)]
struct Tag {
    is_start: bool,
    name: Vec<u8>,
    /// Those that matter, each once: the first of one name counts.
    attributes: Vec<(Attribute, Range<usize>)>,
    values: Vec<u8>,
    /// The name of the attribute that is being read, and where its value starts.
    attribute: Vec<u8>,
    value: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Attribute {
    Href,
    Src,
    Id,
    Name,
    HttpEquiv,
    Content,
}

impl TagReader {
    pub(crate) fn read(&mut self, html: &str) -> &mut Tags {
        self.tags.clear();
        self.last.clear();
        let Ok(()) = Tokenizer::new_with_emitter(html, Events(self)).finish();
        &mut self.tags
    }
}

impl Tag {
    fn start(&mut self, is_start: bool) {
        self.is_start = is_start;
        self.name.clear();
        self.attributes.clear();
        self.values.clear();
        self.attribute.clear();
        self.value = 0;
    }

    fn end_attribute(&mut self) {
        let attribute = match &*self.attribute {
            b"href" => Some(Attribute::Href),
            b"src" => Some(Attribute::Src),
            b"id" => Some(Attribute::Id),
            b"name" => Some(Attribute::Name),
            b"http-equiv" => Some(Attribute::HttpEquiv),
            b"content" => Some(Attribute::Content),
            _ => None,
        };
        let new = attribute.filter(|new| self.attributes.iter().all(|(known, _)| known != new));
        match new {
            Some(new) => self.attributes.push((new, self.value..self.values.len())),
            None => self.values.truncate(self.value),
        }
        self.attribute.clear();
        self.value = self.values.len();
    }
}

/// How the text in an element is to be read, if not as any other.
fn text_in(element: &[u8]) -> Option<State> {
    match element {
        b"script" => Some(State::ScriptData),
        // Not `noscript`: this program runs no scripts, so what is in it are tags.
        b"style" | b"xmp" | b"iframe" | b"noembed" | b"noframes" => Some(State::RawText),
        b"title" | b"textarea" => Some(State::RcData),
        b"plaintext" => Some(State::PlainText),
        _ => None,
    }
}

/// What the tokenizer tells.
struct Events<'a>(&'a mut TagReader);

impl Emitter for Events<'_> {
    type Token = Infallible;

    fn init_start_tag(&mut self) {
        self.0.tag.start(true);
    }

    fn init_end_tag(&mut self) {
        self.0.tag.start(false);
    }

    fn push_tag_name(&mut self, name: &[u8]) {
        self.0.tag.name.extend_from_slice(name);
    }

    fn init_attribute(&mut self) {
        self.0.tag.end_attribute();
    }

    fn push_attribute_name(&mut self, name: &[u8]) {
        self.0.tag.attribute.extend_from_slice(name);
    }

    fn push_attribute_value(&mut self, value: &[u8]) {
        self.0.tag.values.extend_from_slice(value);
    }

    fn emit_current_tag(&mut self) -> Option<State> {
        let TagReader { tags, last, tag } = &mut *self.0;
        last.clear();
        if !tag.is_start {
            return None;
        }
        tag.end_attribute();
        last.extend_from_slice(&tag.name);
        tags.add(&tag.name, &tag.attributes, &tag.values);
        text_in(&tag.name)
    }

    fn current_is_appropriate_end_tag_token(&mut self) -> bool {
        let TagReader { last, tag, .. } = &*self.0;
        !tag.is_start && !last.is_empty() && *last == tag.name
    }

    fn set_last_start_tag(&mut self, last: Option<&[u8]>) {
        self.0.last = last.unwrap_or_default().to_vec();
    }

    fn should_emit_errors(&mut self) -> bool {
        false
    }

    fn pop_token(&mut self) -> Option<Infallible> {
        None
    }

    fn emit_eof(&mut self) {}
    fn emit_error(&mut self, _: Error) {}
    fn emit_string(&mut self, _: &[u8]) {}
    fn set_self_closing(&mut self) {}
    fn init_comment(&mut self) {}
    fn push_comment(&mut self, _: &[u8]) {}
    fn emit_current_comment(&mut self) {}
    fn init_doctype(&mut self) {}
    fn push_doctype_name(&mut self, _: &[u8]) {}
    fn set_force_quirks(&mut self) {}
    fn set_doctype_public_identifier(&mut self, _: &[u8]) {}
    fn set_doctype_system_identifier(&mut self, _: &[u8]) {}
    fn push_doctype_public_identifier(&mut self, _: &[u8]) {}
    fn push_doctype_system_identifier(&mut self, _: &[u8]) {}
    fn emit_current_doctype(&mut self) {}
}
