//! What `then`, `try_then` and `stage` take.
//!
//! The marker `M` is inferred. Without it closures, hand-written stages and the values of the attributes could not all be
//! taken by one method.

use std::future::Future;
use std::marker::PhantomData;

use super::{Keys, Mapped, Out, Policy, Stage, Staged};
use crate::error::BoxError;
use crate::flow::{BoxFlow, Flow};
use crate::stage::staged::StageFlow;

/// What [`then`](Flow::then) takes: what `#[stage]` made, an async function or closure, a [`Stage`], a [`Staged`].
///
/// `T` is the item that comes in. `M` is inferred; no program names it. Programs do not implement it.
#[diagnostic::on_unimplemented(
    message = "this is not a stage for items of `{T}`",
    label = "does not take `{T}`",
    note = "what comes before yields `{T}`, so the stage must take `{T}`",
    note = "a function that `#[stage]` annotates is called to make the stage: `.then(fetch())`, `.then(fetch(client))`",
    note = "a closure or function must return a future: `.then(|x| async move {{ .. }})`; one that does not await goes into `.map(|x| ..)`",
    note = "what it takes and returns moves between tasks: it must be `Send` and cannot borrow",
    note = "what `#[sink]` annotates ends a flow: `.sink(store())`"
)]
pub trait Step<T, M> {
    /// What the step makes of a flow.
    type Flow<P: Flow<Item = T>>: Flow;

    #[doc(hidden)]
    fn attach<P: Flow<Item = T>>(self, upstream: P) -> Self::Flow<P>;
}

/// What [`try_then`](Flow::try_then) takes: an async function or closure that returns a `Result`.
///
/// `T` is the item that comes in. `M` is inferred; no program names it. Programs do not implement it.
#[diagnostic::on_unimplemented(
    message = "this is not an async closure from `{T}` to a `Result`",
    label = "does not make a `Result` of `{T}`",
    note = "write `.try_then(|x| async move {{ .. }})` with a body that returns `Ok(..)` or `Err(..)`"
)]
pub trait TryStep<T, M> {
    /// What the step makes of a flow.
    type Flow<P: Flow<Item = T>>: Flow;

    #[doc(hidden)]
    fn attach<P: Flow<Item = T>>(self, upstream: P) -> Self::Flow<P>;
}

/// What [`stage`](super::stage) gives settings to: an async function or closure, a [`Stage`], a [`Staged`].
///
/// `T` is the item that comes in. `M` is inferred; no program names it. Programs do not implement it.
#[diagnostic::on_unimplemented(
    message = "this is not a stage with workers",
    label = "takes no settings here",
    note = "give `stage(..)` an async function or closure, or a value that implements `Stage`"
)]
pub trait IntoStage<T, M> {
    /// The stage.
    type Stage: Stage<In = T>;
    /// Its policies, if it has some.
    type Policy: Policy<Self::Stage>;
    /// Its keys, if it has some.
    type Keys: Keys<Self::Stage>;

    #[doc(hidden)]
    fn into_stage(self) -> Staged<Self::Stage, Self::Policy, Self::Keys>;
}

/// What [`try_stage`](super::try_stage) gives settings to: an async function or closure that returns a `Result`.
///
/// `T` is the item that comes in. `M` is inferred; no program names it. Programs do not implement it.
#[diagnostic::on_unimplemented(
    message = "this is not an async closure to a `Result`",
    label = "does not make a `Result`",
    note = "write `try_stage(|x| async move {{ .. }})` with a body that returns `Ok(..)` or `Err(..)`"
)]
pub trait IntoTryStage<T, M> {
    /// The stage.
    type Stage: Stage<In = T>;

    #[doc(hidden)]
    fn into_stage(self) -> Staged<Self::Stage>;
}

/// The future of a closure's body. A bound of its own, so that a closure that does not await is told what to write.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this returns `{Self}`, which is not a future",
    label = "does not return a future",
    note = "a closure that awaits: `|x| async move {{ .. }}`",
    note = "one that does not await: `.map(|x| ..)` instead of `.then(|x| ..)`, `.for_each(|x| ..)` instead of `.sink(|x| ..)`"
)]
pub trait Body: Future {}

#[diagnostic::do_not_recommend]
impl<F: Future> Body for F {}

/// Marker: a closure that returns a future.
#[doc(hidden)]
#[derive(Debug)]
pub struct ByClosure<Fut>(PhantomData<fn() -> Fut>);

/// Marker: a hand-written stage.
#[doc(hidden)]
#[derive(Debug)]
pub struct ByStage;

/// Marker: a stage with settings.
#[doc(hidden)]
#[derive(Debug)]
pub struct BySettings;

impl<T, F, Fut> Step<T, ByClosure<Fut>> for F
where
    T: Send + 'static,
    F: FnMut(T) -> Fut + Clone + Send + 'static,
    Fut: Body + Send + 'static,
    Fut::Output: Send + 'static,
{
    type Flow<P: Flow<Item = T>> = BoxFlow<Fut::Output, P::Lineage>;

    fn attach<P: Flow<Item = T>>(self, upstream: P) -> Self::Flow<P> {
        attach(upstream, IntoStage::<T, ByClosure<Fut>>::into_stage(self))
    }
}

#[diagnostic::do_not_recommend]
impl<S: Stage> Step<S::In, ByStage> for S {
    type Flow<P: Flow<Item = S::In>> = BoxFlow<S::Out, P::Lineage>;

    fn attach<P: Flow<Item = S::In>>(self, upstream: P) -> Self::Flow<P> {
        attach(upstream, Staged::named("then", self))
    }
}

#[diagnostic::do_not_recommend]
impl<S: Stage, Q: Policy<S>, K: Keys<S>> Step<S::In, BySettings> for Staged<S, Q, K> {
    type Flow<P: Flow<Item = S::In>> = BoxFlow<S::Out, P::Lineage>;

    fn attach<P: Flow<Item = S::In>>(self, upstream: P) -> Self::Flow<P> {
        let Staged { body, settings, policies, keys } = self;
        keys.attach(upstream, Staged { body, settings, policies, keys: () })
    }
}

impl<T, U, E, F, Fut> TryStep<T, ByClosure<Fut>> for F
where
    T: Send + 'static,
    U: Send + 'static,
    E: Into<BoxError> + 'static,
    F: FnMut(T) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<U, E>> + Send + 'static,
{
    type Flow<P: Flow<Item = T>> = BoxFlow<U, P::Lineage>;

    fn attach<P: Flow<Item = T>>(self, upstream: P) -> Self::Flow<P> {
        attach(upstream, IntoTryStage::<T, ByClosure<Fut>>::into_stage(self))
    }
}

pub(crate) fn attach<P, S, Q>(upstream: P, staged: Staged<S, Q>) -> BoxFlow<S::Out, P::Lineage>
where
    P: Flow,
    S: Stage<In = P::Item>,
    Q: Policy<S>,
{
    StageFlow { upstream, staged }.boxed()
}

impl<T, U, E, F, Fut> IntoTryStage<T, ByClosure<Fut>> for F
where
    T: Send + 'static,
    U: Send + 'static,
    E: Into<BoxError> + 'static,
    F: FnMut(T) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<U, E>> + Send + 'static,
{
    type Stage = TryFn<T, F>;

    fn into_stage(self) -> Staged<TryFn<T, F>> {
        Staged::named("try_then", TryFn { f: self, takes: PhantomData })
    }
}

impl<T, F, Fut> IntoStage<T, ByClosure<Fut>> for F
where
    T: Send + 'static,
    F: FnMut(T) -> Fut + Clone + Send + 'static,
    Fut: Body + Send + 'static,
    Fut::Output: Send + 'static,
{
    type Stage = ThenFn<T, F>;
    type Policy = ();
    type Keys = ();

    fn into_stage(self) -> Staged<ThenFn<T, F>> {
        Staged::named("then", ThenFn { f: self, takes: PhantomData })
    }
}

#[diagnostic::do_not_recommend]
impl<S: Stage> IntoStage<S::In, ByStage> for S {
    type Stage = S;
    type Policy = ();
    type Keys = ();

    fn into_stage(self) -> Staged<S> {
        Staged::named("then", self)
    }
}

#[diagnostic::do_not_recommend]
impl<S: Stage, Q: Policy<S>, K: Keys<S>> IntoStage<S::In, BySettings> for Staged<S, Q, K> {
    type Stage = S;
    type Policy = Q;
    type Keys = K;

    fn into_stage(self) -> Staged<S, Q, K> {
        self
    }
}

/// The stage of an async closure.
#[doc(hidden)]
pub struct ThenFn<T, F> {
    f: F,
    takes: PhantomData<fn(T)>,
}

impl<T, F: Clone> Clone for ThenFn<T, F> {
    fn clone(&self) -> Self {
        ThenFn { f: self.f.clone(), takes: PhantomData }
    }
}

impl<T, F, Fut> Stage for ThenFn<T, F>
where
    T: Send + 'static,
    F: FnMut(T) -> Fut + Clone + Send + 'static,
    Fut: Body + Send + 'static,
    Fut::Output: Send + 'static,
{
    type In = T;
    type Out = Fut::Output;
    const SENDS: bool = false;
    const HOOKS: bool = false;

    fn call(
        &mut self,
        item: T,
        _: Out<'_, Self::Out>,
    ) -> impl Future<Output = Result<Option<Self::Out>, BoxError>> + Send {
        Mapped::new((self.f)(item), |output| Ok(Some(output)))
    }
}

/// The stage of an async closure that returns a `Result`.
#[doc(hidden)]
pub struct TryFn<T, F> {
    f: F,
    takes: PhantomData<fn(T)>,
}

impl<T, F: Clone> Clone for TryFn<T, F> {
    fn clone(&self) -> Self {
        TryFn { f: self.f.clone(), takes: PhantomData }
    }
}

impl<T, U, E, F, Fut> Stage for TryFn<T, F>
where
    T: Send + 'static,
    U: Send + 'static,
    E: Into<BoxError> + 'static,
    F: FnMut(T) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<U, E>> + Send + 'static,
{
    type In = T;
    type Out = U;
    const SENDS: bool = false;
    const HOOKS: bool = false;

    fn call(&mut self, item: T, _: Out<'_, U>) -> impl Future<Output = Result<Option<U>, BoxError>> + Send {
        Mapped::new((self.f)(item), |returned: Result<U, E>| returned.map(Some).map_err(Into::into))
    }
}
