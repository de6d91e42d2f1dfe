//! What a body sees of the pipeline: [`Out`], into which it sends, and [`In`], from which it reads.

use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

/// The engine's side of an [`Out`].
#[doc(hidden)]
pub trait OutPort<T>: Send + Sync {
    /// Ready when a place is sure for one item. Never ready again when the stage is to end.
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()>;
    fn put(&self, item: T);
    /// Ready when the item was accepted.
    fn poll_accepted(&self, cx: &mut Context<'_>) -> Poll<()>;
    /// Takes an item back that was put and not accepted.
    fn retract(&self);
    /// The body waits for room no more, and was not given it.
    fn give_up(&self) {}
    /// A panic of the body was caught: if it came from a fused step behind, in a send, that step counts and blames itself.
    fn own_up(&self) {}
    /// Ready when the run drains.
    fn poll_closing(&self, cx: &mut Context<'_>) -> Poll<()>;
    /// Keeps the item that the body is at from counting as settled.
    fn hold(&self) -> Box<dyn Any + Send>;
}

/// The engine's side of an [`In`].
#[doc(hidden)]
pub trait InPort<T>: Send + Sync {
    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<T>>;
}

/// Where a stage or a source sends what it makes: `out.send(x).await` is the `yield` of a generator.
///
/// It is borrowed from the stage's task and cannot leave it. It has no `close`: the output ends when the function
/// returns. When the run is torn down, a pending `send` never resumes: the function is dropped at that await.
///
/// ```
/// use taktline::prelude::*;
///
/// #[stage]
/// async fn twice(x: u64, out: Out<u64>) {
///     out.send(x).await;
///     out.send(x).await;
/// }
///
/// # taktline::sim::run(1, async {
/// let done = iter(0..3u64).then(twice()).collect::<Vec<_>>().run().await?;
/// assert_eq!(done.value, [0, 0, 1, 1, 2, 2]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
///
/// # Ordering
/// Items arrive in the order in which they were sent. In an ordered stage with several workers, the outputs of one item are
/// contiguous; in an unordered one, those of different items may interleave.
///
/// # Backpressure
/// `send` waits while the next edge is full. In an ordered pool an item whose turn has not come may hold back as many outputs
/// as that edge has places, then its `send` waits. A body that waits in a `send` is still in work.
pub struct Out<'a, T> {
    port: &'a dyn OutPort<T>,
}

impl<'a, T> Out<'a, T> {
    pub(crate) fn new(port: &'a dyn OutPort<T>) -> Self {
        Out { port }
    }

    pub(crate) fn port(&self) -> &'a dyn OutPort<T> {
        self.port
    }

    /// For work that goes on after the body was dropped: the item is not settled before this is gone, too.
    pub(crate) fn hold(&self) -> Box<dyn Any + Send> {
        self.port.hold()
    }

    /// Sends an item; resolves when it was accepted by what comes next. Nothing is sent before the future is polled.
    ///
    /// There is no error: when nobody takes items any more, the function is dropped at this await. What has to happen then
    /// belongs into a destructor.
    ///
    /// # Cancel safety
    /// If the future is dropped before it has resolved, the item is dropped with it and was not sent. One that a
    /// [`flat_map`](crate::flow::Flow::flat_map) behind the stage has begun to take apart was sent: that goes on.
    /// To keep the item, [`reserve`](Out::reserve) a place first.
    pub fn send(&mut self, item: T) -> Sending<'_, T> {
        Sending { port: self.port, item: Some(item), is_put: false, waits: false }
    }

    /// Waits for a place; the [`Permit`] fills it without waiting.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// /// Takes a number only when there is room for it.
    /// #[source]
    /// async fn countdown(numbers: Vec<u64>, out: Out<u64>) {
    ///     let mut numbers = numbers;
    ///     while !numbers.is_empty() {
    ///         let permit = out.reserve().await;
    ///         permit.send(numbers.pop().expect("it is not empty"));
    ///     }
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// let done = countdown(vec![1, 2, 3]).collect::<Vec<_>>().run().await?;
    /// assert_eq!(done.value, [3, 2, 1]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Cancel safety
    /// Nothing is lost if the future, or the permit, is dropped. Safe in a `select!`.
    ///
    /// # Backpressure
    /// What the permit is filled with has its place. A function that returns with one filled is done when it was accepted.
    pub async fn reserve(&mut self) -> Permit<'_, T> {
        let port = self.port;
        let mut waits = Waits { port, is_waiting: true };
        poll_fn(|cx| port.poll_room(cx)).await;
        waits.is_waiting = false;
        Permit { port }
    }

    /// Ready when the run is asked to drain, and never if it is not.
    ///
    /// A source that has asked for it is not dropped by a drain: it is told, and ends by itself, between two items or after it
    /// has sent a last one. What has not ended at the deadline of the drain is cut. In a stage it tells the same; a stage
    /// needs it only if it makes outputs without end from one item.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taktline::prelude::*;
    ///
    /// /// Counts, and says good-bye.
    /// #[source]
    /// async fn counter(out: Out<String>) {
    ///     for x in 0.. {
    ///         if taktline::timeout(Duration::from_secs(1), out.closing()).await.is_ok() {
    ///             break;
    ///         }
    ///         out.send(x.to_string()).await;
    ///     }
    ///     out.send("bye".to_owned()).await;
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// let running = counter().collect::<Vec<_>>().start();
    /// sleep(Duration::from_millis(2500)).await;
    /// let done = running.drain(Duration::from_secs(25)).await?;
    /// assert_eq!(done.value, ["0", "1", "bye"]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped. Safe in a `select!`; the source stays one that is told.
    pub async fn closing(&self) {
        let port = self.port;
        poll_fn(|cx| port.poll_closing(cx)).await;
    }
}

/// Tells the port if a wait for room is given up.
struct Waits<'a, T> {
    port: &'a dyn OutPort<T>,
    is_waiting: bool,
}

impl<T> Drop for Waits<'_, T> {
    fn drop(&mut self) {
        if self.is_waiting {
            self.port.give_up();
        }
    }
}

impl<T> fmt::Debug for Out<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Out")
    }
}

/// A place for one item, from [`Out::reserve`], which has an example. Dropped unused, it gives the place back.
#[must_use = "a permit sends nothing by itself"]
pub struct Permit<'a, T> {
    port: &'a dyn OutPort<T>,
}

impl<T> Permit<'_, T> {
    /// Sends an item into the place, at once: it cannot fail and does not wait.
    pub fn send(self, item: T) {
        self.port.put(item);
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}

/// The future of [`Out::send`].
///
/// # Cancel safety
/// If it is dropped before it has resolved, its item is dropped with it and was not sent.
#[must_use = "nothing is sent until it is awaited"]
pub struct Sending<'a, T> {
    port: &'a dyn OutPort<T>,
    item: Option<T>,
    is_put: bool,
    /// Whether it was last seen to wait for room.
    waits: bool,
}

// No field is pinned.
impl<T> Unpin for Sending<'_, T> {}

impl<T> Future for Sending<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.waits = true;
        if this.item.is_some() {
            ready!(this.port.poll_room(cx));
        }
        if let Some(item) = this.item.take() {
            this.port.put(item);
            this.is_put = true;
        }
        ready!(this.port.poll_accepted(cx));
        (this.waits, this.is_put) = (false, false);
        Poll::Ready(())
    }
}

impl<T> Drop for Sending<'_, T> {
    fn drop(&mut self) {
        if self.is_put {
            self.port.retract();
        }
        if self.waits {
            self.port.give_up();
        }
    }
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("is_put", &self.is_put).finish_non_exhaustive()
    }
}

/// What a stream-to-stream stage reads: `while let Some(x) = input.next().await`. Also a [`Stream`].
///
/// It is borrowed from the stage's task and cannot leave it. A stage that returns before its input has ended stops what is
/// upstream of it; the run ends well.
///
/// ```
/// use taktline::prelude::*;
///
/// #[stage]
/// async fn running_sum(input: In<u64>, out: Out<u64>) {
///     let mut sum = 0;
///     while let Some(x) = input.next().await {
///         sum += x;
///         out.send(sum).await;
///     }
/// }
///
/// # taktline::sim::run(1, async {
/// let done = iter(0..5u64).then(running_sum()).collect::<Vec<_>>().run().await?;
/// assert_eq!(done.value, [0, 1, 3, 6, 10]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
///
/// # Ordering
/// Items come in the order in which they were sent.
pub struct In<'a, T> {
    port: &'a dyn InPort<T>,
}

impl<'a, T> In<'a, T> {
    pub(crate) fn new(port: &'a dyn InPort<T>) -> Self {
        In { port }
    }

    /// The next item, or `None` when the input has ended. After `None` it stays `None`.
    ///
    /// A failure upstream ends the input behind what was accepted before it. A cancel is no end of the input: the function is
    /// dropped at this await.
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<T> {
        let port = self.port;
        poll_fn(|cx| port.poll_next(cx)).await
    }
}

impl<T> Stream for In<'_, T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.port.poll_next(cx)
    }
}

impl<T> fmt::Debug for In<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("In")
    }
}
