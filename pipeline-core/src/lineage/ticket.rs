//! What follows an item that asked to be followed.
//!
//! | held | follows |
//! | --- | --- |
//! | origin | one item, on behalf of a receipt or of a caller |
//! | joined | an item that was made of two |
//! | limited | an item that has a place within a limit |
//! | batch | a batch: the tickets of its items, in their order |

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::limit::{Limit, Place};
use super::receipt::{Receipt, Settled};
use super::{Deal, Lineage};
use crate::error::{Attempted, BoxError, SharedError, StageError};

/// Who asked to follow an item.
pub(crate) trait Origin: Any + Send + Sync {
    /// Nothing is left of the item.
    fn settle(&self);

    /// Something that was made of the item has failed in a stage.
    fn fail(&self, _: &StageError) {}

    /// Whether nothing more is to be begun for the item.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Whether somebody waits for what is made of the item, so that it must not be taken for what is made of another one.
    fn is_caller(&self) -> bool {
        false
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// Follows an item and everything that is made from it.
///
/// A clone goes with each output of the item; [`tracked`](crate::flow::Flow::tracked) puts one on each item of a flow. When
/// the last clone is dropped (the outputs were read by a sink, filtered, failed or abandoned) the [`Receipt`] resolves. It
/// says that nothing is left of the item, not that all went well. A default ticket follows nothing.
///
/// The ticket of a batch keeps those of its items, and [`unbatch`](crate::flow::ShapeExt::unbatch) gives each its own again.
///
/// ```
/// use taktline::lineage::Ticket;
///
/// let (ticket, receipt) = Ticket::new();
/// let copy = ticket.clone();
/// drop(ticket);
/// assert!(!receipt.is_settled());
/// drop(copy);
/// assert!(receipt.is_settled());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Ticket {
    held: Option<Arc<Held>>,
}

impl Ticket {
    /// A new ticket, and the receipt that resolves when the ticket and all its clones are gone.
    pub fn new() -> (Ticket, Receipt) {
        let settled = Arc::new(Settled::default());
        (Ticket::from(settled.clone()), Receipt::of(settled))
    }

    /// A new ticket on behalf of `origin`, which is told when the ticket and all its clones are gone.
    pub(crate) fn from(origin: Arc<dyn Origin>) -> Ticket {
        Ticket::of(Held::Origin(origin))
    }

    fn of(held: Held) -> Ticket {
        Ticket { held: Some(Arc::new(held)) }
    }

    /// What `parent` follows, and a place within `limit` until all clones are gone.
    pub(crate) fn limited(parent: Ticket, limit: &Arc<Limit>) -> Ticket {
        Ticket::of(Held::Limited { parent: parent.held, place: Place::within(limit) })
    }

    /// The one who asked for the item, if it is one, and an `A`.
    pub(crate) fn asker<A: Any + Send + Sync>(&self) -> Option<Arc<A>> {
        self.held.as_ref()?.origin()?.clone().into_any().downcast().ok()
    }

    /// Its own ticket for each of so many items that a batch has become.
    fn deal(self, length: impl FnOnce() -> Option<usize>) -> Result<Dealt, (Self, BoxError)> {
        let Some(held) = &self.held else { return Ok(Dealt::Same(self)) };
        let mut places = Vec::new();
        let mut batch = &**held;
        let parts = loop {
            match batch {
                Held::Batch(parts) => break parts,
                Held::Limited { parent: Some(parent), place } => {
                    places.push(place);
                    batch = parent;
                }
                _ => return Ok(Dealt::Same(self)),
            }
        };
        let length = length();
        if length == Some(parts.len()) {
            let own = |part: &Ticket| {
                places.iter().fold(part.clone(), |part, place| {
                    Ticket::of(Held::Limited { parent: part.held, place: (*place).clone() })
                })
            };
            return Ok(Dealt::Own(parts.iter().map(own).collect::<Vec<_>>().into_iter()));
        }
        // What is made of one request alone is that one's, however many items it is.
        if held.origin().is_some() || !batch.has_caller() {
            return Ok(Dealt::Same(self));
        }
        let error = match length {
            Some(length) => format!("a batch of {} requests has become {length} replies", parts.len()),
            None => format!("a batch of {} requests has become replies that tell no number", parts.len()),
        };
        Err((self, error.into()))
    }
}

impl Lineage for Ticket {
    type Join<Other: Lineage> = Ticket;

    fn absorb<Other: Lineage>(other: Other) -> Self {
        other.into_ticket()
    }

    fn join(&mut self, other: Self) {
        match (&self.held, other.held) {
            (_, None) => {}
            (None, held) => self.held = held,
            (Some(a), Some(b)) if Arc::ptr_eq(a, &b) => {}
            (Some(a), Some(b)) => {
                // Two parts of one request still lead to who has asked.
                let origin = same([Some(&**a), Some(&*b)]);
                self.held = Some(Arc::new(Held::Joined { parents: [Some(a.clone()), Some(b)], origin }));
            }
        }
    }

    fn into_ticket(self) -> Ticket {
        self
    }

    type Receipt = Receipt;

    fn issue() -> (Ticket, Receipt) {
        Ticket::new()
    }

    type Parts = Vec<Ticket>;

    fn add_to(self, parts: &mut Vec<Ticket>) {
        parts.push(self);
    }

    fn batch(parts: Vec<Ticket>) -> Ticket {
        if parts.iter().all(|part| part.held.is_none()) { Ticket::default() } else { Ticket::of(Held::Batch(parts)) }
    }

    type Dealt = Dealt;

    fn is_cancelled(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.is_cancelled())
    }

    fn tell(&self, stage: &str, error: BoxError) -> BoxError {
        let Some(held) = &self.held else { return error };
        if !held.has_caller() {
            return error;
        }
        let Attempted { error, attempts, fate, lacks_budget } = Attempted::of(error);
        let error = SharedError::from(error);
        let told = StageError::new(stage, error.clone());
        held.each_origin(&mut |origin| origin.fail(&told));
        Box::new(Attempted { error: Box::new(error), attempts, fate, lacks_budget })
    }
}

/// The tickets of the items that are made of one.
#[doc(hidden)]
#[derive(Debug)]
pub enum Dealt {
    /// All of them have this one.
    Same(Ticket),
    /// Each has its own.
    Own(std::vec::IntoIter<Ticket>),
}

impl Deal<Ticket> for Dealt {
    fn new(lineage: Ticket, length: impl FnOnce() -> Option<usize>) -> Result<Self, (Ticket, BoxError)> {
        lineage.deal(length)
    }

    fn next(&mut self) -> Ticket {
        match self {
            Dealt::Same(ticket) => ticket.clone(),
            Dealt::Own(own) => own.next().unwrap_or_default(),
        }
    }
}

enum Held {
    Origin(Arc<dyn Origin>),
    Joined {
        parents: [Option<Arc<Held>>; 2],
        /// Of both, if it is one.
        origin: Option<Arc<dyn Origin>>,
    },
    Limited {
        parent: Option<Arc<Held>>,
        place: Arc<Place>,
    },
    Batch(Vec<Ticket>),
}

/// The origin of all of them, if it is one.
fn same<'a>(held: impl IntoIterator<Item = Option<&'a Held>>) -> Option<Arc<dyn Origin>> {
    let mut origins = held.into_iter().map(|held| held?.origin());
    let first = origins.next()??;
    origins.all(|origin| origin.is_some_and(|origin| Arc::ptr_eq(&first, &origin))).then_some(first)
}

impl Held {
    /// The one who asked for it, if it is one.
    fn origin(&self) -> Option<Arc<dyn Origin>> {
        let mut held = self;
        loop {
            match held {
                Held::Origin(origin) => return Some(origin.clone()),
                Held::Joined { origin, .. } => return origin.clone(),
                Held::Limited { parent, .. } => held = parent.as_deref()?,
                Held::Batch(parts) => return same(parts.iter().map(|part| part.held.as_deref())),
            }
        }
    }

    /// Nobody is left to wait for it.
    fn is_cancelled(&self) -> bool {
        let mut held = self;
        loop {
            match held {
                Held::Origin(origin) => return origin.is_cancelled(),
                Held::Joined { origin, .. } => return origin.as_ref().is_some_and(|origin| origin.is_cancelled()),
                Held::Limited { parent: Some(parent), .. } => held = parent,
                Held::Limited { parent: None, .. } => return false,
                Held::Batch(parts) => return parts.iter().all(Lineage::is_cancelled),
            }
        }
    }

    fn has_caller(&self) -> bool {
        let mut has_caller = false;
        self.each_origin(&mut |origin| has_caller |= origin.is_caller());
        has_caller
    }

    /// Calls `f` with everybody who follows it. In a loop: a long line of joins must not exhaust the stack.
    fn each_origin(&self, f: &mut dyn FnMut(&dyn Origin)) {
        let mut left = vec![self];
        while let Some(held) = left.pop() {
            match held {
                Held::Origin(origin) => f(&**origin),
                Held::Joined { parents, .. } => left.extend(parents.iter().flatten().map(|parent| &**parent)),
                Held::Limited { parent, .. } => left.extend(parent.as_deref()),
                Held::Batch(parts) => left.extend(parts.iter().filter_map(|part| part.held.as_deref())),
            }
        }
    }

    fn take_parents(&mut self, taken: &mut Vec<Arc<Held>>) {
        match self {
            Held::Origin(_) => {}
            Held::Joined { parents, .. } => taken.extend(parents.iter_mut().filter_map(Option::take)),
            Held::Limited { parent, .. } => taken.extend(parent.take()),
            Held::Batch(parts) => taken.extend(parts.drain(..).filter_map(|part| part.held)),
        }
    }
}

impl Drop for Held {
    /// Parents are dropped in a loop: a long line of joins must not exhaust the stack.
    fn drop(&mut self) {
        let mut parents = Vec::new();
        self.take_parents(&mut parents);
        while let Some(parent) = parents.pop() {
            if let Some(mut held) = Arc::into_inner(parent) {
                held.take_parents(&mut parents);
            }
        }
        if let Held::Origin(origin) = self {
            origin.settle();
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Held::Origin(_) => "Origin",
            Held::Joined { .. } => "Joined",
            Held::Limited { .. } => "Limited",
            Held::Batch(_) => "Batch",
        })
    }
}
