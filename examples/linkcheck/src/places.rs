//! The places of a page that a fragment can name.

use percent_encoding::percent_decode_str;

use crate::text::{Span, Text};

/// The names of the places of a page, sorted.
#[derive(Clone, Debug, Default)]
pub struct Places {
    text: Text,
    names: Vec<Span>,
}

impl Places {
    /// Adds a place. It is found once the places are [sorted](Self::sort).
    pub fn add(&mut self, name: &str) {
        self.names.push(self.text.push(name));
    }

    /// All places are there.
    pub fn sort(&mut self) {
        let Places { text, names } = self;
        names.sort_unstable_by(|&a, &b| text[a].cmp(&text[b]));
    }

    /// Forgets all places, and keeps their memory.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.names.clear();
    }

    /// Whether `fragment` names a place, as it stands or percent-decoded.
    pub fn has(&self, fragment: &str) -> bool {
        let find = |wanted: &str| self.names.binary_search_by(|&name| self.text[name].cmp(wanted)).is_ok();
        find(fragment) || fragment.contains('%') && find(&percent_decode_str(fragment).decode_utf8_lossy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_by_its_whole_name() {
        let mut places = Places::default();
        ["x", "y z", "100%", "ü", "x"].into_iter().for_each(|name| places.add(name));
        places.sort();
        for fragment in ["x", "y z", "y%20z", "100%", "100%25", "ü", "%C3%BC"] {
            assert!(places.has(fragment), "{fragment}");
        }
        for fragment in ["", "X", "xy", "y", "%", "y%2520z"] {
            assert!(!places.has(fragment), "{fragment}");
        }
    }
}
