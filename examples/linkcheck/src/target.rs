//! Where a link leads.

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
    let link: String = link.trim().chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    if link.starts_with("//") || has_scheme(&link) {
        return Target::External;
    }
    let (rest, fragment) = match link.split_once('#') {
        Some((rest, fragment)) => (rest, names_place(fragment)),
        None => (link.as_str(), None),
    };
    let path = rest.split_once('?').map_or(rest, |(path, _)| path);
    let path = if path.is_empty() { base.to_owned() } else { join(base, path) };
    Target::Within { path, fragment }
}

/// The path from a page's base to `path`, which is not empty.
fn join(base: &str, path: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !path.starts_with('/') {
        let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
        parts.extend(folder.split('/').filter(|part| !part.is_empty()).map(str::to_owned));
    }
    let mut is_folder = true;
    for part in path.split('/') {
        let part = percent_decode_str(part).decode_utf8_lossy();
        is_folder = matches!(&*part, "" | "." | "..");
        match &*part {
            "" | "." => {}
            // A web server has nothing above its root, and a browser stays there.
            ".." => drop(parts.pop()),
            _ => parts.push(part.into_owned()),
        }
    }
    if is_folder {
        parts.push("index.html".to_owned());
    }
    parts.join("/")
}

fn names_place(fragment: &str) -> Option<String> {
    // What follows `:~:` is a directive to the browser, and names no place.
    let fragment = fragment.split_once(":~:").map_or(fragment, |(place, _)| place);
    let is_top = fragment.is_empty() || fragment.eq_ignore_ascii_case("top");
    (!is_top).then(|| fragment.to_owned())
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
}
