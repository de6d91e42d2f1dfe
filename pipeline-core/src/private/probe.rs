//! Tells a `Result` that hides behind another name.
//!
//! `Probe<Result<..>>` has a method of its own that shadows the one every `Probe` has by a trait.

use std::marker::PhantomData;

/// Asked for its kind by generated code.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// A probe of the type.
    #[allow(clippy::new_without_default, reason = "generated code calls it by name")]
    pub const fn new() -> Self {
        Probe(PhantomData)
    }
}

impl<T, E> Probe<Result<T, E>> {
    /// Shadows [`ProbeFallback::kind`].
    pub const fn kind(&self) -> IsResult {
        IsResult
    }
}

/// The answer for every type that is not a `Result`.
pub trait ProbeFallback {
    /// The kind of the type.
    fn kind(&self) -> IsPlain {
        IsPlain
    }
}

impl<T> ProbeFallback for Probe<T> {}

/// The type is a `Result`.
#[derive(Debug)]
pub struct IsResult;

/// The type is anything else.
#[derive(Debug)]
pub struct IsPlain;

/// A return type that is passed on as it is.
#[diagnostic::on_unimplemented(
    message = "this function returns a `Result` under another name",
    label = "an alias of `Result`",
    note = "write `Result<..>`, so that an `Err` fails the item and never goes on as data",
    note = "or add `result_is_item` to the attribute, if the whole `Result` is the item"
)]
pub trait PlainReturn {}

impl PlainReturn for IsPlain {}

/// Accepts only what is no `Result`.
pub const fn require_plain<K: PlainReturn>(_: &K) {}
