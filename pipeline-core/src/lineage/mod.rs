//! What follows an item through a pipeline: nothing, or a [`Ticket`].
//!
//! The lineage is a type parameter of a flow, never of a stage: the engine takes it off an item before a body sees it
//! and puts it on what the body made. A flow that asked for nothing has the lineage `()`, which takes no room.

mod limit;
mod receipt;
mod ticket;

pub(crate) use limit::Limit;
pub use receipt::Receipt;
pub(crate) use ticket::Origin;
pub use ticket::{Dealt, Ticket};

use crate::error::BoxError;

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl Sealed for super::Ticket {}
}

/// What travels with every item of a flow: `()` (the default) or a [`Ticket`].
///
/// Sealed: these two are all there is.
pub trait Lineage: Clone + Default + Send + Sync + 'static + sealed::Sealed {
    /// The lineage of a merge of this one and `Other`: tracked if either is.
    type Join<Other: Lineage>: Lineage;

    /// Takes over a lineage of another flow that is merged into this one.
    #[doc(hidden)]
    fn absorb<Other: Lineage>(other: Other) -> Self;

    /// Adds what `other` follows to what this one follows.
    #[doc(hidden)]
    fn join(&mut self, other: Self);

    #[doc(hidden)]
    fn into_ticket(self) -> Ticket;

    /// What an [inlet](crate::inlet) gives for an item that it has accepted: nothing, or a [`Receipt`].
    type Receipt: Send + 'static;

    #[doc(hidden)]
    fn issue() -> (Self, Self::Receipt);

    /// What the items of a batch follow, in their order.
    #[doc(hidden)]
    type Parts: Default + Send + 'static;

    #[doc(hidden)]
    fn add_to(self, parts: &mut Self::Parts);

    /// What a batch follows.
    #[doc(hidden)]
    fn batch(parts: Self::Parts) -> Self;

    /// What the items follow that a batch is taken apart into.
    #[doc(hidden)]
    type Dealt: Deal<Self>;

    /// Whether nothing more is to be begun for the item: who has asked for it has gone, and wanted that.
    #[doc(hidden)]
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Tells those who wait for what is made of the item that it has failed. Gives the error back, for the run.
    #[doc(hidden)]
    fn tell(&self, _stage: &str, error: BoxError) -> BoxError {
        error
    }
}

impl Lineage for () {
    type Join<Other: Lineage> = Other;

    fn absorb<Other: Lineage>(_: Other) -> Self {}
    fn join(&mut self, (): Self) {}
    fn into_ticket(self) -> Ticket {
        Ticket::default()
    }

    type Receipt = ();

    fn issue() -> ((), ()) {
        ((), ())
    }

    type Parts = ();

    fn add_to(self, (): &mut ()) {}
    fn batch((): ()) -> Self {}

    type Dealt = Same<()>;
}

/// The lineages of the items that are made of one.
#[doc(hidden)]
pub trait Deal<L>: Sized + Send + 'static {
    /// `length` tells how many items there are, if that is known.
    ///
    /// # Errors
    /// There is no saying whose item is whose.
    fn new(lineage: L, length: impl FnOnce() -> Option<usize>) -> Result<Self, (L, BoxError)>;

    fn next(&mut self) -> L;
}

/// Each item that is made of one follows what that one follows.
#[doc(hidden)]
#[derive(Debug)]
pub struct Same<L>(L);

impl<L: Lineage> Deal<L> for Same<L> {
    fn new(lineage: L, _: impl FnOnce() -> Option<usize>) -> Result<Self, (L, BoxError)> {
        Ok(Same(lineage))
    }

    fn next(&mut self) -> L {
        self.0.clone()
    }
}

const _: () = assert!(size_of::<(u64, ())>() == size_of::<u64>(), "an untracked item must cost nothing");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_joined_ticket_settles_both_receipts_only_at_its_end() {
        let (mut a, first) = Ticket::new();
        let (b, second) = Ticket::new();
        a.join(b);
        assert!(!first.is_settled() && !second.is_settled());
        drop(a);
        assert!(first.is_settled() && second.is_settled());
    }

    #[test]
    fn a_default_ticket_takes_over_what_it_is_joined_with() {
        let (ticket, receipt) = Ticket::new();
        let mut open = Ticket::default();
        open.join(ticket);
        assert!(!receipt.is_settled());
        drop(open);
        assert!(receipt.is_settled());
    }

    #[test]
    fn the_items_of_a_batch_settle_one_by_one_once_it_is_taken_apart() {
        let (a, first) = Ticket::new();
        let (b, second) = Ticket::new();
        let mut dealt = Dealt::new(Ticket::batch(vec![a, b]), || Some(2)).expect("nobody waits for a reply");
        drop(dealt.next());
        assert!(first.is_settled() && !second.is_settled());
        drop(dealt);
        assert!(second.is_settled());
    }

    #[test]
    fn what_a_batch_becomes_that_is_no_batch_of_that_length_settles_at_its_end() {
        let (a, first) = Ticket::new();
        let mut dealt =
            Dealt::new(Ticket::batch(vec![a, Ticket::default()]), || Some(3)).expect("nobody waits for a reply");
        let last = [dealt.next(), dealt.next(), dealt.next()];
        drop(dealt);
        assert!(!first.is_settled());
        drop(last);
        assert!(first.is_settled());
    }
}
