//! Stages: a user's function from item to item(s), as a value with settings.
//!
//! [`Stage`] is what every per-item form becomes. [`then`](crate::flow::Flow::then) takes it, closures, and what the
//! attributes make: [`Staged`], [`PlainStage`], [`StreamStage`]; [`sink`](crate::flow::Flow::sink) takes [`Sunk`],
//! [`PlainSink`], [`StreamSink`]. A body sees of the pipeline what [`Out`] and [`In`] let it.

mod blocking;
mod boxed;
#[doc(hidden)]
pub mod forms;
mod keyed;
mod pace;
mod plain;
mod pool;
mod port;
mod settings;
mod single;
mod staged;
mod step;
mod stream;
mod worker;

use std::future::Future;

pub use boxed::{BoxStage, DynStage};
pub use forms::*;
pub use keyed::KeyedStage;
pub(crate) use pace::Pace;
pub use plain::PlainFlow;
pub(crate) use pool::{Pool, emit};
pub use port::{In, InPort, Out, OutPort, Permit, Sending};
pub use settings::Settings;
pub(crate) use single::drive;
pub use staged::{Staged, stage};
pub use step::{Body, IntoStage, Step, TryStep};
pub(crate) use worker::{BUDGET, Failing, Site};

use crate::error::BoxError;

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
}
