//! Calls that block, on the threads where the runtime allows it.

use std::panic::resume_unwind;

use crate::error::BoxError;
use crate::run::{Alive, current_run};
use crate::runtime::current;

/// Runs `f` where blocking is allowed.
///
/// A call that has begun cannot be stopped: the run waits for it at every ending but a drop. One that has not begun when
/// the run, or the future, is dropped never begins.
pub(super) async fn run_blocking<T, F>(f: F) -> Result<T, BoxError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let rt = current().ok_or("a blocking stage was polled outside of a run")?;
    let alive = current_run().map(|run| Alive::new(&run));
    let call = rt.spawn_blocking(move || {
        // Dropped last: the run is over only when the call is.
        let alive = alive;
        let is_dropped = alive.as_ref().is_some_and(Alive::is_dropped);
        (!is_dropped).then(f)
    });
    match call.await {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err("the run was dropped before the call began".into()),
        // Goes on here, so that it is the failure that any panic in a stage is.
        Err(error) if error.is_panic() => match error.into_panic() {
            Some(panic) => resume_unwind(panic),
            None => Err("the call panicked".into()),
        },
        Err(error) => Err(error.into()),
    }
}
