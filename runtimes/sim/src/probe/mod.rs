//! A source and a sink that a test drives by hand.
//!
//! [`source`] gives a flow and the hand that feeds it, [`sink`] the end of a flow and the hand that asks for its items.
//! They work on any runtime; on sim nothing depends on chance, and [`settled`] tells when all that can happen has happened.
//!
//! ```
//! use std::time::Duration;
//! use taktline::prelude::*;
//! use taktline::sim::{audit, probe};
//!
//! #[stage]
//! async fn double(x: u64) -> u64 {
//!     sleep(Duration::from_secs(1)).await;
//!     2 * x
//! }
//!
//! // The body of a `#[taktline::test]`.
//! # taktline::sim::test(|| async {
//! let (numbers, flow) = probe::source();
//! let (doubled, sink) = probe::sink();
//! let running = flow.then(double().buffer(1)).sink(sink).start();
//!
//! numbers.push(1).push(2);
//! doubled.expect(2).await;
//! doubled.expect_nothing().await;              // the clock stands still
//! sleep(Duration::from_secs(1)).await;
//! doubled.expect(4).await;
//!
//! numbers.close();
//! doubled.expect_end().await;
//! audit(&running.join().await.unwrap().report);
//! assert_eq!(probe::task_count(), 0);
//! # });
//! ```

mod sink;
mod source;

use std::future::{Future, poll_fn};
use std::task::Poll;

pub use sink::{ProbeSink, SinkProbe, sink};
pub use source::{ProbeSource, SourceProbe, source};

use crate::executor::{Core, current};

/// Waits until nothing is ready, before the clock goes on.
///
/// # Panics
/// Where no simulation polls the caller.
///
/// # Cancel safety
/// Nothing is lost if it is dropped.
pub fn settled() -> impl Future<Output = ()> + Send {
    let core = simulation();
    let mut has_waited = false;
    poll_fn(move |cx| {
        if std::mem::replace(&mut has_waited, true) && core.is_settled() {
            return Poll::Ready(());
        }
        core.when_settled(cx.waker().clone());
        Poll::Pending
    })
}

/// Tasks of the simulation that polls the caller which have not ended, the caller's own future left out.
///
/// # Panics
/// Where no simulation polls the caller.
pub fn task_count() -> usize {
    simulation().lock().tasks.len()
}

#[track_caller]
fn simulation() -> std::sync::Arc<Core> {
    match current() {
        Some(core) => core,
        None => panic!("only a simulation can tell: call this inside of `sim::run`, `sim::explore` or a test on sim"),
    }
}
