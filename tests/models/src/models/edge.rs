//! The edge: one writer, one reader, who close from either side.
//!
//! Each model counts places with a gauge of its own: an item enters before it is pushed and leaves as it is started.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use super::explore::Model;
use super::threads::{Threads, block_on};
use super::witness::{Gauge, Item, Items};
use crate::edge::{Next, Rx, Tx, edge, wake};
use crate::ledger::Kind;
use crate::push::{Flowing, Push};
use crate::run::{Node, Stop};

pub(super) const MODELS: &[Model] = &[
    Model::new("edge_hands_over_several_at_a_time", || hand_over(2, 4, Reads::Several)),
    Model::new("edge_of_capacity_1_hands_over", || hand_over(1, 3, Reads::Several)),
    Model::new("edge_hands_over_one_at_a_time", || hand_over(2, 3, Reads::One)),
    Model::new("edge_of_capacity_1_hands_over_one_at_a_time", || hand_over(1, 3, Reads::One)),
    Model::new("edge_is_closed_by_its_reader", || reader_closes(2, 3, 1)),
    Model::new("edge_is_closed_before_it_is_read", || reader_closes(1, 2, 0)),
    Model::new("edge_is_dropped_by_its_writer_with_a_batch", writer_drops),
    Model::new("edge_follows_a_reader_that_moves_to_another_task", reader_moves),
];

#[derive(Clone, Copy)]
enum Reads {
    /// As the single worker of a stage does.
    Several,
    /// As the workers of a pool do.
    One,
}

/// An edge with its witnesses.
struct Line {
    items: Items,
    places: Gauge,
    reader: Arc<Node>,
}

impl Line {
    fn new(capacity: usize) -> (Line, Tx<Item, ()>, Rx<Item, ()>) {
        let reader = Arc::new(Node::new("reader".to_owned(), Kind::Stage));
        let (tx, rx) = edge(capacity, &reader);
        (Line { items: Items::default(), places: Gauge::new("items wait", capacity), reader }, tx, rx)
    }

    /// Writes `n` items, or fewer if nobody reads on.
    fn writer(&self, mut tx: Tx<Item, ()>, n: u64) -> impl FnOnce() + Send + use<> {
        let (items, places) = (self.items.clone(), self.places.clone());
        move || {
            for id in 0..n {
                if block_on(poll_fn(|cx| tx.poll_room(cx))) == Flowing::Over {
                    return;
                }
                places.enter();
                tx.push(items.item(id), ());
            }
            tx.end();
        }
    }

    /// What every ending leaves: no item, and books that balance. `read` were started.
    fn check(&self, read: u64) {
        assert_eq!(self.items.left(), 0, "items are left");
        let counts = &self.reader.counts;
        let (accepted, cut) = (counts.accepted.get(), counts.abandoned_waiting.get());
        assert_eq!(accepted, read + cut, "accepted = started + cut");
        assert_eq!(counts.abandoned.get(), 0, "nothing was started");
    }
}

/// Starts the next item, and gives its number; `None` at the end.
fn read(rx: &mut Rx<Item, ()>, places: &Gauge, how: Reads) -> Option<u64> {
    let next = block_on(poll_fn(|cx| match how {
        Reads::Several => rx.poll_next(cx.waker()),
        Reads::One => rx.poll_one(cx.waker()).next,
    }));
    let Next::Item(item, ()) = next else { return None };
    places.leave();
    rx.start();
    if let Reads::One = how {
        wake(rx.release());
    }
    Some(item.id)
}

fn hand_over(capacity: usize, n: u64, how: Reads) {
    let threads = Threads::default();
    let (line, tx, mut rx) = Line::new(capacity);
    threads.go(line.writer(tx, n));
    let mut expected = 0;
    while let Some(id) = read(&mut rx, &line.places, how) {
        assert_eq!(id, expected, "items arrive in order");
        expected += 1;
    }
    assert_eq!(expected, n, "every item arrives");
    threads.join();
    drop(rx);
    line.check(n);
}

/// The reader reads `k` items and closes; the writer learns it and ends.
fn reader_closes(capacity: usize, n: u64, k: u64) {
    let threads = Threads::default();
    let (line, mut tx, mut rx) = Line::new(capacity);
    let writer = Arc::new(Node::new("writer".to_owned(), Kind::Stage));
    tx.bind(&writer);
    threads.go(line.writer(tx, n));
    for _ in 0..k {
        assert!(read(&mut rx, &line.places, Reads::Several).is_some(), "it was not closed");
    }
    rx.close(Stop::Over);
    threads.join();
    drop(rx);
    line.check(k);
    assert_eq!(writer.stop_reason(), Stop::Over, "the node that writes is told");
}

/// The writer is dropped in the middle, with items in its batch: they are published, and then the end.
fn writer_drops() {
    let threads = Threads::default();
    let (line, mut tx, mut rx) = Line::new(4);
    let items = line.items.clone();
    threads.go(move || {
        for id in 0..3 {
            assert_eq!(block_on(poll_fn(|cx| tx.poll_room(cx))), Flowing::On);
            tx.push(items.item(id), ());
        }
    });
    let places = Gauge::new("items wait", usize::MAX);
    let mut expected = 0;
    (0..3).for_each(|_| places.enter());
    while let Some(id) = read(&mut rx, &places, Reads::Several) {
        assert_eq!(id, expected, "items arrive in order");
        expected += 1;
    }
    assert_eq!(expected, 3, "what was in the batch arrives");
    threads.join();
    drop(rx);
    line.check(3);
}

/// Each read is tried by a task that gives it up if it has to wait, as in a select, and then made by another one.
fn reader_moves() {
    let threads = Threads::default();
    let (line, tx, mut rx) = Line::new(1);
    threads.go(line.writer(tx, 2));
    let mut expected = 0;
    loop {
        let mut next = rx.poll_one(Waker::noop()).next;
        if next.is_pending() {
            next = Poll::Ready(block_on(poll_fn(|cx| rx.poll_one(cx.waker()).next)));
        }
        let Poll::Ready(Next::Item(item, ())) = next else { break };
        assert_eq!(item.id, expected, "items arrive in order");
        expected += 1;
        line.places.leave();
        rx.start();
        wake(rx.release());
    }
    assert_eq!(expected, 2, "every item arrives");
    threads.join();
    drop(rx);
    line.check(2);
}
