//! The functions that workers call, as stages: from item to item, from item to items, plain and blocking ones.

use std::future::{Future, ready};

use super::{Each, Many, Plain};
use crate::error::BoxError;
use crate::stage::blocking::run_blocking;
use crate::stage::{Mapped, Out, Stage, Staged};

/// Makes a [`Stage`] of an [`Each`].
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct EachBody<S>(pub(super) S);

/// Makes a [`Stage`] of a [`Many`].
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct ManyBody<S>(pub(super) S);

/// Makes a [`Stage`] of a [`Plain`], run by workers.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct WorkersBody<S>(pub(super) S);

/// Makes a [`Stage`] of a [`Plain`], run where blocking is allowed.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct BlockingBody<S>(pub(super) S);

#[doc(hidden)]
pub type EachStage<S, P = (), K = ()> = Staged<EachBody<S>, P, K>;
#[doc(hidden)]
pub type ManyStage<S, P = (), K = ()> = Staged<ManyBody<S>, P, K>;
#[doc(hidden)]
pub type WorkersStage<S, P = (), K = ()> = Staged<WorkersBody<S>, P, K>;
#[doc(hidden)]
pub type BlockingStage<S, P = (), K = ()> = Staged<BlockingBody<S>, P, K>;

impl<S: Each> Stage for EachBody<S> {
    type In = S::Item;
    type Out = S::Out;
    const HOOKS: bool = S::HOOKS;
    const SENDS: bool = false;

    fn call(
        &mut self,
        item: S::Item,
        _: Out<'_, S::Out>,
    ) -> impl Future<Output = Result<Option<S::Out>, BoxError>> + Send {
        Mapped::new(self.0.call(item), |ret| S::outcome(ret).map(Some))
    }

    async fn init(&mut self) -> Result<(), BoxError> {
        self.0.init().await
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.0.close().await
    }
}

impl<S: Many> Stage for ManyBody<S> {
    type In = S::Item;
    type Out = S::Out;
    const HOOKS: bool = S::HOOKS;

    fn call(
        &mut self,
        item: S::Item,
        out: Out<'_, S::Out>,
    ) -> impl Future<Output = Result<Option<S::Out>, BoxError>> + Send {
        Mapped::new(self.0.call(item, out), |ret| S::outcome(ret).map(|()| None))
    }

    async fn init(&mut self) -> Result<(), BoxError> {
        self.0.init().await
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.0.close().await
    }
}

impl<S: Plain> Stage for WorkersBody<S> {
    type In = S::Item;
    type Out = S::Out;
    const HOOKS: bool = S::HOOKS;
    const SENDS: bool = false;
    const AWAITS: bool = false;

    fn call(
        &mut self,
        item: S::Item,
        _: Out<'_, S::Out>,
    ) -> impl Future<Output = Result<Option<S::Out>, BoxError>> + Send {
        ready(S::outcome(self.0.call(item)).map(Some))
    }

    async fn init(&mut self) -> Result<(), BoxError> {
        self.0.init().await
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.0.close().await
    }
}

impl<S: Plain> Stage for BlockingBody<S> {
    type In = S::Item;
    type Out = S::Out;
    const HOOKS: bool = S::HOOKS;
    const SENDS: bool = false;
    const AWAITS: bool = false;

    async fn call(&mut self, item: S::Item, out: Out<'_, S::Out>) -> Result<Option<S::Out>, BoxError> {
        let mut body = self.0.clone();
        let ret = run_blocking(out.hold(), move || body.call(item)).await?;
        S::outcome(ret).map(Some)
    }

    async fn init(&mut self) -> Result<(), BoxError> {
        self.0.init().await
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.0.close().await
    }
}

macro_rules! staged_forms {
    ($($body:ident: $form:ident),*) => {$(
        impl<S: $form> Staged<$body<S>> {
            #[doc(hidden)]
            pub fn new(name: &'static str, body: S) -> Self {
                Staged::named(name, $body(body))
            }
        }
    )*};
}
staged_forms!(EachBody: Each, ManyBody: Many, WorkersBody: Plain, BlockingBody: Plain);

impl<S: Each, P, K> Staged<EachBody<S>, P, K> {
    /// Calls the function itself, without a pipeline, with a clone of its configuration.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// #[stage]
    /// async fn add(x: u64, by: u64) -> u64 {
    ///     x + by
    /// }
    ///
    /// # taktline::sim::run(1, async {
    /// assert_eq!(add(3).call(4).await, 7);
    /// # });
    /// ```
    ///
    /// # Cancel safety
    /// That of the function.
    pub async fn call(&self, item: S::Item) -> S::Ret {
        let mut body = self.body.0.clone();
        body.call(item).await
    }
}

impl<S: Plain, P, K> Staged<WorkersBody<S>, P, K> {
    /// Calls the function itself, without a pipeline.
    pub fn call(&self, item: S::Item) -> S::Ret {
        self.body.0.clone().call(item)
    }
}

impl<S: Plain, P, K> Staged<BlockingBody<S>, P, K> {
    /// Calls the function itself, without a pipeline, on the thread of the caller.
    pub fn call(&self, item: S::Item) -> S::Ret {
        self.body.0.clone().call(item)
    }
}
