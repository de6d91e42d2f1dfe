//! What is not checked.

use regex::Regex;

/// What is not checked.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    ignored_fragments: Option<Regex>,
}

impl Rules {
    /// Ignores the fragments that `pattern` matches as a whole, without their `#`.
    ///
    /// # Errors
    /// If `pattern` is no regular expression.
    pub fn ignoring(pattern: &str) -> Result<Rules, regex::Error> {
        // Alone first: what is no expression by itself must not become one inside of the other.
        Regex::new(pattern)?;
        Ok(Rules { ignored_fragments: Some(Regex::new(&format!(r"\A(?:{pattern})\z"))?) })
    }

    /// Whether `fragment` may lead anywhere.
    pub fn ignores(&self, fragment: &str) -> bool {
        self.ignored_fragments.as_ref().is_some_and(|pattern| pattern.is_match(fragment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_fragment() {
        let rules = Rules::ignoring("a|b.").expect("a regular expression");
        assert!(["a", "bc"].into_iter().all(|fragment| rules.ignores(fragment)));
        assert!(["", "ab", "b", "xa", "a\n", "a\nx"].into_iter().all(|fragment| !rules.ignores(fragment)));
        assert!(!Rules::default().ignores("a"));
    }

    #[test]
    fn half_an_expression_is_an_error() {
        assert!(["(", "a)(?:b", "["].into_iter().all(|pattern| Rules::ignoring(pattern).is_err()));
    }
}
