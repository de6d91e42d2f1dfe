//! Many short strings in one allocation.

use std::ops::Index;

/// Strings one behind the other. Each is known by its [`Span`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Text(String);

/// Where a string stands in a [`Text`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Text {
    /// Adds `string`.
    pub(crate) fn push(&mut self, string: &str) -> Span {
        let start = self.end();
        self.0.push_str(string);
        Span { start, end: self.end() }
    }

    /// Forgets all strings, and keeps their memory.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    fn end(&self) -> u32 {
        u32::try_from(self.0.len()).expect("what one page says is shorter than 4 GiB")
    }
}

impl Index<Span> for Text {
    type Output = str;

    fn index(&self, Span { start, end }: Span) -> &str {
        &self.0[start as usize..end as usize]
    }
}
