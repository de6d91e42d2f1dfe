//! The pool of a stage: never more in work than it has workers, nothing stuck, results in order, at every ending.
//!
//! loom gets the smallest cases in which the parts can meet, shuttle and threads also get larger ones.

use std::future::poll_fn;
use std::sync::Arc;

use super::explore::Model;
use super::threads::{Threads, block_on};
use super::witness::{Gauge, Item, Items};
use crate::edge::{Next, Rx, Tx, edge};
use crate::error::BoxError;
use crate::ledger::Kind;
use crate::push::{Flowing, Outlet, Push};
use crate::run::{Node, Shared};
use crate::runtime::yield_now;
use crate::stage::{Out, Pool, Settings, Site, Stage, emit};
use crate::sync::Mutex;

pub(super) const MODELS: &[Model] = &[
    Model::new("pool_keeps_order", || WORKERS.runs()),
    Model::new("pool_in_a_narrow_window_keeps_order", || Case { window: Some(2), ..WORKERS }.runs()),
    Model::new("pool_runs_unordered", || Case { window: None, ..WORKERS }.runs()),
    Model::new("pool_sends_in_order", || Case { items: 2, does: sends_first, ..WORKERS }.runs()),
    Model::new("pool_sends_unordered", || Case { items: 2, window: None, does: sends_first, ..WORKERS }.runs()),
    Model::new("pool_fails_at_the_turn_of_an_item", || Case { does: fails_second, ..WORKERS }.runs()),
    Model::new("pool_fails_unordered", || Case { window: None, does: fails_second, ..WORKERS }.runs()),
    Model::new("pool_is_fed_while_it_works", || Case { workers: 1, is_fed_meanwhile: true, ..WORKERS }.runs()),
    Model::new("pool_waits_for_room", || Case { workers: 1, room: 1, ..TASKS }.runs()),
    Model::new("pool_moves_its_results_on", || TASKS.runs()),
    Model::new("pool_is_cancelled", || Case { ending: Ending::Cancel, ..TASKS }.runs()),
    Model::new("pool_is_dropped", || Case { ending: Ending::Drop, ..TASKS }.runs()),
    Model::large("large_pool_keeps_order", || LARGE.runs()),
    Model::large("large_pool_runs_unordered", || Case { window: None, ..LARGE }.runs()),
    Model::large("large_pool_fails", || Case { does: fails_second, ..LARGE }.runs()),
    Model::large("large_pool_is_cancelled", || Case { ending: Ending::Cancel, ..LARGE }.runs()),
    Model::large("large_pool_is_dropped", || Case { ending: Ending::Drop, ..LARGE }.runs()),
];

/// Workers and an emitter that is polled by the thread of the model.
const WORKERS: Case = Case {
    workers: 2,
    window: Some(3),
    items: 3,
    room: 8,
    does: |_| Does::Returns,
    is_fed_meanwhile: false,
    ending: Ending::Well,
    emits_here: true,
};

/// The emitter is a task, too, and the results are read meanwhile.
const TASKS: Case = Case { items: 2, room: 3, emits_here: false, ..WORKERS };

const LARGE: Case =
    Case { workers: 3, window: Some(4), items: 6, room: 2, does: mixed, is_fed_meanwhile: true, ..TASKS };

/// What a body does with an item.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    Returns,
    Yields,
    SendsTwice,
    Fails,
}

impl Does {
    /// The numbers of what is made from an item.
    fn outputs(self, id: u64) -> Vec<u64> {
        match self {
            Does::Returns | Does::Yields => vec![10 * id],
            Does::SendsTwice => vec![10 * id, 10 * id + 1],
            Does::Fails => Vec::new(),
        }
    }
}

fn sends_first(id: u64) -> Does {
    if id == 0 { Does::SendsTwice } else { Does::Returns }
}

fn fails_second(id: u64) -> Does {
    if id == 1 { Does::Fails } else { Does::Returns }
}

fn mixed(id: u64) -> Does {
    match id % 3 {
        0 => Does::Yields,
        1 => Does::Returns,
        _ => Does::SendsTwice,
    }
}

#[derive(Clone)]
struct Body {
    items: Items,
    in_work: Gauge,
    /// A step of the schedule in the middle of each body, so that loom knows that bodies meet.
    step: Arc<Mutex<()>>,
    does: fn(u64) -> Does,
}

impl Stage for Body {
    type In = Item;
    type Out = Item;

    async fn call(&mut self, item: Item, mut out: Out<'_, Item>) -> Result<Option<Item>, BoxError> {
        let _inside = self.in_work.guard();
        drop(self.step.lock());
        let does = (self.does)(item.id);
        match does {
            Does::Returns => {}
            Does::Yields => yield_now().await,
            Does::Fails => return Err("planned".into()),
            Does::SendsTwice => {
                for id in does.outputs(item.id) {
                    out.send(self.items.item(id)).await;
                }
                return Ok(None);
            }
        }
        Ok(Some(self.items.item(10 * item.id)))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Well,
    Cancel,
    Drop,
}

/// A pool between two edges.
#[derive(Clone, Copy)]
struct Case {
    workers: usize,
    /// None if it is unordered.
    window: Option<usize>,
    items: u64,
    /// Places behind the pool.
    room: usize,
    does: fn(u64) -> Does,
    is_fed_meanwhile: bool,
    ending: Ending,
    emits_here: bool,
}

impl Case {
    fn runs(self) {
        let (threads, items) = (Threads::default(), Items::default());
        let run = Shared::new(threads.rt());
        let (node, next) = (run.node("stage", Kind::Stage), run.node("next", Kind::Sink));
        let buffer = if self.is_fed_meanwhile { 2 } else { usize::try_from(self.items).expect("there are few") };
        let (tx, rx) = edge(buffer, &node);
        let (out, mut results) = edge(self.room, &next);
        let mut outlet = Outlet::Edge(out);
        outlet.bind(&node);
        let pool = self.pool(&items, rx, outlet, &run, &node);
        let feed = {
            let items = items.clone();
            move || feed(tx, &items, self.items)
        };
        if self.is_fed_meanwhile {
            threads.go(feed)
        } else {
            feed()
        }
        pool.open();
        if self.emits_here {
            block_on(emit(pool));
        } else {
            run.spawn(&node, Box::pin(emit(pool)));
        }
        match self.ending {
            Ending::Well => {}
            Ending::Cancel => run.cancel(),
            Ending::Drop => run.abort(),
        }
        let seen = read(&mut results);
        drop(results);
        let mut joiner = None;
        block_on(poll_fn(|cx| run.poll_over(&mut joiner, cx)));
        // The feeder is no task of the run: it may be in the middle of a push.
        if self.is_fed_meanwhile {
            threads.join();
        }
        check_books(&node);
        self.check(&run, seen);
        assert_eq!(items.left(), 0, "items are left");
        threads.join();
    }

    fn pool(
        self,
        items: &Items,
        rx: Rx<Item, ()>,
        outlet: Outlet<Item, ()>,
        run: &Arc<Shared>,
        node: &Arc<Node>,
    ) -> Arc<Pool<Body, ()>> {
        let mut settings = Settings::new("stage");
        settings.concurrency = Some(self.workers);
        settings.window = self.window;
        settings.is_unordered = self.window.is_none();
        let in_work = Gauge::new("bodies are in work", self.workers);
        let body = Body { items: items.clone(), in_work, step: Arc::default(), does: self.does };
        Pool::new(body, rx, outlet, settings.limits(1), Site { run: run.clone(), node: node.clone() })
    }

    fn check(self, run: &Shared, mut seen: Vec<u64>) {
        let fails = |id: &u64| (self.does)(*id) == Does::Fails;
        let failing = (0..self.items).find(fails);
        let is_whole = self.ending == Ending::Well && (failing.is_none() || self.window.is_some());
        let last = if self.window.is_some() { failing.unwrap_or(self.items) } else { self.items };
        let expected: Vec<u64> = (0..last).flat_map(|id| (self.does)(id).outputs(id)).collect();
        if self.window.is_none() {
            seen.sort_unstable();
        }
        if is_whole {
            assert_eq!(seen, expected);
        } else if self.window.is_some() {
            assert!(expected.starts_with(&seen), "{seen:?} is a beginning of {expected:?}");
        } else {
            assert!(seen.iter().all(|id| expected.contains(id)), "{seen:?} is a part of {expected:?}");
        }
        if self.ending == Ending::Well {
            assert_eq!(run.has_failed(), failing.is_some());
        }
    }
}

/// in = done + failed + abandoned.
fn check_books(node: &Node) {
    let counts = &node.counts;
    let (done, failed) = (counts.done.get(), counts.failed.get());
    let abandoned = counts.abandoned.get() + counts.abandoned_waiting.get();
    assert_eq!(counts.accepted.get(), done + failed + abandoned, "{done} done, {failed} failed, {abandoned} abandoned");
    assert_eq!(counts.started.get(), counts.ended.get(), "what was started has ended");
}

fn feed(mut tx: Tx<Item, ()>, items: &Items, n: u64) {
    for id in 0..n {
        if block_on(poll_fn(|cx| tx.poll_room(cx))) == Flowing::Over {
            return;
        }
        tx.push(items.item(id), ());
    }
    tx.end();
}

fn read(results: &mut Rx<Item, ()>) -> Vec<u64> {
    let mut seen = Vec::new();
    while let Next::Item(item, ()) = block_on(poll_fn(|cx| results.poll_next(cx.waker()))) {
        results.start();
        seen.push(item.id);
    }
    seen
}
