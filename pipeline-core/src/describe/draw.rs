//! Descriptions in the languages of tools that draw.

use std::fmt::Write;

use super::Description;
use super::graph::Node;
use crate::ledger::Kind;

impl Description {
    /// The plan as a flowchart of [Mermaid](https://mermaid.js.org), which many pages of Markdown draw.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// let plan = iter(0..9u64).then(|x| async move { x + 1 }).count();
    /// let text = r#"flowchart LR
    ///   %% at most 18 items in flight
    ///   n0(["iter"])
    ///   n1["then<br>1 worker"]
    ///   n2[["count"]]
    ///   n0 -->|"16 places"| n1
    ///   n1 --> n2
    /// "#;
    /// assert_eq!(plan.describe().mermaid(), text);
    /// ```
    pub fn mermaid(&self) -> String {
        let mut text = format!("flowchart LR\n  %% {}\n", self.in_flight());
        for (number, node) in self.nodes.iter().enumerate() {
            let (open, close) = match node.kind {
                Kind::Source => ("([", "])"),
                Kind::Stage => ("[", "]"),
                Kind::Fused => ("(", ")"),
                Kind::Join | Kind::Split => ("{{", "}}"),
                Kind::Sink => ("[[", "]]"),
            };
            let lines = lines(node).map(|line| escaped_for_mermaid(&line)).collect::<Vec<_>>().join("<br>");
            line(&mut text, format_args!("n{number}{open}\"{lines}\"{close}"));
        }
        self.each_link(|from, to, label| match label {
            Some(label) => line(&mut text, format_args!("n{from} -->|\"{label}\"| n{to}")),
            None => line(&mut text, format_args!("n{from} --> n{to}")),
        });
        text
    }

    /// The plan as a digraph in the DOT language of [Graphviz](https://graphviz.org).
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// let plan = iter(0..9u64).then(|x| async move { x + 1 }).count();
    /// let text = r#"digraph plan {
    ///   rankdir=LR
    ///   label="at most 18 items in flight"
    ///   n0 [label="iter", shape=ellipse]
    ///   n1 [label="then\n1 worker", shape=box]
    ///   n2 [label="count", shape=doubleoctagon]
    ///   n0 -> n1 [label="16 places"]
    ///   n1 -> n2
    /// }
    /// "#;
    /// assert_eq!(plan.describe().dot(), text);
    /// ```
    pub fn dot(&self) -> String {
        let mut text = format!("digraph plan {{\n  rankdir=LR\n  label=\"{}\"\n", self.in_flight());
        for (number, node) in self.nodes.iter().enumerate() {
            let shape = match node.kind {
                Kind::Source => "ellipse",
                Kind::Stage => "box",
                Kind::Fused => "plain",
                Kind::Join | Kind::Split => "hexagon",
                Kind::Sink => "doubleoctagon",
            };
            let lines = lines(node).map(|line| escaped_for_dot(&line)).collect::<Vec<_>>().join("\\n");
            line(&mut text, format_args!("n{number} [label=\"{lines}\", shape={shape}]"));
        }
        self.each_link(|from, to, label| match label {
            Some(label) => line(&mut text, format_args!("n{from} -> n{to} [label=\"{label}\"]")),
            None => line(&mut text, format_args!("n{from} -> n{to}")),
        });
        text.push_str("}\n");
        text
    }

    /// The numbers of the two nodes of each link, and its label, in the order of the nodes.
    fn each_link(&self, mut tell: impl FnMut(usize, usize, Option<String>)) {
        for (from, node) in self.nodes.iter().enumerate() {
            self.links_from(node.at).for_each(|link| tell(from, self.position(link.reader.at), link.label()));
        }
    }
}

/// The name of a node, and what is told of it.
fn lines(node: &Node) -> impl Iterator<Item = String> {
    let notes = Some(node.notes.join(", ")).filter(|notes| !notes.is_empty());
    std::iter::once(node.name.clone()).chain(notes)
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "  {line}").expect("a string takes every line");
}

/// Mermaid has entities that begin with a `#` instead of a `&`, and reads HTML in what is quoted.
fn escaped_for_mermaid(line: &str) -> String {
    let mut escaped = String::new();
    for c in line.chars() {
        match c {
            '"' | '#' | '&' | '<' | '>' | '`' | '\\' => write!(escaped, "#{};", u32::from(c)).expect("it is a string"),
            _ => escaped.push(c),
        }
    }
    escaped
}

fn escaped_for_dot(line: &str) -> String {
    line.replace('\\', "\\\\").replace('"', "\\\"")
}
