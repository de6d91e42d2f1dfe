//! Hooks that are given to a stage by its builder, around those that it has.

use std::fmt;
use std::future::Future;

use super::{Out, Stage, Staged, Sunk};
use crate::error::BoxError;

/// A stage with a hook of the builder before its own `init`. Made by [`Staged::init`].
#[derive(Clone)]
pub struct WithInit<S, F> {
    stage: S,
    hook: F,
}

/// A stage with a hook of the builder behind its own `close`. Made by [`Staged::close`].
#[derive(Clone)]
pub struct WithClose<S, F> {
    stage: S,
    hook: F,
}

macro_rules! with_hook {
    ($with:ident, |$this:ident| init $init:block, close $close:block) => {
        impl<S, F> fmt::Debug for $with<S, F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($with))
            }
        }

        impl<S, F, Fut, E> Stage for $with<S, F>
        where
            S: Stage,
            F: FnMut() -> Fut + Clone + Send + 'static,
            Fut: Future<Output = Result<(), E>> + Send + 'static,
            E: Into<BoxError> + 'static,
        {
            type In = S::In;
            type Out = S::Out;
            const SENDS: bool = S::SENDS;
            const AWAITS: bool = S::AWAITS;

            fn call(
                &mut self,
                item: S::In,
                out: Out<'_, S::Out>,
            ) -> impl Future<Output = Result<Option<S::Out>, BoxError>> + Send {
                self.stage.call(item, out)
            }

            fn init(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
                let $this = self;
                $init
            }

            fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
                let $this = self;
                $close
            }
        }
    };
}

with_hook!(WithInit, |this| init {
    let hook = (this.hook)();
    async {
        hook.await.map_err(Into::into)?;
        this.stage.init().await
    }
}, close {
    this.stage.close()
});

with_hook!(WithClose, |this| init {
    this.stage.init()
}, close {
    async {
        // Both, whatever becomes of the first.
        let own = this.stage.close().await;
        let given = (this.hook)().await;
        own.and(given.map_err(Into::into))
    }
});

macro_rules! hook_methods {
    ($value:ident) => {
        impl<S: Stage, P, K> $value<S, P, K> {
            /// Calls `hook` for each worker before it takes its first item, and before an `init` of its own. An error or a
            /// panic fails the run, as that of [`Stage::init`] does.
            ///
            /// It shares nothing with the body but what both have captured. A connection for each worker is a `&mut` argument
            /// of an annotated function, or a field of a [`Stage`], with a hook that sets it.
            ///
            /// ```
            /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
            /// use taktline::prelude::*;
            ///
            /// static OPEN: AtomicU64 = AtomicU64::new(0);
            ///
            /// # taktline::sim::run(1, async {
            /// let counted = stage(|x: u64| async move { x + OPEN.load(Relaxed) })
            ///     .init(|| async { OPEN.fetch_add(1, Relaxed); Ok::<(), std::io::Error>(()) })
            ///     .close(|| async { OPEN.fetch_sub(1, Relaxed); Ok::<(), std::io::Error>(()) });
            /// assert_eq!(iter(0..3u64).then(counted).collect::<Vec<_>>().run().await?.value, [1, 2, 3]);
            /// assert_eq!(OPEN.load(Relaxed), 0);
            /// # Ok::<(), taktline::Error>(())
            /// # }).unwrap();
            /// ```
            pub fn init<F, Fut, E>(self, hook: F) -> $value<WithInit<S, F>, P, K>
            where
                F: FnMut() -> Fut + Clone + Send + 'static,
                Fut: Future<Output = Result<(), E>> + Send + 'static,
                E: Into<BoxError> + 'static,
            {
                let $value { body, settings, policies, keys } = self;
                $value { body: WithInit { stage: body, hook }, settings, policies, keys }
            }

            /// Calls `hook` for each worker that has no more to do, after a `close` of its own: at every ending but a drop, as
            /// [`Stage::close`]. Both together have the time that [`close_within`](Self::close_within) says.
            pub fn close<F, Fut, E>(self, hook: F) -> $value<WithClose<S, F>, P, K>
            where
                F: FnMut() -> Fut + Clone + Send + 'static,
                Fut: Future<Output = Result<(), E>> + Send + 'static,
                E: Into<BoxError> + 'static,
            {
                let $value { body, settings, policies, keys } = self;
                $value { body: WithClose { stage: body, hook }, settings, policies, keys }
            }
        }
    };
}
hook_methods!(Staged);
hook_methods!(Sunk);
