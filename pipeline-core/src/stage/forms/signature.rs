//! What a function is by its signature: a trait for each form, which the generated type implements.

use std::future::Future;

use crate::error::BoxError;
use crate::stage::{In, Out};

/// `async fn(item, ..) -> Ret`: one to one. Also a sink, with `Out = ()`.
#[doc(hidden)]
pub trait Each: Clone + Send + 'static {
    type Item: Send + 'static;
    type Ret;
    type Out: Send + 'static;
    fn call(&mut self, item: Self::Item) -> impl Future<Output = Self::Ret> + Send;
    fn outcome(ret: Self::Ret) -> Result<Self::Out, BoxError>;
    /// Whether there are hooks.
    const HOOKS: bool = false;
    fn init(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }
    fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }
}

/// `async fn(item, .., out: Out<U>) -> Ret`: one to many.
#[doc(hidden)]
pub trait Many: Clone + Send + 'static {
    type Item: Send + 'static;
    type Ret;
    type Out: Send + 'static;
    fn call(&mut self, item: Self::Item, out: Out<'_, Self::Out>) -> impl Future<Output = Self::Ret> + Send;
    fn outcome(ret: Self::Ret) -> Result<(), BoxError>;
    /// Whether there are hooks.
    const HOOKS: bool = false;
    fn init(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }
    fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }
}

/// `async fn(input: In<T>, .., out: Out<U>) -> Ret`: stream to stream. Also a sink, with `Out = ()`.
#[doc(hidden)]
pub trait Transform: Clone + Send + 'static {
    type Item: Send + 'static;
    type Ret;
    type Out: Send + 'static;
    fn run(&mut self, input: In<'_, Self::Item>, out: Out<'_, Self::Out>) -> impl Future<Output = Self::Ret> + Send;
    fn outcome(ret: Self::Ret) -> Result<(), BoxError>;
}

/// `async fn(.., out: Out<T>) -> Ret`: a source.
#[doc(hidden)]
pub trait Generate: Clone + Send + 'static {
    type Ret;
    type Out: Send + 'static;
    fn run(&mut self, out: Out<'_, Self::Out>) -> impl Future<Output = Self::Ret> + Send;
    fn outcome(ret: Self::Ret) -> Result<(), BoxError>;
}

/// `fn(item, ..) -> Ret`: fused, or the body of a blocking stage, or of a plain stage with workers.
#[doc(hidden)]
pub trait Plain: Clone + Send + 'static {
    type Item: Send + 'static;
    type Ret: Send + 'static;
    type Out: Send + 'static;
    fn call(&mut self, item: Self::Item) -> Self::Ret;
    fn outcome(ret: Self::Ret) -> Result<Self::Out, BoxError>;
    /// Whether there are hooks.
    const HOOKS: bool = false;
    fn init(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }
    fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }
}
