//! The pipeline that is soaked, and what goes wrong in it when it is told to.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use taktline::lineage::{Receipt, Ticket};
use taktline::prelude::*;
use tests::{Bomb, Item, Witness};

const MS: Duration = Duration::from_millis(1);

/// How long the sink stalls.
const STALL: Duration = Duration::from_millis(400);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Error,
    Panic,
    /// What a body holds panics when it is dropped.
    Destructor,
    Cancel,
    Drop,
    /// The sink takes nothing for a while.
    Stall,
    /// The runtime goes away.
    Shutdown,
}

pub(crate) const FAULTS: [Fault; 7] =
    [Fault::Error, Fault::Panic, Fault::Destructor, Fault::Cancel, Fault::Drop, Fault::Stall, Fault::Shutdown];

/// Bodies that can go wrong.
pub(crate) const PLACES: usize = 5;

/// What the bodies of a run share.
#[derive(Debug, Default)]
pub(crate) struct Site {
    pub(crate) witness: Witness,
    /// Items that have arrived.
    pub(crate) arrived: AtomicU64,
    /// What goes wrong next, and where.
    next: Mutex<Option<(Fault, usize)>>,
    stalls: AtomicBool,
    receipts: Mutex<Vec<Receipt>>,
    settled: AtomicUsize,
}

impl Site {
    /// Makes something go wrong at the next item of that place.
    pub(crate) fn plan(&self, fault: Fault, place: usize) {
        match fault {
            Fault::Stall => self.stalls.store(true, SeqCst),
            fault => *self.next.lock().expect("nothing panics with it") = Some((fault, place)),
        }
    }

    fn strike(&self, place: usize) -> Result<(), String> {
        let fault = {
            let mut next = self.next.lock().expect("nothing panics with it");
            next.take_if(|(_, at)| *at == place)
        };
        match fault {
            Some((Fault::Error, _)) => Err("a planned error".to_owned()),
            Some((Fault::Panic, _)) => panic!("a planned panic"),
            Some((Fault::Destructor, _)) => {
                drop(Bomb);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn ticket(&self) -> Ticket {
        let (ticket, receipt) = Ticket::new();
        self.receipts.lock().expect("nothing panics with it").push(receipt);
        ticket
    }

    /// Forgets the receipts that are settled, and tells how many are not.
    pub(crate) fn open_receipts(&self) -> usize {
        let mut receipts = self.receipts.lock().expect("nothing panics with it");
        let before = receipts.len();
        receipts.retain(|receipt| !receipt.is_settled());
        self.settled.fetch_add(before - receipts.len(), SeqCst);
        receipts.len()
    }
}

/// A few thousand items a second.
#[source]
async fn numbers(site: &Site, out: Out<Item>) -> Result<(), String> {
    for id in 0.. {
        if id % 4 == 0 {
            taktline::sleep(MS).await;
        }
        site.strike(0)?;
        out.send(site.witness.item(id)).await;
    }
    Ok(())
}

#[stage]
async fn look_up(item: Item, site: &Site) -> Result<Item, String> {
    site.strike(1)?;
    if item.id % 16 == 0 {
        taktline::sleep(MS).await;
    }
    Ok(item)
}

#[stage(blocking)]
fn read(item: Item, site: &Site) -> Result<Item, String> {
    site.strike(2)?;
    Ok(item)
}

#[stage]
async fn copy(item: Item, site: &Site, out: Out<Item>) -> Result<(), String> {
    site.strike(3)?;
    for _ in 0..item.id % 3 {
        out.send(item.clone()).await;
    }
    Ok(())
}

#[stage]
async fn pass_on(input: In<Item>, out: Out<Item>) {
    while let Some(item) = input.next().await {
        out.send(item).await;
    }
}

#[sink]
async fn store(item: Item, site: &Site) -> Result<(), String> {
    site.strike(4)?;
    if site.stalls.swap(false, SeqCst) {
        taktline::sleep(STALL).await;
    }
    drop(item);
    site.arrived.fetch_add(1, SeqCst);
    Ok(())
}

/// A plan without an end, with each form of a stage.
pub(crate) fn plan(site: &Arc<Site>) -> Pipeline<()> {
    let tracked = || {
        let kept = site.clone();
        numbers(site.clone()).tracked(move |_| kept.ticket())
    };
    let pooled = tracked().then(look_up(site.clone()).concurrency(4).buffer(8));
    let read = tracked().then(read(site.clone()).concurrency(2)).map(|item| item);
    merge([pooled, read.boxed()])
        .then(copy(site.clone()).concurrency(3).unordered())
        .then(pass_on().buffer(4))
        .then(look_up(site.clone()))
        .sink(store(site.clone()).concurrency(2))
}
