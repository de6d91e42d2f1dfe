//! `run` and `start`: the choice of a runtime.

use taktline_core::error::{Error, Result};
use taktline_core::flow::Flow;
use taktline_core::lineage::Lineage;
use taktline_core::op::Broadcast;
use taktline_core::run::{Pipeline, Run, Running, Started};
use taktline_core::runtime::{Rt, current};

/// The runtime that `run` and `start` take.
///
/// | first that is there | when |
/// | --- | --- |
/// | the taktline runtime that polls the caller | in `#[taktline::main]`, `#[taktline::test]`, `sim::run`, a stage, [`Rt::enter`] |
/// | tokio | the feature `tokio` is on, and the caller is in a task, a `block_on` or an `enter` of tokio |
/// | smol's global executor | the feature `smol` is on |
///
/// ```
/// let name = taktline::sim::run(1, async { taktline::choose_runtime().map(|rt| rt.name()) });
/// assert_eq!(name.unwrap(), "sim");
/// ```
///
/// # Errors
/// [`Error::is_no_runtime`], with the feature or the call that is missing.
pub fn choose_runtime() -> Result<Rt> {
    current().or_else(on_tokio).or_else(on_smol).ok_or_else(|| Error::no_runtime(CURE))
}

const CURE: &str = match (cfg!(feature = "tokio"), cfg!(feature = "smol")) {
    (true, _) => {
        "call it inside of `#[taktline::main]` or of a tokio runtime, enable the feature `smol`, or pass a runtime with `run_on`"
    }
    (false, _) => "enable the feature `tokio` or `smol` of taktline, or pass a runtime with `run_on`",
};

#[cfg(feature = "tokio")]
fn on_tokio() -> Option<Rt> {
    taktline_tokio::ambient()
}

#[cfg(not(feature = "tokio"))]
fn on_tokio() -> Option<Rt> {
    None
}

#[cfg(feature = "smol")]
fn on_smol() -> Option<Rt> {
    Some(taktline_smol::global())
}

#[cfg(not(feature = "smol"))]
fn on_smol() -> Option<Rt> {
    None
}

/// Runs a pipeline on the runtime of the caller. In the prelude.
pub trait RunExt {
    /// What the sink gives.
    type Value: Send + 'static;

    /// Runs the pipeline on [the runtime of the caller](choose_runtime). It starts at the first poll of the future, on the
    /// runtime that polls it then. When it has resolved, no task of it is left.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// #[taktline::main]
    /// async fn main() -> taktline::Result<()> {
    ///     let done = iter(1..=3u64).then(|x| async move { x * x }).fold(0, |a, x| a + x).run().await?;
    ///     assert_eq!(done.value, 14);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// See [`Run`].
    ///
    /// # Cancel safety
    /// A drop of the future aborts every task of the run; what was in flight is lost.
    fn run(self) -> Run<Self::Value>;

    /// Starts the pipeline on [the runtime of the caller](choose_runtime), now: it goes on while the caller does something
    /// else. Without a runtime, [`join`](Running::join) says so. A drop of the handle aborts the run.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// #[taktline::main]
    /// async fn main() -> taktline::Result<()> {
    ///     let running = iter(1..=3u64).then(|x| async move { x * x }).count().start();
    ///     let done = running.join().await?;
    ///     assert_eq!(done.value, 3);
    ///     Ok(())
    /// }
    /// ```
    fn start(self) -> Running<Self::Value>;
}

impl<V: Send + 'static> RunExt for Pipeline<V> {
    type Value = V;

    fn run(self) -> Run<V> {
        self.run_with(choose_runtime)
    }

    fn start(self) -> Running<V> {
        self.start_with(choose_runtime())
    }
}

impl<T, L, V> RunExt for Broadcast<T, L, Pipeline<V>>
where
    T: Clone + Send + 'static,
    L: Lineage,
    V: Send + 'static,
{
    type Value = V;

    fn run(self) -> Run<V> {
        self.pipeline().run()
    }

    fn start(self) -> Running<V> {
        self.pipeline().start()
    }
}

/// A flow that ends in a sink: there is none, since one that does is a pipeline.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this flow is open: nothing takes its items",
    label = "ends in no sink",
    note = "end it in a sink: `.sink(store())`, `.for_each(|x| ..)`, `.collect::<Vec<_>>()`, `.count()`",
    note = "or read it in a loop of your own: `let mut xs = flow.start();`, `while let Some(x) = xs.next().await? {{ .. }}`"
)]
pub trait Closed {
    fn close(self) -> Pipeline<()>;
}

/// Starts a flow on the runtime of the caller. In the prelude.
pub trait StartExt: Flow {
    /// Starts the flow on [the runtime of the caller](choose_runtime), now, to be read by the caller's own loop. Without a
    /// runtime, the first [`next`](Started::next) says so. It reads ahead while the body of the loop awaits, as far as the
    /// [`buffer`](Flow::buffer) of the flow. A drop of it aborts every task.
    ///
    /// ```
    /// use taktline::prelude::*;
    ///
    /// #[taktline::main]
    /// async fn main() -> taktline::Result<()> {
    ///     let mut xs = iter(0..3u64).then(|x| async move { x + 1 }).start();
    ///     let mut sum = 0;
    ///     while let Some(x) = xs.next().await? {
    ///         sum += x;
    ///     }
    ///     assert_eq!(sum, 6);
    ///     Ok(())
    /// }
    /// ```
    fn start(self) -> Started<Self::Item> {
        Flow::start_with(self, choose_runtime())
    }

    /// Only a pipeline runs. This is here for the compiler to say what is missing.
    #[doc(hidden)]
    fn run(self) -> Run<()>
    where
        Self: Closed,
    {
        self.close().run()
    }
}

impl<F: Flow> StartExt for F {}
