//! Stages whose type is not known when the program is compiled.

use std::fmt;

use async_trait::async_trait;

use super::{Out, Stage};
use crate::error::BoxError;

/// A stage that can be a trait object, for pipelines that are put together at run time.
///
/// It costs one allocation an item; the static path ([`Stage`]) costs none.
///
/// ```
/// use async_trait::async_trait;
/// use taktline::BoxError;
/// use taktline::prelude::*;
/// use taktline::stages::{BoxStage, DynStage};
///
/// #[derive(Clone)]
/// struct Add(u64);
///
/// #[async_trait]
/// impl DynStage<u64, u64> for Add {
///     async fn call(&mut self, item: u64, _: Out<'_, u64>) -> Result<Option<u64>, BoxError> {
///         Ok(Some(item + self.0))
///     }
///
///     fn clone_stage(&self) -> BoxStage<u64, u64> {
///         BoxStage::new(self.clone())
///     }
/// }
///
/// # taktline::sim::run(1, async {
/// let mut flow = iter(0..3u64).boxed();
/// for add in [BoxStage::new(Add(1)), BoxStage::new(Add(10))] {
///     flow = flow.then(stage(add).concurrency(2));
/// }
/// assert_eq!(flow.collect::<Vec<_>>().run().await?.value, [11, 12, 13]);
/// # Ok::<(), taktline::Error>(())
/// # }).unwrap();
/// ```
#[async_trait]
pub trait DynStage<T, U>: Send + 'static {
    /// Handles one item, as [`Stage::call`] does.
    ///
    /// # Errors
    /// An error fails the item, and with it the run.
    ///
    /// # Cancel safety
    /// The future is dropped at an await when the run is torn down; its item then counts as abandoned.
    async fn call(&mut self, item: T, out: Out<'_, U>) -> Result<Option<U>, BoxError>
    where
        T: 'async_trait,
        U: 'async_trait;

    /// Gets a worker ready, as [`Stage::init`] does.
    ///
    /// # Errors
    /// An error fails the run before the worker takes an item.
    ///
    /// # Cancel safety
    /// The future is dropped at an await when the stage is told to stop.
    async fn init(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Puts away what a worker has used, as [`Stage::close`] does.
    ///
    /// # Errors
    /// An error fails the run, or is attached to what has ended it.
    ///
    /// # Cancel safety
    /// The future is dropped when its time is over.
    async fn close(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// A clone for another worker.
    fn clone_stage(&self) -> BoxStage<T, U>;
}

/// A boxed stage. Hand it to [`then`](crate::flow::Flow::then), or to [`stage`](super::stage) for settings. [`DynStage`] has
/// an example.
pub struct BoxStage<T, U>(Box<dyn DynStage<T, U>>);

impl<T: Send + 'static, U: Send + 'static> BoxStage<T, U> {
    /// Boxes a stage.
    pub fn new(stage: impl DynStage<T, U>) -> Self {
        BoxStage(Box::new(stage))
    }

    /// Boxes a stage that is not a [`DynStage`]: a hand-written [`Stage`].
    pub fn of<S: Stage<In = T, Out = U>>(stage: S) -> Self {
        BoxStage::new(Boxed(stage))
    }
}

impl<T: Send + 'static, U: Send + 'static> Clone for BoxStage<T, U> {
    fn clone(&self) -> Self {
        self.0.clone_stage()
    }
}

impl<T, U> fmt::Debug for BoxStage<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxStage")
    }
}

impl<T: Send + 'static, U: Send + 'static> Stage for BoxStage<T, U> {
    type In = T;
    type Out = U;

    async fn call(&mut self, item: T, out: Out<'_, U>) -> Result<Option<U>, BoxError> {
        self.0.call(item, out).await
    }

    async fn init(&mut self) -> Result<(), BoxError> {
        self.0.init().await
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.0.close().await
    }
}

struct Boxed<S>(S);

#[async_trait]
impl<S: Stage> DynStage<S::In, S::Out> for Boxed<S> {
    async fn call(&mut self, item: S::In, out: Out<'_, S::Out>) -> Result<Option<S::Out>, BoxError> {
        self.0.call(item, out).await
    }

    async fn init(&mut self) -> Result<(), BoxError> {
        self.0.init().await
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.0.close().await
    }

    fn clone_stage(&self) -> BoxStage<S::In, S::Out> {
        BoxStage::of(self.0.clone())
    }
}
