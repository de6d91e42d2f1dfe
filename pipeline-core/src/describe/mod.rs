//! What a plan says of itself before it runs: its stages and its edges, as text and as a picture.
//!
//! The outline of a plan meets them from the sinks to the sources. A [`Description`] tells them from the sources to the
//! sinks, as a report does, and under the same names.

mod draw;
mod graph;

use std::fmt;

pub(crate) use graph::{At, Graph, Reader};
use graph::{Link, Node};

/// The stages and edges of a plan, made by [`Pipeline::describe`](crate::run::Pipeline::describe) and
/// [`Flow::describe`](crate::flow::Flow::describe) without a run.
///
/// It tells for every row that the report of a run will have: its name and what it stands for, its workers, its order, its
/// policies, and where its items go, with the places of each edge. What is fused has no edge. The same plan is always
/// described in the same way. What is added while a plan runs, such as the inputs of a growing merge, is not in it; the
/// settings of a plan that cannot run are.
///
/// `Display` is text, [`mermaid`](Self::mermaid) and [`dot`](Self::dot) are for tools that draw.
///
/// ```
/// use taktline::prelude::*;
///
/// #[stage(concurrency = 4, retry = 2)]
/// async fn fetch(x: u64) -> Result<u64, String> {
///     Ok(x)
/// }
///
/// let plan = iter(0..9u64).then(fetch()).map(|x| x + 1).collect::<Vec<_>>();
/// let text = "\
/// at most 25 items in flight
/// iter (source)
///   -> fetch: 16 places
/// fetch (stage): 4 workers, in order, window 8, retry 2, backoff 100ms
///   -> map
/// map (fused)
///   -> collect
/// collect (sink)
/// ";
/// assert_eq!(plan.describe().to_string(), text);
/// ```
#[derive(Clone, Debug)]
pub struct Description {
    bound: usize,
    /// From the sources to the sinks.
    nodes: Vec<Node>,
    links: Vec<Link>,
}

impl Description {
    pub(crate) fn new(graph: Graph, bound: usize) -> Description {
        let (mut nodes, links) = graph.into_parts();
        nodes.reverse();
        Description { bound, nodes, links }
    }

    /// The links that begin at a node.
    fn links_from(&self, from: At) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(move |link| link.from == from)
    }

    /// Which of the nodes, from the sources on.
    fn position(&self, at: At) -> usize {
        self.nodes.iter().position(|node| node.at == at).expect("a link ends at a node of the plan")
    }

    fn in_flight(&self) -> String {
        format!("at most {} in flight", counted(self.bound, "item"))
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.in_flight())?;
        for node in &self.nodes {
            write!(f, "{} ({})", node.name, node.kind)?;
            if !node.notes.is_empty() {
                write!(f, ": {}", node.notes.join(", "))?;
            }
            writeln!(f)?;
            for link in self.links_from(node.at) {
                write!(f, "  -> {}", self.nodes[self.position(link.reader.at)].name)?;
                if let Some(label) = link.label() {
                    write!(f, ": {label}")?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

/// A number of things, one or more of them.
pub(crate) fn counted(n: usize, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}
