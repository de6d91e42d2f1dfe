//! Where a link leads.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To another host, or by another scheme than files have.
    External,
    /// Into the folder.
    Within {
        /// The path in the folder, without `.`, `..` and percent-encoding; a path that ends in `/` ends in `index.html` here.
        path: String,
        /// What follows the `#`, if that names a place: not for `#` alone and `#top`.
        fragment: Option<String>,
    },
}

/// Where `link` leads from a page whose base is `base`, a path in the folder.
pub fn resolve(base: &str, link: &str) -> Target {
    let link = cleaned(link);
    if link.starts_with("//") || has_scheme(&link) {
        return Target::External;
    }
    let (rest, fragment) = match link.split_once('#') {
        Some((rest, fragment)) => (rest, names_place(fragment)),
        None => (&*link, None),
    };
    let path = rest.split_once('?').map_or(rest, |(path, _)| path);
    let path = if path.is_empty() { base.to_owned() } else { join(base, path) };
    Target::Within { path, fragment: fragment.map(str::to_owned) }
}

/// The address in the content of `<meta http-equiv="refresh">`, such as `0; URL=x.html`.
pub(crate) fn refresh_url(content: &str) -> Option<&str> {
    let (_, url) = content.split_once([';', ','])?;
    let url = url.trim_start();
    let is_named = url.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("url"));
    let named = if is_named { url[3..].trim_start().strip_prefix('=') } else { None };
    let url = named.unwrap_or(url).trim();
    let url = match url.chars().next()? {
        quote @ ('"' | '\'') => url[1..].split(quote).next()?,
        _ => url,
    };
    (!url.is_empty()).then_some(url)
}

/// Without what a browser takes away: blanks at both ends, and line ends anywhere.
fn cleaned(link: &str) -> Cow<'_, str> {
    let link = link.trim_matches(|c| c <= ' ');
    let is_dropped = |c| matches!(c, '\t' | '\n' | '\r');
    if link.contains(is_dropped) { Cow::Owned(link.replace(is_dropped, "")) } else { Cow::Borrowed(link) }
}

/// The path from a page's base to `path`, which is not empty.
fn join(base: &str, path: &str) -> String {
    let folder = base.rfind('/').map_or("", |end| &base[..end]);
    let mut joined = String::with_capacity(folder.len() + path.len() + "/index.html".len());
    if !path.starts_with('/') {
        joined.push_str(folder);
    }
    let mut is_folder = true;
    for part in path.split('/') {
        let part = percent_decode_str(part).decode_utf8_lossy();
        is_folder = matches!(&*part, "" | "." | "..");
        match &*part {
            "" | "." => {}
            // A web server has nothing above its root, and a browser stays there.
            ".." => joined.truncate(joined.rfind('/').unwrap_or(0)),
            part => push_part(&mut joined, part),
        }
    }
    if is_folder {
        push_part(&mut joined, "index.html");
    }
    joined
}

fn push_part(path: &mut String, part: &str) {
    if !path.is_empty() {
        path.push('/');
    }
    path.push_str(part);
}

fn names_place(fragment: &str) -> Option<&str> {
    // What follows `:~:` is a directive to the browser, and names no place.
    let fragment = fragment.split_once(":~:").map_or(fragment, |(place, _)| place);
    let is_top = fragment.is_empty() || fragment.eq_ignore_ascii_case("top");
    (!is_top).then_some(fragment)
}

fn has_scheme(link: &str) -> bool {
    link.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(base: &str, link: &str) -> (String, Option<String>) {
        match resolve(base, link) {
            Target::Within { path, fragment } => (path, fragment),
            Target::External => panic!("{link} leads into the folder"),
        }
    }

    #[test]
    fn a_link_with_a_scheme_or_a_host_is_external() {
        for link in ["https://example.org/", "//example.org/a", "mailto:a@example.org", "data:,x", "javascript:x()"] {
            assert_eq!(resolve("a/b.html", link), Target::External, "{link}");
        }
    }

    #[test]
    fn paths_are_joined_to_the_page() {
        assert_eq!(within("a/b.html", "c.html").0, "a/c.html");
        assert_eq!(within("a/b.html", "../c.html").0, "c.html");
        assert_eq!(within("a/b.html", "/c.html").0, "c.html");
        assert_eq!(within("a/b.html", "./d/./c.html?x=1/2").0, "a/d/c.html");
        assert_eq!(within("a/b.html", "../../../c.html").0, "c.html");
        assert_eq!(within("a/b.html", "c%20d/%2e%2e/e%23.html").0, "a/e#.html");
        assert_eq!(within("a/b.html", " c\n.html ").0, "a/c.html");
        assert_eq!(within("a/b.html", "x/y:z.html").0, "a/x/y:z.html");
    }

    #[test]
    fn a_folder_is_its_index() {
        for (link, path) in [("c/", "a/c/index.html"), (".", "a/index.html"), ("..", "index.html"), ("/", "index.html")]
        {
            assert_eq!(within("a/b.html", link).0, path, "{link}");
        }
    }

    #[test]
    fn only_what_names_a_place_is_a_fragment() {
        assert_eq!(within("b.html", ""), ("b.html".to_owned(), None));
        assert_eq!(within("b.html", "?q"), ("b.html".to_owned(), None));
        for link in ["#", "#top", "#TOP", "#:~:text=x"] {
            assert_eq!(within("b.html", link), ("b.html".to_owned(), None), "{link}");
        }
        assert_eq!(within("b.html", "c.html#d?e#f"), ("c.html".to_owned(), Some("d?e#f".to_owned())));
    }

    #[test]
    fn a_refresh_names_its_address() {
        for content in ["0;URL=c.html#d", "0; url = 'c.html#d'", "0, c.html#d", "5;url=\"c.html#d\" ", "0;'c.html#d'x"]
        {
            assert_eq!(refresh_url(content), Some("c.html#d"), "{content}");
        }
        assert_eq!(refresh_url("0; urls.html"), Some("urls.html"));
        for content in ["", "5", "5;", "0; url=", "0; url=''"] {
            assert_eq!(refresh_url(content), None, "{content}");
        }
    }
}
