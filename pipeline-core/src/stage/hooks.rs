//! What a worker does before its first item and after its last one.
//!
//! ```text
//! init -> items -> close
//!      -> failed: the run fails, and the worker takes no item
//! ```
//! `close` runs at every ending but a drop, also where `init` was not over.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use super::worker::{End, Site, guarded, run_body};
use super::{CLOSE_LIMIT, Stage};
use crate::error::{BoxError, Failure, Panicked, TimedOut};
use crate::run::blamed;

/// Gets the worker ready. False if it must not begin: it has failed, which is recorded, or was told to stop.
/// `on_wait` is called if it has to wait.
pub(super) async fn init<S: Stage>(stage: &mut S, site: &Site, mut on_wait: impl FnMut()) -> bool {
    let run = run_body(async { stage.init().await }, &site.node, |_| {
        on_wait();
        site.node.is_stopped()
    });
    match End::of(guarded(run).await) {
        End::Returned(Ok(())) => !site.node.is_stopped(),
        End::Returned(Err(error)) => {
            site.run.fail(Failure::in_hook(&site.node.name, "init", error));
            false
        }
        End::Cut => false,
    }
}

/// Puts away what the worker has used.
pub(super) async fn close<S: Stage>(stage: &mut S, site: &Site) {
    // Made only for a hook that has to wait.
    let mut limit = None;
    let mut closing = pin!(Some(async { stage.close().await }));
    let mut closed: Result<(), BoxError> = poll_fn(|cx| {
        let Some(future) = closing.as_mut().as_pin_mut() else { return Poll::Ready(Ok(())) };
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Ready(closed)) => Poll::Ready(closed),
            Ok(Poll::Pending) => {
                let within = site.node.close_limit().unwrap_or(CLOSE_LIMIT);
                let limit = limit.get_or_insert_with(|| site.run.rt.sleep(within));
                pin!(limit).poll(cx).map(|()| Err(TimedOut::attempt(within).into()))
            }
            Err(panic) => Poll::Ready(Err(Panicked::new(panic).into())),
        }
    })
    .await;
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| closing.set(None))) {
        closed = Err(Panicked::new(panic).into());
    }
    if let Err(error) = closed {
        site.run.fail(Failure::in_hook(&site.node.name, "close", error));
    }
}

/// Runs `work`. A panic in it is recorded now, while it is known who is to blame: it must not keep the worker from closing.
pub(super) async fn caught(work: impl Future<Output = ()>, site: &Site) {
    let mut work = pin!(Some(work));
    let fail = |panic| {
        let name = blamed().unwrap_or_else(|| site.node.name.clone());
        site.run.fail(Failure::panicked(&name, Panicked::new(panic)));
    };
    poll_fn(|cx| {
        let Some(work) = work.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        catch_unwind(AssertUnwindSafe(|| work.poll(cx))).unwrap_or_else(|panic| {
            fail(panic);
            Poll::Ready(())
        })
    })
    .await;
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work.set(None))) {
        fail(panic);
    }
}
