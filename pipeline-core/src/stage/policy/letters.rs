//! Dead letters: items that have failed for good, as a flow of their own.
//!
//! They pass an edge and a task that moves them on, as at a split. What writes is each worker in its turn, with the item
//! still in work: so nothing is lost where the reader is slow, and what an ending cuts there counts as abandoned.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use super::{OnError, Policies};
use crate::edge::{DEFAULT_BUFFER, Tx, edge};
use crate::error::BoxError;
use crate::ledger::Kind;
use crate::lineage::Ticket;
use crate::op::{Branch, Mover, Socket, Turns, branch};
use crate::plan::{Build, Outline};
use crate::push::{Flowing, Push};
use crate::run::{Gives, Node, Pipeline, Plan, Stop, Value};
use crate::sync::Mutex;

const NAME: &str = "dead_letters";

/// An item that has failed for good, as the [dead letters](crate::stage::Staged::dead_letters) of its stage give it.
#[derive(Debug)]
#[non_exhaustive]
pub struct DeadLetter<T> {
    /// What the stage was given: the clone that it had not worked on.
    pub input: T,
    /// Why the last attempt has failed.
    pub error: BoxError,
    /// The name of the stage.
    pub stage: String,
    /// How often the item was tried.
    pub attempts: u32,
}

/// An item that can become a dead letter.
#[diagnostic::on_unimplemented(
    message = "an item of `{Self}` cannot become a dead letter, since it is not `Clone`",
    label = "is not `Clone`",
    note = "a dead letter has a clone of the item: derive `Clone` for it, or make it an `Arc<{Self}>`"
)]
pub trait DeadLettered: Sized {
    #[doc(hidden)]
    fn kept(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> DeadLettered for T {
    fn kept(&self) -> T {
        self.clone()
    }
}

/// The dead letters of a stage, in a plan.
pub(super) struct Letters<T> {
    socket: Socket<DeadLetter<T>, Ticket>,
    side: Pipeline<()>,
}

impl<T> Clone for Letters<T> {
    fn clone(&self) -> Self {
        Letters { socket: self.socket.clone(), side: self.side.clone() }
    }
}

impl<T: DeadLettered + Send + 'static> Policies<T> {
    pub(crate) fn dead_letters<V: Send + 'static>(
        self,
        end: impl FnOnce(Branch<DeadLetter<T>, Ticket>) -> Pipeline<V>,
    ) -> Self {
        let (socket, flow) = branch();
        let letters = Letters { socket, side: Pipeline::of(Valueless(end(flow))) };
        Policies { letters: Some(letters), copy: Some(T::kept), on_error: OnError::DeadLetter, ..self }
    }
}

impl<T: Send + 'static> Letters<T> {
    pub(super) fn outline(&self, outline: &mut Outline) {
        outline.hold(1);
        outline.places(NAME, DEFAULT_BUFFER);
        let (at, keys) = (outline.reserve(), [self.socket.key().clone()]);
        outline.branches(at, (NAME, Kind::Split), &keys, |outline| self.side.outline_into(outline));
        outline.also(at, Some(DEFAULT_BUFFER), "what has failed for good");
    }

    pub(super) fn build(self, build: &mut Build) -> Unaddressed<T> {
        // It has no value.
        drop(self.side.build(build));
        let site = build.site(NAME, Kind::Split);
        let mut exit = self.socket.unplug(build);
        exit.bind(&site.node);
        let (tx, rx) = edge(DEFAULT_BUFFER, &site.node);
        let mut mover = Mover::new(Turns::of(rx), exit, site.clone());
        build.task(&site, async move {
            poll_fn(|cx| mover.poll(cx)).await;
            mover.end().await;
        });
        Unaddressed(tx)
    }
}

/// The way to the dead letters, before the stage has a node.
pub(super) struct Unaddressed<T>(Tx<DeadLetter<T>, Ticket>);

impl<T: Send + 'static> Unaddressed<T> {
    pub(super) fn of(mut self, stage: &Arc<Node>) -> Letterbox<T> {
        // In its name only: a reader that has ended must not stop the stage.
        self.0.bind(&Arc::new(Node::new(stage.name.clone(), stage.kind)));
        Letterbox { slot: Mutex::new(Slot { tx: Some(self.0), waiting: Vec::new() }), stage: stage.clone() }
    }
}

/// Where the workers of a stage put dead letters, one at a time. The flow ends when it is dropped.
pub(super) struct Letterbox<T> {
    slot: Mutex<Slot<T>>,
    stage: Arc<Node>,
}

struct Slot<T> {
    /// None while a worker has it. No lock is held while it is used: it wakes, and drops letters.
    tx: Option<Tx<DeadLetter<T>, Ticket>>,
    waiting: Vec<Waker>,
}

impl<T: Send + 'static> Letterbox<T> {
    /// Gives the letter back if its reader has ended. If that was cut, so is the stage, with the item in work.
    ///
    /// # Cancel safety
    /// The letter is lost, and was not sent.
    pub(super) async fn send(&self, letter: DeadLetter<T>, ticket: Ticket) -> Option<DeadLetter<T>> {
        let mut turn = self.turn().await;
        let room = poll_fn(|cx| {
            let Some(tx) = turn.tx() else { return Poll::Ready(Flowing::Over) };
            let room = tx.poll_room(cx);
            match tx.reader_gone() {
                None => room,
                Some(Stop::Cut) => {
                    self.stage.stop(Stop::Cut);
                    Poll::Pending
                }
                Some(_) => Poll::Ready(Flowing::Over),
            }
        });
        if room.await == Flowing::Over {
            return Some(letter);
        }
        let tx = turn.tx()?;
        tx.push(letter, ticket);
        tx.flush();
        None
    }

    async fn turn(&self) -> Turn<'_, T> {
        poll_fn(|cx| {
            let mut slot = self.slot.lock();
            match slot.tx.take() {
                Some(tx) => Poll::Ready(Turn { letterbox: self, tx: Some(tx) }),
                None => {
                    if !slot.waiting.iter().any(|waiting| waiting.will_wake(cx.waker())) {
                        slot.waiting.push(cx.waker().clone());
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// A worker's turn at the letterbox.
struct Turn<'a, T> {
    letterbox: &'a Letterbox<T>,
    /// There until it is given back.
    tx: Option<Tx<DeadLetter<T>, Ticket>>,
}

impl<T> Turn<'_, T> {
    fn tx(&mut self) -> Option<&mut Tx<DeadLetter<T>, Ticket>> {
        self.tx.as_mut()
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let waiting = {
            let mut slot = self.letterbox.slot.lock();
            slot.tx = self.tx.take();
            std::mem::take(&mut slot.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// A plan whose value nobody asks for.
struct Valueless<V>(Pipeline<V>);

impl<V> Clone for Valueless<V> {
    fn clone(&self) -> Self {
        Valueless(self.0.clone())
    }
}

impl<V: Send + 'static> Plan<()> for Valueless<V> {
    fn build(self, build: &mut Build) -> Box<dyn Gives<()>> {
        drop(self.0.build(build));
        let value = Value::default();
        value.set(());
        Box::new(value)
    }

    fn outline(&self, outline: &mut Outline) {
        self.0.outline_into(outline);
    }
}

/// The setting of who takes the dead letters.
macro_rules! letter_methods {
    ($value:ident) => {
        impl<S: Stage, P: Into<crate::stage::Policies<S::In>>, K> $value<S, P, K> {
            /// Hands items that have failed for good to a flow that `end` ends in a sink, as [`DeadLetter`](crate::stage::DeadLetter)s:
            /// the input, the error, the name of the stage, and the attempts. The run goes on.
            ///
            /// That is what [`OnError::DeadLetter`](crate::stage::OnError::DeadLetter) or `on_error = dead_letter` asks for; this
            /// asks for it, too. For panics, add `.on_panic(OnError::DeadLetter)`. The item counts as failed, and as
            /// [`dead_lettered`](crate::ledger::StageReport::dead_lettered). What it has sent goes on. The value of the sink is not
            /// a part of the outcome.
            ///
            /// ```
            /// use taktline::prelude::*;
            ///
            /// #[stage(concurrency = 4, on_error = dead_letter)]
            /// async fn halve(x: u64) -> Result<u64, String> {
            ///     if x % 2 == 0 { Ok(x / 2) } else { Err(format!("{x} is odd")) }
            /// }
            ///
            /// #[sink]
            /// async fn write(letter: DeadLetter<u64>) {
            ///     assert_eq!((letter.input, letter.attempts, &*letter.stage), (3, 1, "halve"));
            ///     assert_eq!(letter.error.to_string(), "3 is odd");
            /// }
            ///
            /// # taktline::sim::run(1, async {
            /// let halve = halve().dead_letters(|letters| letters.sink(write()));
            /// let done = iter([2, 3, 4u64]).then(halve).collect::<Vec<_>>().run().await?;
            /// assert_eq!(done.value, [1, 2]);
            /// let row = done.report.stage("halve").expect("every stage has a row");
            /// assert_eq!((row.done, row.failed, row.dead_lettered), (2, 1, 1));
            /// # Ok::<(), taktline::Error>(())
            /// # }).unwrap();
            /// ```
            ///
            /// Each item is cloned before its first attempt. A [ticket](crate::lineage::Ticket) follows its item here, too. A plain function has to have workers: give it `concurrency`.
            ///
            /// # Ordering
            /// Letters come as their items fail, whatever the order of the stage.
            ///
            /// # Backpressure
            /// Up to 16 letters wait for their reader, under the name `dead_letters`. Then the workers wait that have one more: so
            /// a reader that never goes on stops the stage, and none is lost. Where the reader has ended, as one with `take` does,
            /// the stage goes on, and the item counts as [`skipped`](crate::ledger::StageReport::skipped). Where a failure or a
            /// cancel has cut the reader, it cuts the stage at its next letter; what was on its way counts as abandoned in the row
            /// `dead_letters`.
            pub fn dead_letters<V: Send + 'static>(
                self,
                end: impl FnOnce(
                    crate::op::Branch<crate::stage::DeadLetter<S::In>, crate::lineage::Ticket>,
                ) -> crate::run::Pipeline<V>,
            ) -> $value<S, crate::stage::Policies<S::In>, K>
            where
                S::In: crate::stage::DeadLettered,
            {
                self.with(|policies| policies.dead_letters(end))
            }
        }
    };
}
pub(crate) use letter_methods;
