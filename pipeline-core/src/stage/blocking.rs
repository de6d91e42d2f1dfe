//! Calls that block, on the threads where the runtime allows it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use crate::error::BoxError;
use crate::run::{Alive, current_run};
use crate::runtime::current;

/// Runs `f`, which has an item, where blocking is allowed. `item` is held until the call is over.
///
/// A call that has begun cannot be stopped: the run waits for it at every ending but a drop. One that has not begun when
/// the run, or the future, is dropped never begins.
pub(super) async fn run_blocking<T, F>(item: Box<dyn Any + Send>, f: F) -> Result<T, BoxError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let rt = current().ok_or("a blocking stage was polled outside of a run")?;
    let call = Call { f, item, alive: current_run().map(|run| Alive::new(&run)) };
    let Called { called, .. } = rt.spawn_blocking(move || call.run()).await?;
    match called {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err("the run was dropped before the call began".into()),
        // Goes on here, so that it is the failure that any panic in a stage is.
        Err(panic) => resume_unwind(panic),
    }
}

/// A call that has not begun. If it never does, the fields are dropped in their order: the run is over only when all that
/// the call has is gone.
struct Call<F> {
    f: F,
    item: Box<dyn Any + Send>,
    alive: Option<Alive>,
}

impl<F> Call<F> {
    fn run<T>(self) -> Called<T>
    where
        F: FnOnce() -> T,
    {
        let Call { f, item, alive } = self;
        let is_dropped = alive.as_ref().is_some_and(Alive::is_dropped);
        let called = catch_unwind(AssertUnwindSafe(|| (!is_dropped).then(f)));
        Called { called, _item: item, _alive: alive }
    }
}

/// What a call gave. The fields are dropped in their order: the run is over only when the call is, and what it gave is gone
/// if nobody took it.
struct Called<T> {
    called: thread::Result<Option<T>>,
    _item: Box<dyn Any + Send>,
    _alive: Option<Alive>,
}
