//! The locks, atomics and thread locals that everything in core uses, and how user values are dropped in numbers.
//!
//! They are std's. The package `models` compiles this crate with those of loom or shuttle, which control the schedule.
//! User code runs under none of these locks but that of the template of a pool, which is cloned under a lock that guards
//! nothing else. So a poisoned lock says nothing about the state behind it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;

#[cfg(taktline_loom)]
use loom as kit;
#[cfg(taktline_shuttle)]
use shuttle as kit;
#[cfg(not(any(taktline_loom, taktline_shuttle)))]
use std as kit;

pub(crate) use kit::sync::atomic;
pub(crate) use kit::thread_local;

use kit::sync::MutexGuard;

use crate::error::Panicked;

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(kit::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(kit::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Without a lock: nobody else has it.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
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
