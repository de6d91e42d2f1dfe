//! A merge that flows can be added to while it runs.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::inputs::Merge;
use super::several::MergeFlow;
use super::turns::Turns;
use crate::edge::{arm, wake};
use crate::error::{Error, Failure};
use crate::flow::{BoxFlow, Flow};
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::op::join::{Inputs, Taken, input, join, outline_input};
use crate::plan::{Build, Outline};
use crate::push::{Ending, Push};
use crate::run::Stop;
use crate::stage::Site;
use crate::sync::Mutex;

const NAME: &str = "merge_growing";

/// Merges flows, and those that are added while it runs: by the [`Adder`] that `start` is given when the flow is started, or
/// by the one of a started flow ([`Started::adder`](crate::run::Started::adder)). `start` gives the first flows, as
/// [`merge`](super::merge) takes them.
///
/// It ends when all flows have ended and its reader has been told so. A loop that reads it can therefore add a flow while
/// it handles the last item, and so can a stage with one worker. A stage with several workers is told as soon as one of them
/// has nothing to do; a fused sink, and a [`batch`](crate::flow::ShapeExt::batch) that is not empty, at once: there, and anywhere else, an
/// [`Adder::keep_open`] keeps it from ending.
///
/// ```
/// use taktline::prelude::*;
///
/// # taktline::sim::run(1, async {
/// let mut xs = merge_growing(|_| [iter(0..3u64)]).start();
/// let add = xs.adder().expect("it grows");
/// let mut seen = Vec::new();
/// while let Some(x) = xs.next().await? {
///     if x == 2 {
///         add.add(iter(7..9u64)).expect("it has not ended");
///     }
///     seen.push(x);
/// }
/// assert_eq!(seen, [0, 1, 2, 7, 8]);
/// assert!(add.add(iter(0..1u64)).is_err());
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
///
/// The flows that are added count in no [`bound`](Flow::bound), and each adds its rows to the report.
///
/// # Ordering
/// Each input keeps its order. While two or more are ready, one item from each in rotation.
///
/// # Backpressure
/// Each input waits in an edge of its own (see [`buffer`](Flow::buffer)) while the next one is full.
pub fn merge_growing<M, S, F, T, L>(start: F) -> MergeGrowing<F, (M, S)>
where
    F: FnOnce(Adder<T, L>) -> S + Clone + Send + 'static,
    S: Merge<M, Flow = MergeFlow<T, L>>,
    T: Send + 'static,
    L: Lineage,
{
    MergeGrowing { start, makes: PhantomData }
}

/// The flow of [`merge_growing`].
#[must_use = "a flow is a plan: end it in a sink and run it, or start it and read it"]
pub struct MergeGrowing<F, M> {
    start: F,
    makes: PhantomData<fn() -> M>,
}

impl<F: Clone, M> Clone for MergeGrowing<F, M> {
    fn clone(&self) -> Self {
        MergeGrowing { start: self.start.clone(), makes: PhantomData }
    }
}

impl<F, M> fmt::Debug for MergeGrowing<F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MergeGrowing")
    }
}

impl<F, M, S, T, L> Flow for MergeGrowing<F, (M, S)>
where
    F: FnOnce(Adder<T, L>) -> S + Clone + Send + 'static,
    S: Merge<M, Flow = MergeFlow<T, L>> + 'static,
    M: 'static,
    T: Send + 'static,
    L: Lineage,
{
    type Item = T;
    type Lineage = L;

    fn build<N: Push<T, L>>(self, build: &mut Build, next: N) {
        let gate = Arc::new(Gate { state: Mutex::default() });
        let adder = Adder { gate: gate.clone() };
        build.hand_out(adder.clone());
        let first = (self.start)(adder).merge().flows;
        join(NAME, build, next, |build, site| {
            let mut growing = Growing { turns: Turns::new(), gate, site: site.clone(), grown: 0, is_over: false };
            for flow in first {
                if let Err(error) = check(&flow) {
                    build.refuse(error);
                }
                growing.turns.add(input(flow, build, site));
            }
            growing
        });
    }

    fn outline(&self, outline: &mut Outline, _: usize) {
        outline.hold(1);
        outline.node(NAME, Kind::Join);
        outline.note("flows are added while it runs");
    }
}

/// Whether a flow can run.
fn check<F: Flow>(flow: &F) -> Result<(), Error> {
    let mut outline = Outline::default();
    let at = outline.node(NAME, Kind::Join);
    outline_input(flow, at, NAME, &mut outline);
    outline.check()
}

/// Adds flows to a [`merge_growing`] that runs, from any task or thread. It does not keep the merge open.
pub struct Adder<T, L = ()> {
    gate: Arc<Gate<T, L>>,
}

impl<T: Send + 'static, L: Lineage> Adder<T, L> {
    /// Adds a flow, whose tasks are made soon.
    ///
    /// # Errors
    /// [`NotAdded`], with the flow in it: the merge has ended, or the flow cannot run.
    pub fn add<F: Flow<Item = T, Lineage = L>>(&self, flow: F) -> Result<(), NotAdded<F>> {
        if let Err(error) = check(&flow) {
            return Err(NotAdded { flow, error: Some(error) });
        }
        let task = {
            let mut state = self.gate.state.lock();
            if state.is_closed {
                drop(state);
                return Err(NotAdded { flow, error: None });
            }
            state.added.push(flow.boxed());
            state.task.take()
        };
        wake(task);
        Ok(())
    }

    /// Keeps the merge from ending until this is dropped. Of no use once it has ended.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// # taktline::sim::run(1, async {
    /// let mut xs = merge_growing(|_| [iter(0..1u64)]).start();
    /// let add = xs.adder().expect("it grows");
    /// let open = add.keep_open();
    /// let task = taktline::spawn(async move {
    ///     sleep(std::time::Duration::from_secs(5)).await;
    ///     add.add(iter(1..2u64)).expect("it is kept open");
    ///     drop(open);
    /// });
    /// let mut seen = Vec::new();
    /// while let Some(x) = xs.next().await? {
    ///     seen.push(x);
    /// }
    /// assert_eq!(seen, [0, 1]);
    /// # task.await.unwrap();
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn keep_open(&self) -> KeepOpen<T, L> {
        self.gate.state.lock().keepers += 1;
        KeepOpen { gate: self.gate.clone() }
    }
}

/// Keeps a [`merge_growing`] open until it is dropped. From [`Adder::keep_open`].
#[must_use = "the merge is kept open only until this is dropped"]
pub struct KeepOpen<T, L = ()> {
    gate: Arc<Gate<T, L>>,
}

impl<T, L> Drop for KeepOpen<T, L> {
    fn drop(&mut self) {
        let task = {
            let mut state = self.gate.state.lock();
            state.keepers -= 1;
            state.task.take()
        };
        wake(task);
    }
}

/// A flow that was not added to a merge, because it has ended, or because the flow cannot run.
pub struct NotAdded<F> {
    /// The flow.
    pub flow: F,
    error: Option<Error>,
}

impl<F> NotAdded<F> {
    /// What is wrong with the flow. `None` if the merge has ended.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }
}

impl<F> fmt::Display for NotAdded<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            Some(error) => write!(f, "the flow was not added: {error}"),
            None => f.write_str("the flow was not added: the merge has ended; `keep_open` keeps it from that"),
        }
    }
}

impl<F> fmt::Debug for NotAdded<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl<F> std::error::Error for NotAdded<F> {}

impl<T, L> Clone for Adder<T, L> {
    fn clone(&self) -> Self {
        Adder { gate: self.gate.clone() }
    }
}

impl<T, L> fmt::Debug for Adder<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Adder")
    }
}

impl<T, L> fmt::Debug for KeepOpen<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeepOpen")
    }
}

/// Through which flows are added, until it is closed.
struct Gate<T, L> {
    state: Mutex<State<T, L>>,
}

struct State<T, L> {
    /// Not built yet.
    added: Vec<BoxFlow<T, L>>,
    keepers: usize,
    /// All flows that were built have ended.
    is_quiet: bool,
    /// How many flows were built since the start.
    grown: usize,
    is_closed: bool,
    task: Option<Waker>,
}

impl<T, L> Default for State<T, L> {
    fn default() -> Self {
        State { added: Vec::new(), keepers: 0, is_quiet: false, grown: 0, is_closed: false, task: None }
    }
}

impl<T, L> Gate<T, L> {
    /// Nothing is added any more, in any case.
    fn shut(&self) {
        let (added, task) = {
            let mut state = self.state.lock();
            state.is_closed = true;
            (std::mem::take(&mut state.added), state.task.take())
        };
        drop((added, task));
    }
}

/// The end behind the flows that were built until now. A step may keep back items of those that are built later: they would
/// come after it.
struct End<T, L> {
    gate: Arc<Gate<T, L>>,
    grown: usize,
}

impl<T: Send + 'static, L: Lineage> Ending for End<T, L> {
    fn poll_close(&self) -> Poll<Option<Waker>> {
        let mut state = self.gate.state.lock();
        if !state.is_quiet || state.grown != self.grown || state.keepers > 0 || !state.added.is_empty() {
            return Poll::Pending;
        }
        state.is_closed = true;
        Poll::Ready(state.task.take())
    }
}

struct Growing<T, L> {
    turns: Turns<T, L>,
    gate: Arc<Gate<T, L>>,
    site: Site,
    grown: usize,
    is_over: bool,
}

impl<T: Send + 'static, L: Lineage> Growing<T, L> {
    /// Builds and starts what was added. Says whether the gate is closed.
    fn grow(&mut self, cx: &mut Context<'_>) -> bool {
        let (added, is_closed, former) = {
            let mut state = self.gate.state.lock();
            let added = std::mem::take(&mut state.added);
            state.grown += added.len();
            self.grown = state.grown;
            state.is_quiet = self.turns.is_over() && added.is_empty();
            let former = arm(&mut state.task, cx.waker());
            (added, state.is_closed, former)
        };
        drop(former);
        for flow in added {
            let mut build = Build::new(self.site.run.clone());
            let rx = input(flow, &mut build, &self.site);
            match build.start() {
                Ok(()) => _ = self.turns.add(rx),
                Err(error) => self.site.run.fail(Failure::new(&self.site.node.name, None, Box::new(error))),
            }
        }
        is_closed
    }
}

impl<T: Send + 'static, L: Lineage> Inputs for Growing<T, L> {
    type Item = T;
    type Lineage = L;

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Taken<T, L>> {
        self.is_over = self.grow(cx);
        if !self.turns.is_over() {
            return self.turns.poll_take(cx);
        }
        if self.is_over {
            return Poll::Ready(Taken::Nothing);
        }
        Poll::Ready(Taken::Quiet(Arc::new(End { gate: self.gate.clone(), grown: self.grown })))
    }

    fn release(&mut self) {
        self.turns.release();
    }

    fn close(&mut self, reason: Stop) {
        self.turns.close(reason);
    }
}

impl<T, L> Drop for Growing<T, L> {
    fn drop(&mut self) {
        self.gate.shut();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_was_offered_before_a_flow_was_built_is_not_told_behind_it() {
        let gate = Arc::new(Gate::<u64, ()> { state: Mutex::default() });
        let end = |grown| End { gate: gate.clone(), grown };
        gate.state.lock().is_quiet = true;
        // Another flow comes and ends, and the reader has not looked at the first offer yet.
        gate.state.lock().grown = 1;
        assert!(end(0).poll_close().is_pending());
        assert!(end(1).poll_close().is_ready());
    }
}
