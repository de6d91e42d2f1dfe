//! Stages and edges as the outline of a plan meets them: each after what reads its items.

use super::counted;
use crate::ledger::Kind;

/// Which node of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At(usize);

/// What takes the items of what is met next.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(super) at: At,
    /// The places of its edge. None if it is fused.
    pub(super) buffer: Option<usize>,
    /// Which of several readers it is.
    pub(super) which: Option<String>,
}

/// What becomes a row of the report.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) notes: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) from: At,
    pub(super) reader: Reader,
}

impl Link {
    pub(super) fn label(&self) -> Option<String> {
        let Reader { buffer, which, .. } = &self.reader;
        let places = buffer.map(|buffer| counted(buffer, "place"));
        match (which, places) {
            (Some(which), Some(places)) => Some(format!("{which}, {places}")),
            (which, places) => which.clone().or(places),
        }
    }
}

/// What an outline has met. Its readers are those of what it meets next.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    reserved: usize,
    nodes: Vec<Node>,
    links: Vec<Link>,
    pub(crate) readers: Vec<Reader>,
}

impl Graph {
    /// A node that is met later: what it reads and what reads it may be met before.
    pub(crate) fn reserve(&mut self) -> At {
        self.reserved += 1;
        At(self.reserved)
    }

    /// Meets the node that was reserved, with what reads its items.
    pub(crate) fn meet(&mut self, at: At, name: &str, kind: Kind, readers: Vec<Reader>) {
        let name = self.free_name(&name.replace(char::is_control, " "));
        self.nodes.push(Node { at, name, kind, notes: Vec::new() });
        self.links.extend(readers.into_iter().map(|reader| Link { from: at, reader }));
    }

    /// Adds to what is told of the node that was met last.
    pub(crate) fn note(&mut self, note: String) {
        if let Some(node) = self.nodes.last_mut() {
            node.notes.push(note);
        }
    }

    /// What is met next is read by `at` only.
    pub(crate) fn read_by(&mut self, at: At, buffer: Option<usize>) {
        self.readers = vec![Reader { at, buffer, which: None }];
    }

    /// What is met next is read by `at`, too.
    pub(crate) fn read_also_by(&mut self, at: At, buffer: Option<usize>, which: String) {
        self.readers.push(Reader { at, buffer, which: Some(which) });
    }

    pub(super) fn into_parts(self) -> (Vec<Node>, Vec<Link>) {
        (self.nodes, self.links)
    }

    /// Names are told apart as the run that is built in the same order does it.
    fn free_name(&self, name: &str) -> String {
        let same =
            |node: &&Node| node.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'));
        match self.nodes.iter().filter(same).count() {
            0 => name.to_owned(),
            n => format!("{name}#{}", n + 1),
        }
    }
}

impl Reader {
    /// Names the branch that a reader is.
    pub(crate) fn of_branch(self, branch: usize) -> Reader {
        let which = match self.which {
            Some(which) => format!("branch {branch}, {which}"),
            None => format!("branch {branch}"),
        };
        Reader { which: Some(which), ..self }
    }
}
