//! Calls that block, on the threads where the runtime allows it.

use crate::error::BoxError;
use crate::run::{Alive, current_run};
use crate::runtime::current;

/// Runs `f` where blocking is allowed.
///
/// A call that has begun cannot be stopped: the run waits for it at every ending but a drop. One that has not begun when
/// the future is dropped never begins.
pub(super) async fn run_blocking<T, F>(f: F) -> Result<T, BoxError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let rt = current().ok_or("a blocking stage was polled outside of a run")?;
    let alive = current_run().map(|run| Alive::new(&run));
    let call = rt.spawn_blocking(move || {
        // Dropped last: the run is over only when the call is.
        let _alive = alive;
        f()
    });
    call.await.map_err(Into::into)
}
