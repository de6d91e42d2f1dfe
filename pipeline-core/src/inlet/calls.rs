//! Requests that go through a run and come back as replies.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use super::call::{Call, CallError};
use super::sending::Entering;
use super::slot::Slot;
use super::{Inlet, InletFlow, SendError, tracked_inlet};
use crate::edge::DEFAULT_BUFFER;
use crate::flow::Flow;
use crate::ledger::Kind;
use crate::lineage::Ticket;
use crate::op::FusedCount;
use crate::plan::{Build, Outline};
use crate::push::{Push, takes_all};
use crate::run::{Ends, Pipeline};
use crate::sync::atomic::{AtomicU64, Ordering};

const NAME: &str = "replies";

/// A pipeline from requests to replies, and the handle that calls it. `body` makes the replies from the flow of requests, of
/// which `buffer` wait at most; 0 makes the plan invalid.
///
/// Each caller gets its own reply, in whatever order they come: a ticket follows the request through the flow and leads back.
/// Where a request makes several items, the first that arrives is its reply and the others are dropped. A batch of requests is
/// taken apart again by [`unbatch`](crate::flow::ShapeExt::unbatch): each reply goes to the caller whose request had that place in the batch.
/// A stage between the two takes a `Vec` and returns one of the same length; if it does not, the calls of that batch fail.
/// A flow that makes one item of several requests in another way has no reply for any of them.
///
/// A reply that nobody takes, since its caller has gone or has one already, counts as
/// [`dropped`](crate::ledger::StageReport::dropped) in the row `replies`.
///
/// The pipeline runs once, and ends when all handles are gone and every call that was accepted has its reply.
///
/// ```
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let square = stage(|x: u64| async move { x * x }).concurrency(8).unordered();
/// let (squares, pipeline) = calls(64, |requests| requests.then(square));
/// let running = pipeline.start();
/// assert_eq!(squares.call(12).await, Ok(144));
/// drop(squares);
/// running.join().await?;
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
///
/// The requests of many callers go through a stage together:
///
/// ```
/// use std::time::Duration;
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let double = |numbers: Vec<u64>| async move { numbers.into_iter().map(|x| 2 * x).collect::<Vec<_>>() };
/// let (doubles, pipeline) = calls(64, |requests| {
///     requests.batch_within(32, Duration::from_millis(5)).then(double).unbatch()
/// });
/// let running = pipeline.start();
/// let callers: Vec<_> = (0..100).map(|x| taktline::spawn(doubles.call(x))).collect();
/// for (x, caller) in (0..100).zip(callers) {
///     assert_eq!(caller.await.unwrap(), Ok(2 * x));
/// }
/// # running.cancel().await.ok();
/// # });
/// ```
///
/// # Backpressure
/// A [`call`](Calls::call) waits while the buffer is full, first come first served; a [`try_call`](Calls::try_call) does not.
pub fn calls<Q, R, B>(buffer: usize, body: impl FnOnce(InletFlow<Q, Ticket>) -> B) -> (Calls<Q, R>, Pipeline<()>)
where
    Q: Send + 'static,
    R: Send + 'static,
    B: Flow<Item = R, Lineage = Ticket>,
{
    let (inlet, requests) = tracked_inlet(buffer);
    let calls = Calls { inlet, left: Arc::default(), replies: std::marker::PhantomData };
    (calls, Pipeline::ended(Replies { flow: body(requests) }))
}

/// Calls a pipeline with requests `Q` for replies `R`. From [`calls`]; a clone calls the same run.
pub struct Calls<Q, R> {
    pub(super) inlet: Inlet<Q, Ticket>,
    pub(super) left: Arc<AtomicU64>,
    replies: std::marker::PhantomData<fn() -> R>,
}

impl<Q: Send + 'static, R: Send + 'static> Calls<Q, R> {
    /// Sends a request as soon as there is room, and waits for its reply. [`deadline`](Call::deadline) limits the time.
    ///
    /// # Errors
    /// A [`CallError`](super::CallError): the run takes nothing more, the time was over, or no reply came.
    ///
    /// # Cancel safety
    /// If it is dropped before the request was accepted, that was not sent. Later, the request goes on through the flow, its
    /// reply is dropped, and the caller counts as [`left`](Calls::left).
    pub fn call(&self, request: Q) -> Call<Q, R> {
        self.start(request, true)
    }

    /// Like [`call`](Calls::call), but a request for which there is no room at once is shed: at most `buffer` requests wait.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::inlet::CallError;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let slow = stage(|x: u64| async move { sleep(Duration::from_secs(1)).await; x }).buffer(1);
    /// let (calls, pipeline) = calls(1, |requests| requests.then(slow));
    /// let running = pipeline.start();
    /// let callers: Vec<_> = (0..8).map(|x| taktline::spawn(calls.try_call(x))).collect();
    /// let mut shed = 0;
    /// for caller in callers {
    ///     let reply = caller.await.expect("no caller panics");
    ///     shed += u64::from(matches!(reply, Err(CallError::Overloaded(_))));
    /// }
    /// assert!((1..8).contains(&shed));
    /// # running.cancel().await.ok();
    /// # });
    /// ```
    ///
    /// # Errors
    /// Those of `call`, and [`Overloaded`](super::CallError::Overloaded), which gives the request back.
    ///
    /// # Cancel safety
    /// That of `call`.
    pub fn try_call(&self, request: Q) -> Call<Q, R> {
        self.start(request, false)
    }

    /// Reserves a place for a request that is made later: one that is expensive to make, or to read from a client.
    ///
    /// ```
    /// use taktline::inlet::CallError;
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let (calls, pipeline) = calls(1, |requests| requests.then(|x: u64| async move { x + 1 }));
    /// let running = pipeline.start();
    /// let permit = calls.reserve().await.expect("the run goes on");
    /// assert_eq!(calls.try_call(1).await, Err(CallError::Overloaded(1)));
    /// assert_eq!(permit.call(2).await, Ok(3));
    /// # running.cancel().await.ok();
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Closed`](super::CallError::Closed): the run takes nothing more.
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, the place in line is lost. A permit that is dropped gives its place to the next one.
    pub async fn reserve(&self) -> Result<CallPermit<Q, R>, CallError<()>> {
        let mut entering = Entering::new(self.inlet.clone(), None);
        match poll_fn(|cx| entering.poll_reserve(cx)).await {
            Ok(()) => Ok(CallPermit { entering, left: self.left.clone(), replies: self.replies }),
            Err(SendError(request)) => Err(CallError::Closed(request)),
        }
    }

    /// How many callers have gone away after their request was accepted: their call was dropped, or its time was over.
    pub fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// Whether the run takes nothing more: every call gives its request back.
    pub fn is_closed(&self) -> bool {
        self.inlet.is_closed()
    }

    fn start(&self, request: Q, waits: bool) -> Call<Q, R> {
        begin(Entering::new(self.inlet.clone(), None), request, waits, self.left.clone())
    }
}

pub(super) fn begin<Q, R>(
    mut entering: Entering<Q, Ticket>,
    request: Q,
    waits: bool,
    left: Arc<AtomicU64>,
) -> Call<Q, R>
where
    R: Send + 'static,
{
    let slot = Arc::new(Slot::default());
    entering.bring(request, Ticket::from(slot.clone()));
    Call::new(entering, waits, slot, left)
}

/// A place for one request. From [`Calls::reserve`]; nobody else gets it until it is dropped.
#[must_use = "it keeps a place that others wait for"]
pub struct CallPermit<Q, R> {
    entering: Entering<Q, Ticket>,
    left: Arc<AtomicU64>,
    replies: std::marker::PhantomData<fn() -> R>,
}

impl<Q: Send + 'static, R: Send + 'static> CallPermit<Q, R> {
    /// Sends the request at the first poll, and waits for its reply.
    ///
    /// # Errors
    /// A [`CallError`](super::CallError): the run has ended meanwhile, the time was over, or no reply came.
    ///
    /// # Cancel safety
    /// That of [`Calls::call`]. The place is kept until the first poll, or the drop.
    pub fn call(self, request: Q) -> Call<Q, R> {
        begin(self.entering, request, true, self.left)
    }
}

impl<Q, R> fmt::Debug for CallPermit<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallPermit")
    }
}

impl<Q, R> Clone for Calls<Q, R> {
    fn clone(&self) -> Self {
        Calls { inlet: self.inlet.clone(), left: self.left.clone(), replies: self.replies }
    }
}

impl<Q, R> fmt::Debug for Calls<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").field("inlet", &self.inlet).finish_non_exhaustive()
    }
}

/// The pipeline of [`calls`]: a flow that ends in the slots of the callers.
#[derive(Clone)]
struct Replies<B> {
    flow: B,
}

impl<B: Flow<Lineage = Ticket>> Ends for Replies<B> {
    fn build(self, build: &mut Build) {
        let count = FusedCount::of(build.site(NAME, Kind::Sink).node);
        self.flow.build(build, RepliesPush { count });
    }

    fn outline(&self, outline: &mut Outline) {
        outline.fused_as(NAME, Kind::Sink);
        self.flow.outline(outline, DEFAULT_BUFFER);
    }
}

struct RepliesPush {
    count: FusedCount,
}

impl<R: Send + 'static> Push<R, Ticket> for RepliesPush {
    fn push(&mut self, reply: R, ticket: Ticket) {
        let refused = match ticket.asker::<Slot<R>>() {
            Some(slot) => slot.put(reply),
            None => Err(reply),
        };
        match refused {
            Ok(()) => self.count.seen(),
            Err(reply) => {
                self.count.call(|| drop(reply));
                self.count.dropped();
            }
        }
    }

    fn flush(&mut self) {
        self.count.flush();
    }

    fn own_up(&mut self) {
        self.count.own_up();
    }

    takes_all!();
}
