//! The runtimes of this workspace, as hosts.

#![allow(dead_code, reason = "each test uses some of them")]

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use conformance::{Host, Verdict, VerdictFuture};
use smol::Executor;
use smol::channel::Sender;
use taktline_core::runtime::Rt;
use taktline_sim::Sim;
use tokio::runtime::{Builder, Runtime};

/// Longer than any case takes on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// Silences the reports of panics, of which the cases cause many.
pub(crate) fn quietly<T>(f: impl FnOnce() -> T) -> T {
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let output = f();
    std::panic::set_hook(loud);
    output
}

pub(crate) struct TokioHost(Runtime);

impl TokioHost {
    pub(crate) fn current_thread() -> Box<dyn Host> {
        TokioHost::build(Builder::new_current_thread())
    }

    pub(crate) fn multi_thread() -> Box<dyn Host> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(3);
        TokioHost::build(builder)
    }

    fn build(mut builder: Builder) -> Box<dyn Host> {
        Box::new(TokioHost(builder.enable_all().build().expect("the operating system gives threads")))
    }
}

impl Host for TokioHost {
    fn rt(&self) -> Rt {
        taktline_tokio::from_handle(self.0.handle().clone())
    }

    fn block_on(&self, future: VerdictFuture) -> Verdict {
        self.0.block_on(self.rt().enter(future))
    }

    fn shutdown(self: Box<Self>) {}
}

/// The global executor of smol, which lives as long as the process.
pub(crate) struct SmolGlobal;

impl SmolGlobal {
    pub(crate) fn host() -> Box<dyn Host> {
        Box::new(SmolGlobal)
    }
}

impl Host for SmolGlobal {
    fn rt(&self) -> Rt {
        taktline_smol::global()
    }

    fn block_on(&self, future: VerdictFuture) -> Verdict {
        smol::block_on(self.rt().enter(future))
    }

    fn can_shut_down(&self) -> bool {
        false
    }

    fn shutdown(self: Box<Self>) {}
}

/// An executor with a thread of its own; the caller of `block_on` is the second one.
pub(crate) struct SmolExecutor {
    executor: Arc<Executor<'static>>,
    rt: Rt,
    running: Sender<()>,
    thread: JoinHandle<()>,
}

impl SmolExecutor {
    pub(crate) fn host() -> Box<dyn Host> {
        let executor = Arc::new(Executor::new());
        let rt = taktline_smol::from_executor(&executor);
        let (running, ended) = smol::channel::bounded::<()>(1);
        let runs = executor.clone();
        let thread = thread::spawn(move || {
            // An error: the other end is gone.
            let _ = smol::block_on(runs.run(ended.recv()));
        });
        Box::new(SmolExecutor { executor, rt, running, thread })
    }
}

impl Host for SmolExecutor {
    fn rt(&self) -> Rt {
        self.rt.clone()
    }

    fn block_on(&self, future: VerdictFuture) -> Verdict {
        smol::block_on(self.executor.run(self.rt.enter(future)))
    }

    fn shutdown(self: Box<Self>) {
        drop(self.running);
        self.thread.join().expect("a panic of a task does not reach its thread");
        drop(self.executor);
    }
}

pub(crate) struct SimHost(Sim);

impl SimHost {
    pub(crate) fn host(seed: u64) -> Box<dyn Host> {
        Box::new(SimHost(Sim::new(seed)))
    }
}

impl Host for SimHost {
    fn rt(&self) -> Rt {
        self.0.rt()
    }

    fn block_on(&self, future: VerdictFuture) -> Verdict {
        self.0.block_on(future)
    }

    fn shutdown(self: Box<Self>) {}
}
