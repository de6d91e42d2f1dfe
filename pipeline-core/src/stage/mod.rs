//! Stages: a user's function from item to item(s), as a value with settings.
//!
//! [`Stage`] is what every per-item form becomes. [`then`](crate::flow::Flow::then) takes it, closures, and what the
//! attributes make: [`Staged`], [`PlainStage`], [`StreamStage`]; [`sink`](crate::flow::Flow::sink) takes [`Sunk`],
//! [`PlainSink`], [`StreamSink`]. A body sees of the pipeline what [`Out`] and [`In`] let it.

mod blocking;
mod boxed;
#[doc(hidden)]
pub mod forms;
mod hooked;
mod hooks;
mod keyed;
mod mapped;
mod outlet_port;
mod pace;
mod plain;
mod policy;
mod pool;
mod port;
mod settings;
mod single;
mod staged;
mod step;
mod stream;
mod worker;

use std::future::Future;
use std::time::Duration;

pub use boxed::{BoxStage, DynStage};
pub use forms::*;
pub use hooked::{WithClose, WithInit};
pub use keyed::ByKey;
#[doc(hidden)]
pub use keyed::{Keys, key_of};
pub(crate) use mapped::Mapped;
pub(crate) use pace::Pace;
pub use plain::PlainFlow;
pub use policy::{Backoff, DeadLetter, DeadLettered, OnError, Retried};
#[doc(hidden)]
pub use policy::{Guarded, Policies, Policy};
pub(crate) use pool::{Pool, emit};
pub use port::{In, InPort, Out, OutPort, Permit, Sending};
pub use settings::Settings;
pub(crate) use single::drive;
pub use staged::{Staged, stage, try_stage};
pub use step::{Body, IntoStage, IntoTryStage, Step, TryStep};
pub(crate) use worker::{BUDGET, Failing, Site};

use crate::error::BoxError;

/// How long a worker may take to [close](Stage::close), unless [`close_within`](Staged::close_within) says otherwise.
pub(crate) const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// A stage written by hand: from one item to any number of items.
///
/// A worker has a clone of its own, so fields are state of the worker. `call` may send through `out` and may return one
/// last item; a stage from one item to one item just returns it. Hand the value to
/// [`then`](crate::flow::Flow::then), or to [`stage`] for settings.
///
/// ```
/// use taktline::BoxError;
/// use taktline::prelude::*;
/// use taktline::stages::Stage;
///
/// #[derive(Clone)]
/// struct Double;
///
/// impl Stage for Double {
///     type In = u64;
///     type Out = u64;
///     const SENDS: bool = false;
///
///     async fn call(&mut self, item: u64, _: Out<'_, u64>) -> Result<Option<u64>, BoxError> {
///         Ok(Some(2 * item))
///     }
/// }
///
/// # taktline::sim::run(1, async {
/// let plan = iter(0..3u64).then(Double).then(stage(Double).concurrency(2).name("again"));
/// assert_eq!(plan.collect::<Vec<_>>().run().await?.value, [0, 4, 8]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
pub trait Stage: Clone + Send + 'static {
    /// What comes in.
    type In: Send + 'static;
    /// What goes out.
    type Out: Send + 'static;

    /// Whether `call` ever sends through `out`. False promises that it does not, so that nothing is held back for it.
    const SENDS: bool = true;

    /// Whether `init` or `close` does something. False promises that it does not, so that neither is called.
    const HOOKS: bool = true;

    /// Whether `call` ever awaits, so that it can be stopped.
    #[doc(hidden)]
    const AWAITS: bool = true;

    /// Whether the items of one [`key`](Self::key) are in work one after the other.
    #[doc(hidden)]
    const HAS_KEYS: bool = false;

    #[doc(hidden)]
    fn key(_: &Self::In) -> u64 {
        0
    }

    /// Handles one item. `Ok(None)` without a send is an item that was filtered out.
    ///
    /// # Errors
    /// An error fails the item, and with it the run.
    ///
    /// # Panics
    /// A panic does the same, as a [`Panicked`](crate::error::Panicked).
    ///
    /// # Cancel safety
    /// The future is dropped at an await when the run is torn down; its item then counts as abandoned.
    fn call(
        &mut self,
        item: Self::In,
        out: Out<'_, Self::Out>,
    ) -> impl Future<Output = Result<Option<Self::Out>, BoxError>> + Send;

    /// Gets a worker ready, in its own task, before it takes its first item: opens its connection, its file. By default it
    /// does nothing.
    ///
    /// ```
    /// use taktline::BoxError;
    /// use taktline::prelude::*;
    /// use taktline::stages::Stage;
    ///
    /// #[derive(Clone, Default)]
    /// struct Adds(Option<u64>);
    ///
    /// impl Stage for Adds {
    ///     type In = u64;
    ///     type Out = u64;
    ///     const SENDS: bool = false;
    ///
    ///     async fn init(&mut self) -> Result<(), BoxError> {
    ///         self.0 = Some(10);
    ///         Ok(())
    ///     }
    ///
    ///     async fn call(&mut self, item: u64, _: Out<'_, u64>) -> Result<Option<u64>, BoxError> {
    ///         Ok(self.0.map(|ten| item + ten))
    ///     }
    ///
    ///     async fn close(&mut self) -> Result<(), BoxError> {
    ///         self.0 = None;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// assert_eq!(iter(0..3u64).then(Adds::default()).collect::<Vec<_>>().run().await?.value, [10, 11, 12]);
    /// # Ok::<(), taktline::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// An error, or a panic, fails the run before the worker takes an item.
    ///
    /// # Cancel safety
    /// The future is dropped at an await when the stage is told to stop.
    fn init(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }

    /// Puts away what a worker has used, when it has no more to do. Awaited at every ending but a drop of the run, for five
    /// seconds at most ([`close_within`](Staged::close_within)); also if [`init`](Self::init) has failed or was dropped. Outputs do not wait for it, the end of the run
    /// does. By default it does nothing.
    ///
    /// # Errors
    /// An error, a panic or a want of time fails the run, or is attached to what has ended it.
    fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }
}
