//! The name of the task that is being spawned, for runtimes that tell what their tasks do.
//!
//! An adapter is given a future without a name, since most have no use for one. One that tells a story of a run asks here
//! while it is in `spawn`.

use std::cell::Cell;

thread_local! {
    static NAME: Cell<Option<String>> = const { Cell::new(None) };
}

/// Makes `name` the [`task_name`] while `spawn` runs.
pub(crate) fn named<R>(name: &str, spawn: impl FnOnce() -> R) -> R {
    let outer = NAME.replace(Some(name.to_owned()));
    let spawned = spawn();
    NAME.set(outer);
    spawned
}

/// The stage for which a task is being spawned on this thread, if it is for one.
#[doc(hidden)]
pub fn task_name() -> Option<String> {
    let name = NAME.take();
    NAME.set(name.clone());
    name
}
