//! Flows that are tracked: a receipt for each item, which is settled when nothing of the item is left, and not before.

use std::sync::{Arc, Mutex};

use taktline::lineage::{Lineage, Receipt, Ticket};
use taktline::prelude::*;

use super::joins::{self, Join};
use super::operators::{self, Operator};
use crate::{Family, Item};

/// The receipts of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Receipts(Arc<Mutex<Vec<(Receipt, Family)>>>);

impl Receipts {
    fn ticket(&self, item: &Item) -> Ticket {
        let (ticket, receipt) = Ticket::new();
        self.0.lock().expect("no holder panics").push((receipt, item.family()));
        ticket
    }

    /// None is settled while something of its item is left. Those of which nothing is left are forgotten once they are
    /// settled.
    pub(super) fn check(&self) {
        let mut receipts = self.0.lock().expect("no holder panics");
        let is_early = |(receipt, family): &(Receipt, Family)| receipt.is_settled() && family.left() > 0;
        let early = receipts.iter().filter(|one| is_early(one)).count();
        receipts.retain(|(receipt, _)| !receipt.is_settled());
        drop(receipts);
        assert_eq!(early, 0, "receipts are settled, and something of their items is left");
    }

    /// How many are not settled.
    pub(super) fn open(&self) -> usize {
        self.0.lock().expect("no holder panics").iter().filter(|(receipt, _)| !receipt.is_settled()).count()
    }
}

/// What flows are made with that are tracked, or are not.
pub(super) trait Track: Lineage {
    fn begin(flow: BoxFlow<Item>, receipts: Receipts) -> BoxFlow<Item, Self>;
    fn attach(operator: &Operator) -> operators::Attach<Self>;
    fn joined(join: &Join) -> joins::Attach<Self>;
}

impl Track for () {
    fn begin(flow: BoxFlow<Item>, _: Receipts) -> BoxFlow<Item> {
        flow
    }

    fn attach(operator: &Operator) -> operators::Attach<()> {
        operator.attach
    }

    fn joined(join: &Join) -> joins::Attach<()> {
        join.attach
    }
}

impl Track for Ticket {
    fn begin(flow: BoxFlow<Item>, receipts: Receipts) -> BoxFlow<Item, Ticket> {
        flow.tracked(move |item| receipts.ticket(item)).boxed()
    }

    fn attach(operator: &Operator) -> operators::Attach<Ticket> {
        operator.tracked().attach
    }

    fn joined(join: &Join) -> joins::Attach<Ticket> {
        join.tracked().attach
    }
}
