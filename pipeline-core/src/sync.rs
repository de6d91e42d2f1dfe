//! The lock that everything in core uses, and how user values are dropped in numbers.
//!
//! User code runs under none of these locks, so a poisoned lock says nothing about the state behind it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{MutexGuard, PoisonError};

use crate::error::Panicked;

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Mutex(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops each of them, whatever the destructors of others do. Gives the first panic.
pub(crate) fn drop_each<T>(items: impl IntoIterator<Item = T>) -> Option<Panicked> {
    let mut first = None;
    for item in items {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(item))) {
            // Each becomes a text: a payload may panic, too, when it is dropped.
            let panicked = Panicked::new(panic);
            first.get_or_insert(panicked);
        }
    }
    first
}
