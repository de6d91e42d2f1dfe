//! How the configuration of a stage is given to its constructor.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a constructor takes for an argument `&T` of the function: a `T`, an `Arc<T>`, or a `&T` that can be cloned.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be shared as `&{T}`",
    note = "give a `{T}`, an `Arc<{T}>`, or a `&{T}` of a type that is `Clone`"
)]
pub trait IntoShared<T: ?Sized> {
    /// The value, behind an `Arc` that the workers share.
    fn into_shared(self) -> Arc<T>;
}

impl<T> IntoShared<T> for T {
    fn into_shared(self) -> Arc<T> {
        Arc::new(self)
    }
}

impl<T: ?Sized> IntoShared<T> for Arc<T> {
    fn into_shared(self) -> Arc<T> {
        self
    }
}

impl<T: Clone> IntoShared<T> for &T {
    fn into_shared(self) -> Arc<T> {
        Arc::new(self.clone())
    }
}

macro_rules! unsized_shared {
    ($([$($p:ident)?] $from:ty => $to:ty;)*) => {$(
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

/// A return type that can fail.
pub trait Fallible {
    /// What a success holds.
    type Ok;
    /// What a failure holds.
    type Err;

    /// The value as a plain `Result`.
    fn into_result(self) -> Result<Self::Ok, Self::Err>;
}

impl<T, E> Fallible for Result<T, E> {
    type Ok = T;
    type Err = E;

    fn into_result(self) -> Result<T, E> {
        self
    }
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
