//! The settings of a stage, and what they mean for its pool.

use std::borrow::Cow;
use std::time::Duration;

use super::pool::Limits;
use crate::describe::counted;
use crate::edge::DEFAULT_BUFFER;
use crate::plan::Outline;
use crate::run::Node;

/// What can be set on a stage value. Made by the attributes and by the builder methods.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) name: Cow<'static, str>,
    pub(crate) concurrency: Option<usize>,
    pub(crate) window: Option<usize>,
    pub(crate) is_unordered: bool,
    /// The order of each key is kept, and no other.
    pub(crate) has_keys: bool,
    pub(crate) buffer: Option<usize>,
    /// How long a worker may take to close.
    pub(crate) close_within: Option<Duration>,
}

impl Settings {
    pub(crate) fn new(name: impl Into<Cow<'static, str>>) -> Settings {
        Settings {
            name: name.into(),
            concurrency: None,
            window: None,
            is_unordered: false,
            has_keys: false,
            buffer: None,
            close_within: None,
        }
    }

    /// The places of the edge before the stage. `hint` is what the flow before it says.
    pub(crate) fn edge_buffer(&self, hint: Option<usize>) -> usize {
        self.buffer.or(hint).unwrap_or(DEFAULT_BUFFER)
    }

    /// Tells the node of the stage what its workers are to heed.
    pub(crate) fn tell(&self, node: &Node) {
        if let Some(limit) = self.close_within {
            node.set_close_limit(limit);
        }
    }

    /// `next` is the buffer of the edge behind the stage.
    pub(crate) fn limits(&self, next: usize) -> Limits {
        let workers = self.concurrency.unwrap_or(1);
        let is_ordered = !(self.is_unordered || self.has_keys);
        let window = match self.window {
            _ if !is_ordered => workers,
            Some(window) => window,
            None if workers == 1 => 1,
            None => workers.saturating_mul(2),
        };
        Limits { workers, window, is_ordered, held_back: next }
    }

    /// Tells of the stage, which was just added, all but its edge.
    pub(crate) fn outline(&self, outline: &mut Outline, next: usize, sends: bool) {
        let Limits { workers, window, is_ordered, held_back } = self.limits(next);
        let name = &self.name;
        if workers == 0 {
            outline.problem(format!("`{name}` has a concurrency of 0; give it 1 or more"));
        }
        if self.close_within.is_some_and(|limit| limit.is_zero()) {
            outline.problem(format!("`{name}` has a close_within of 0; give it more, or take it away"));
        }
        match self.window {
            Some(_) if self.is_unordered => {
                outline.problem(format!("`{name}` has a window and is unordered; take one of the two away"));
            }
            Some(_) if self.has_keys => {
                outline.problem(format!("`{name}` has a window and keeps an order by key; take one of the two away"));
            }
            Some(0) => outline.problem(format!("`{name}` has a window of 0; give it 1 or more")),
            Some(window) if window < workers => outline.problem(format!(
                "`{name}` has a window of {window} for a concurrency of {workers}; give it {workers} or more"
            )),
            _ => {}
        }
        if self.is_unordered && self.has_keys {
            outline.problem(format!("`{name}` is unordered and keeps an order by key; take one of the two away"));
        }
        let order = match is_ordered {
            true if window > 1 => format!(", in order, window {window}"),
            false if workers > 1 && self.has_keys => ", in order by key".to_owned(),
            false if workers > 1 => ", unordered".to_owned(),
            _ => String::new(),
        };
        outline.note(format!("{}{order}", counted(workers, "worker")));
        outline.hold(window);
        if sends && is_ordered && window > 1 {
            outline.hold(window.saturating_mul(held_back));
        }
    }
}
