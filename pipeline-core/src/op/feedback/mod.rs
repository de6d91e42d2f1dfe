//! A loop: what a part of a flow makes may go through it again.
//!
//! | part | does |
//! | --- | --- |
//! | head (`head.rs`) | a join: what goes round again first, the oldest first, then what comes from outside |
//! | way back (`back.rs`) | a sink within the body, which puts what it gets into the loop's queue |
//! | tail (`tail.rs`) | fused behind the body: hands on what leaves, and puts what goes back into the loop's queue |
//!
//! Going back never waits for room: a loop whose items wait for each other's places would stop at any buffer. So the queue
//! has a limit, and to pass it is a failure.
//!
//! Every item in the loop follows one ticket. The head keeps one as long as the outside is open; when all are gone, nothing of
//! the loop is left, and it ends.

mod back;
mod head;
mod tail;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, OnceLock};
use std::task::Waker;

pub use back::{Back, FeedbackWith};
use head::Head;
use tail::Tail;

use crate::describe::{At, counted};
use crate::edge::{DEFAULT_BUFFER, edge, wake};
use crate::error::Failure;
use crate::flow::Flow;
use crate::ledger::Kind;
use crate::lineage::Ticket;
use crate::op::join::{Mover, outline_input};
use crate::op::split::{Branch, Socket, branch};
use crate::plan::{Build, Outline};
use crate::push::Push;
use crate::stage::Site;
use crate::sync::{Mutex, drop_each};

const NAME: &str = "feedback";

/// Where an output of a loop goes. See [`feedback`](crate::flow::JoinExt::feedback).
///
/// ```
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let halve = |x: u64| if x % 2 == 0 { Again::Back(x / 2) } else { Again::On(x) };
/// let odd = iter([6u64, 7, 8]).feedback(10, move |f| f.map(halve)).collect::<Vec<_>>();
/// assert_eq!(odd.run().await?.value, [3, 7, 1]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Again<T, U> {
    /// Through the loop again.
    Back(T),
    /// On, out of the loop.
    On(U),
}

/// More items were waiting to go through a loop again than its limit allows. A failure of the step `feedback`.
///
/// ```
/// use taktline::op::LoopFull;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let twice = |x: u64| [Again::<u64, u64>::Back(x), Again::Back(x)];
/// let error = iter([1u64]).feedback(10, move |f| f.flat_map(twice)).count().run().await.expect_err("it never ends");
/// assert!(error.downcast_ref::<LoopFull>().is_some());
/// # });
/// ```
#[derive(Debug)]
pub struct LoopFull {
    limit: usize,
}

impl std::fmt::Display for LoopFull {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "more than {} items wait to go through the loop again; raise its limit, or feed back less",
            self.limit
        )
    }
}

impl std::error::Error for LoopFull {}

/// The flow of [`feedback`](crate::flow::JoinExt::feedback).
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
pub struct Feedback<P: Flow, B> {
    upstream: P,
    limit: usize,
    socket: Socket<P::Item, Ticket>,
    body: B,
}

impl<P: Flow, B> Feedback<P, B> {
    pub(crate) fn new(upstream: P, limit: usize, body: impl FnOnce(Branch<P::Item, Ticket>) -> B) -> Self {
        let (socket, flow) = branch();
        Feedback { upstream, limit, socket, body: body(flow) }
    }
}

impl<P: Flow, B: Clone> Clone for Feedback<P, B> {
    fn clone(&self) -> Self {
        let Feedback { upstream, limit, socket, body } = self;
        Feedback { upstream: upstream.clone(), limit: *limit, socket: socket.clone(), body: body.clone() }
    }
}

impl<P: Flow, B> std::fmt::Debug for Feedback<P, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feedback").field("limit", &self.limit).finish()
    }
}

impl<P, U, B> Flow for Feedback<P, B>
where
    P: Flow<Lineage = ()>,
    U: Send + 'static,
    B: Flow<Item = Again<P::Item, U>, Lineage = Ticket>,
{
    type Item = U;
    type Lineage = ();

    fn build<N: Push<U, ()>>(self, build: &mut Build, next: N) {
        let Feedback { upstream, limit, socket, body } = self;
        let circle = Circle::new(limit);
        body.build(build, Tail::new(next, circle.clone()));
        close_loop(upstream, circle, &socket, build);
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline_loop(&self.upstream, self.limit, &self.socket, outline, |outline, at| {
            outline.also(at, None, format!("back, at most {}", counted(self.limit, "item")));
            self.body.outline(outline, next);
        });
    }

    fn edge_buffer(&self) -> Option<usize> {
        self.body.edge_buffer()
    }
}

/// Builds the head of a loop whose body is built, and what is before it.
fn close_loop<P: Flow<Lineage = ()>>(
    upstream: P,
    circle: Arc<Circle<P::Item>>,
    socket: &Socket<P::Item, Ticket>,
    build: &mut Build,
) {
    let site = build.site(NAME, Kind::Join);
    let _ = circle.site.set(site.clone());
    let mut first = socket.unplug(build);
    first.bind(&site.node);
    let (tx, rx) = edge(upstream.edge_buffer().unwrap_or(DEFAULT_BUFFER), &site.node);
    let mut mover = Mover::new(Head::new(rx, circle), first, site.clone());
    build.task(&site, async move {
        poll_fn(|cx| mover.poll(cx)).await;
        mover.end().await;
    });
    upstream.build(build, tx);
}

/// Tells of a loop, with the body that `body` tells of, whose head is where it is given.
fn outline_loop<P: Flow>(
    upstream: &P,
    limit: usize,
    socket: &Socket<P::Item, Ticket>,
    outline: &mut Outline,
    body: impl FnOnce(&mut Outline, At),
) {
    if limit == 0 {
        outline.problem("`feedback(0, ..)` has no place for an item that goes back; give it 1 or more".to_owned());
    }
    outline.hold(1);
    outline.hold(limit);
    let (at, keys) = (outline.reserve(), [socket.key().clone()]);
    outline.branches(at, (NAME, Kind::Join), &keys, |outline| body(outline, at));
    outline_input(upstream, at, NAME, outline);
}

/// What the head of a loop and the ways back share.
struct Circle<T> {
    limit: usize,
    /// The head's, in whose books what goes back stands. Set before anything runs.
    site: OnceLock<Site>,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// What goes round again.
    queue: VecDeque<(T, Ticket)>,
    head: Option<Waker>,
    /// The head takes no more.
    is_closed: bool,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        State { queue: VecDeque::new(), head: None, is_closed: false }
    }
}

impl<T> Circle<T> {
    fn new(limit: usize) -> Arc<Self> {
        Arc::new(Circle { limit, site: OnceLock::new(), state: Mutex::default() })
    }

    /// Puts an item in the queue, behind those that have gone back before. False if the limit was passed, which is a failure.
    fn back(&self, item: T, ticket: Ticket) -> bool {
        let counts = &self.site().node.counts;
        counts.accepted.add(1);
        let (refused, head) = {
            let mut state = self.state.lock();
            if state.is_closed || state.queue.len() >= self.limit {
                (Some((item, ticket)), None)
            } else {
                state.queue.push_back((item, ticket));
                counts.edge_peak.raise_to(state.queue.len() as u64);
                (None, state.head.take())
            }
        };
        wake(head);
        let Some(refused) = refused else { return true };
        let is_over = self.state.lock().is_closed;
        if is_over {
            counts.abandoned_waiting.add(1);
        } else {
            self.fail();
        }
        drop_each([refused]);
        is_over
    }

    fn fail(&self) {
        let Site { run, node } = self.site();
        node.counts.started.add(1);
        node.counts.ended.add(1);
        node.counts.failed.add(1);
        run.fail(Failure::new(&node.name, None, Box::new(LoopFull { limit: self.limit })));
    }

    fn site(&self) -> &Site {
        self.site.get().expect("it is set before anything runs")
    }

    /// The head takes no more: what waits to go round again is abandoned.
    fn close(&self) {
        let (queue, head) = {
            let mut state = self.state.lock();
            state.is_closed = true;
            (std::mem::take(&mut state.queue), state.head.take())
        };
        drop(head);
        self.site().node.counts.abandoned_waiting.add(queue.len() as u64);
        drop_each(queue);
    }
}
