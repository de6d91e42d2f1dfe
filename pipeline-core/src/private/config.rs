//! How the configuration of a stage is given to its constructor.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::BoxError;

/// What a constructor takes for an argument `&T` of the function: a `T`, an `Arc<T>`, or a `&T` that can be cloned.
#[diagnostic::on_unimplemented(
    message = "a stage needs its own `{T}`, and this is `{Self}`",
    label = "does not become a shared `{T}`",
    note = "give a `{T}`, an `Arc<{T}>`, or, of a type that is `Clone`, a `&{T}`"
)]
pub trait IntoShared<T: ?Sized> {
    /// The value, behind an `Arc` that the workers share.
    fn into_shared(self) -> Arc<T>;
}

#[diagnostic::do_not_recommend]
impl<T> IntoShared<T> for T {
    fn into_shared(self) -> Arc<T> {
        Arc::new(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> IntoShared<T> for Arc<T> {
    fn into_shared(self) -> Arc<T> {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T: Clone> IntoShared<T> for &T {
    fn into_shared(self) -> Arc<T> {
        Arc::new(self.clone())
    }
}

macro_rules! unsized_shared {
    ($([$($p:ident)?] $from:ty => $to:ty;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl$(<$p: Clone>)? IntoShared<$to> for $from {
            fn into_shared(self) -> Arc<$to> {
                Arc::from(self)
            }
        }
    )*};
}

unsized_shared! {
    [] &str => str;
    [] String => str;
    [T] &[T] => [T];
    [T] Vec<T> => [T];
    [] &Path => Path;
    [] PathBuf => Path;
}

/// Configuration that each worker, or each call, has a copy of.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not `Clone`, and each worker and call has its own",
    note = "take `&{Self}`, to share one among the workers, or derive `Clone`"
)]
pub trait PerWorker {
    /// Another copy.
    fn of(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> PerWorker for T {
    fn of(&self) -> T {
        self.clone()
    }
}

/// A return type that can fail.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is named `Result` and is another type",
    note = "return a `Result<T, E>`, or add `result_is_item` to the attribute if this is the item"
)]
pub trait Fallible {
    /// What a success holds.
    type Ok;
    /// What a failure holds.
    type Err;

    /// The value as a plain `Result`.
    fn into_result(self) -> Result<Self::Ok, Self::Err>;
}

#[diagnostic::do_not_recommend]
impl<T, E> Fallible for Result<T, E> {
    type Ok = T;
    type Err = E;

    fn into_result(self) -> Result<T, E> {
        self
    }
}

/// An error that a stage can return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a stage",
    note = "implement `std::error::Error` for it; it moves between tasks, so it must be `Send + Sync + 'static`",
    note = "an error that is a text, or a `Box<dyn Error + Send + Sync>`, will do, too"
)]
pub trait StageError {
    /// The error without its type.
    fn boxed(self) -> BoxError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> StageError for E {
    fn boxed(self) -> BoxError {
        self.into()
    }
}

/// What a hook may return: nothing, or a `Result<(), E>`.
#[diagnostic::on_unimplemented(
    message = "a hook returns `{Self}`",
    note = "it returns nothing, or `Result<(), E>` with an error that a stage can return"
)]
pub trait HookReturn {
    /// The value as the engine takes it.
    fn outcome(self) -> Result<(), BoxError>;
}

#[diagnostic::do_not_recommend]
impl HookReturn for () {
    fn outcome(self) -> Result<(), BoxError> {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<E: StageError> HookReturn for Result<(), E> {
    fn outcome(self) -> Result<(), BoxError> {
        self.map_err(StageError::boxed)
    }
}

/// What a function has returned, as the engine takes it.
pub fn outcome<R>(ret: R) -> Result<R::Ok, BoxError>
where
    R: Fallible,
    R::Err: StageError,
{
    ret.into_result().map_err(StageError::boxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared<T: ?Sized>(value: impl IntoShared<T>) -> Arc<T> {
        value.into_shared()
    }

    #[test]
    fn a_value_a_reference_and_an_arc_are_shared() {
        let arc = Arc::new(7u64);
        assert!(Arc::ptr_eq(&shared::<u64>(arc.clone()), &arc));
        assert_eq!(*shared::<u64>(7), 7);
        assert_eq!(*shared::<u64>(&7), 7);
    }

    #[test]
    fn text_slices_and_paths_are_shared_without_their_size() {
        assert_eq!(&*shared::<str>("a"), "a");
        assert_eq!(&*shared::<[u8]>(vec![1, 2]), [1, 2]);
        assert_eq!(&*shared::<Path>(Path::new("a")), Path::new("a"));
    }
}
