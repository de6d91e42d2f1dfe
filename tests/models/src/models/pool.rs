//! The pool of a stage: never more in work than it has workers, nothing stuck, results in order, at every ending.
//!
//! loom gets the smallest cases in which the parts can meet, shuttle and threads also get larger ones.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::explore::Model;
use super::threads::{Threads, block_on};
use super::witness::{Gauge, Item, Items};
use crate::edge::{Next, Rx, Tx, edge};
use crate::error::BoxError;
use crate::ledger::Kind;
use crate::push::{Flowing, Push};
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
    Model::new("pool_runs_inline", || INLINE.runs()),
    Model::new("pool_runs_inline_unordered", || Case { window: None, ..INLINE }.runs()),
    Model::new("pool_runs_inline_until_an_item_waits", || Case { does: yields_second, ..INLINE }.runs()),
    Model::new("pool_runs_inline_until_an_item_fails", || Case { does: fails_second, ..INLINE }.runs()),
    Model::new("pool_runs_inline_until_there_is_no_room", || Case { room: 1, ..INLINE_TASKS }.runs()),
    Model::new("pool_runs_inline_as_it_is_fed", || Case { is_fed_meanwhile: true, ..INLINE }.runs()),
    Model::new("pool_that_runs_inline_is_cancelled", || Case { ending: Ending::Cancel, ..INLINE_TASKS }.runs()),
    Model::new("pool_that_runs_inline_is_dropped", || Case { ending: Ending::Drop, ..INLINE_TASKS }.runs()),
    Model::new("pool_runs_inline_before_a_fused_step", || Case { items: 3, read_first: 0, ..FUSED }.runs()),
    Model::new("pool_before_a_fused_step_is_dropped", || Case { ending: Ending::Drop, ..FUSED }.runs()),
    Model::new("pool_unordered_before_a_fused_step_is_dropped", || {
        Case { ending: Ending::Drop, window: None, ..FUSED }.runs();
    }),
    Model::large("large_pool_keeps_order", || LARGE.runs()),
    Model::large("large_pool_runs_unordered", || Case { window: None, ..LARGE }.runs()),
    Model::large("large_pool_fails", || Case { does: fails_second, ..LARGE }.runs()),
    Model::large("large_pool_is_cancelled", || Case { ending: Ending::Cancel, ..LARGE }.runs()),
    Model::large("large_pool_is_dropped", || Case { ending: Ending::Drop, ..LARGE }.runs()),
    Model::large("large_pool_runs_inline", || LARGE_INLINE.runs()),
    Model::large("large_pool_runs_inline_unordered", || Case { window: None, ..LARGE_INLINE }.runs()),
    Model::large("large_pool_that_runs_inline_is_cancelled", || {
        Case { ending: Ending::Cancel, ..LARGE_INLINE }.runs();
    }),
];

/// Workers and an emitter that is polled by the thread of the model.
const WORKERS: Case = Case {
    workers: 2,
    window: Some(3),
    items: 3,
    room: 8,
    does: |_| Does::Returns,
    is_fed_meanwhile: false,
    read_first: 0,
    ending: Ending::Well,
    emits_here: true,
    is_inline: false,
    is_fused: false,
};

/// The emitter is a task, too, and the results are read meanwhile.
const TASKS: Case = Case { items: 2, room: 3, emits_here: false, ..WORKERS };

const LARGE: Case =
    Case { workers: 3, window: Some(4), items: 6, room: 2, does: mixed, is_fed_meanwhile: true, ..TASKS };

/// Bodies that cost nothing, on a clock that stands still: one worker runs them inline from the second one on, until one
/// has to wait.
const INLINE: Case = Case { is_inline: true, ..WORKERS };

const INLINE_TASKS: Case = Case { workers: 1, is_inline: true, items: 3, ..TASKS };

const FUSED: Case = Case { is_fused: true, room: 1, items: 4, read_first: 1, ..INLINE_TASKS };

const LARGE_INLINE: Case = Case { does: yields_each_third, is_inline: true, ..LARGE };

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

fn yields_second(id: u64) -> Does {
    if id == 1 { Does::Yields } else { Does::Returns }
}

fn yields_each_third(id: u64) -> Does {
    if id % 3 == 2 { Does::Yields } else { Does::Returns }
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

/// A body that says that it never sends, so that a pool may run it inline.
#[derive(Clone)]
struct Silent(Body);

impl Stage for Silent {
    type In = Item;
    type Out = Item;

    const SENDS: bool = false;

    async fn call(&mut self, item: Item, out: Out<'_, Item>) -> Result<Option<Item>, BoxError> {
        self.0.call(item, out).await
    }
}

/// A fused step that gives each item twice, as there is room.
struct Doubling {
    items: Items,
    held: Vec<Item>,
    next: Tx<Item, ()>,
}

impl Push<Item, ()> for Doubling {
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        match ready!(self.poll_settled(cx)) {
            Flowing::On => self.next.poll_room(cx),
            Flowing::Over => Poll::Ready(Flowing::Over),
        }
    }

    fn push(&mut self, item: Item, (): ()) {
        self.held = vec![self.items.item(item.id), item];
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        while !self.held.is_empty() {
            if ready!(self.next.poll_room(cx)) == Flowing::Over {
                return Poll::Ready(Flowing::Over);
            }
            if let Some(item) = self.held.pop() {
                self.next.push(item, ());
            }
        }
        Poll::Ready(Flowing::On)
    }

    fn own_up(&mut self) {}

    fn flush(&mut self) {
        self.next.flush();
    }

    fn end(&mut self) {
        self.next.end();
    }

    fn bind(&mut self, writer: &Arc<Node>) {
        self.next.bind(writer);
    }

    fn take_woken(&mut self) -> bool {
        self.next.take_woken()
    }

    fn room_behind(&self) -> usize {
        self.next.room_behind()
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
    /// Items that are read before the run is ended.
    read_first: usize,
    ending: Ending,
    emits_here: bool,
    /// Whether bodies say that they never send.
    is_inline: bool,
    /// Whether a fused step behind the pool gives each item twice.
    is_fused: bool,
}

impl Case {
    fn runs(self) {
        if self.is_inline { self.runs_with(Silent) } else { self.runs_with(|body| body) }
    }

    fn runs_with<S: Stage<In = Item, Out = Item>>(self, stage: impl FnOnce(Body) -> S) {
        let (threads, items) = (Threads::default(), Items::default());
        let run = Shared::new(threads.rt());
        let (node, next) = (run.node("stage", Kind::Stage), run.node("next", Kind::Sink));
        let buffer = if self.is_fed_meanwhile { 2 } else { usize::try_from(self.items).expect("there are few") };
        let (tx, rx) = edge(buffer, &node);
        let (out, mut results) = edge(self.room, &next);
        let mut outlet = if self.is_fused {
            Doubling { items: items.clone(), held: Vec::new(), next: out }.into_outlet()
        } else {
            out.into_outlet()
        };
        outlet.bind(&node);
        let in_work = Gauge::new("bodies are in work", self.workers);
        let body = Body { items: items.clone(), in_work, step: Arc::default(), does: self.does };
        let site = Site { run: run.clone(), node: node.clone() };
        let pool = Pool::new(stage(body), rx, outlet, self.settings().limits(1), site);
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
        let mut seen = read(&mut results, self.read_first);
        match self.ending {
            Ending::Well => {}
            Ending::Cancel => run.cancel(),
            Ending::Drop => run.abort(),
        }
        seen.extend(read(&mut results, usize::MAX));
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

    fn settings(self) -> Settings {
        let mut settings = Settings::new("stage");
        settings.concurrency = Some(self.workers);
        settings.window = self.window;
        settings.is_unordered = self.window.is_none();
        settings
    }

    fn check(self, run: &Shared, mut seen: Vec<u64>) {
        let fails = |id: &u64| (self.does)(*id) == Does::Fails;
        let failing = (0..self.items).find(fails);
        let is_whole = self.ending == Ending::Well && (failing.is_none() || self.window.is_some());
        let last = if self.window.is_some() { failing.unwrap_or(self.items) } else { self.items };
        let times = if self.is_fused { 2 } else { 1 };
        let expected = (0..last).flat_map(|id| (self.does)(id).outputs(id)).flat_map(|output| vec![output; times]);
        let expected: Vec<u64> = expected.collect();
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

/// Reads so many items, or fewer if there are no more.
fn read(results: &mut Rx<Item, ()>, most: usize) -> Vec<u64> {
    let mut seen = Vec::new();
    while seen.len() < most {
        let Next::Item(item, ()) = block_on(poll_fn(|cx| results.poll_next(cx.waker()))) else { break };
        results.start();
        seen.push(item.id);
    }
    seen
}
