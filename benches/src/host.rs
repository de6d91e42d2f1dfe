//! Warm runtimes: each contender has one of its own, made once.

use std::future::Future;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use smol::Executor;
use taktline::Rt;

/// Threads of a runtime with several.
pub(crate) const THREADS: usize = 2;

/// A runtime that contenders run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// tokio with [`THREADS`] worker threads.
    TokioMulti,
    TokioCurrent,
    /// smol on [`THREADS`] threads.
    SmolMulti,
    SmolCurrent,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::TokioMulti => "tokio multi-thread, 2 threads",
            Kind::TokioCurrent => "tokio current-thread",
            Kind::SmolMulti => "smol, 2 threads",
            Kind::SmolCurrent => "smol, 1 thread",
        }
    }

    pub(crate) fn host(self) -> Host {
        match self {
            Kind::TokioMulti => {
                Host::tokio(tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all())
            }
            Kind::TokioCurrent => Host::tokio(tokio::runtime::Builder::new_current_thread().enable_all()),
            Kind::SmolMulti => Host::smol(THREADS),
            Kind::SmolCurrent => Host::smol(0),
        }
    }
}

/// Owns a runtime.
pub(crate) struct Host {
    lane: Lane,
    owned: Owned,
}

enum Owned {
    Tokio(tokio::runtime::Runtime),
    Smol(Threads),
}

/// What a contender sees of its host: where to spawn, and how to sleep.
#[derive(Clone)]
pub(crate) struct Lane {
    pub(crate) rt: Rt,
    spawner: Spawner,
}

#[derive(Clone)]
enum Spawner {
    Tokio(tokio::runtime::Handle),
    Smol(Arc<Executor<'static>>),
}

impl Host {
    fn tokio(builder: &mut tokio::runtime::Builder) -> Host {
        let runtime = builder.build().expect("the operating system gives what a runtime needs");
        let handle = runtime.handle().clone();
        let lane = Lane { rt: taktline_tokio::from_handle(handle.clone()), spawner: Spawner::Tokio(handle) };
        Host { lane, owned: Owned::Tokio(runtime) }
    }

    /// With no thread of its own, the executor runs on the thread that calls [`run`](Host::run).
    fn smol(threads: usize) -> Host {
        let executor = Arc::new(Executor::new());
        let lane = Lane { rt: taktline_smol::from_executor(&executor), spawner: Spawner::Smol(executor.clone()) };
        Host { lane, owned: Owned::Smol(Threads::new(&executor, threads)) }
    }

    /// Runs what `work` makes in a task of its own, and waits for it.
    pub(crate) fn run<T, Fut>(&self, work: impl FnOnce(Lane) -> Fut) -> T
    where
        T: Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        let task = work(self.lane.clone());
        match (&self.owned, &self.lane.spawner) {
            (Owned::Tokio(runtime), _) => {
                let task = runtime.spawn(task);
                runtime.block_on(task).expect("a contender does not panic")
            }
            (Owned::Smol(threads), Spawner::Smol(executor)) if threads.handles.is_empty() => {
                smol::block_on(executor.run(executor.spawn(task)))
            }
            (Owned::Smol(_), Spawner::Smol(executor)) => smol::block_on(executor.spawn(task)),
            (Owned::Smol(_), Spawner::Tokio(_)) => unreachable!("a host spawns on the runtime that it owns"),
        }
    }
}

impl Lane {
    /// The same with another runtime for taktline.
    pub(crate) fn with(self, rt: Rt) -> Lane {
        Lane { rt, ..self }
    }

    /// A task of its own, which nobody waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.spawner {
            Spawner::Tokio(handle) => drop(handle.spawn(task)),
            Spawner::Smol(executor) => executor.spawn(task).detach(),
        }
    }

    /// The sum of what so many tasks give.
    pub(crate) async fn sum_of<F>(&self, tasks: u64, task: impl Fn(u64) -> F) -> u64
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let running: Vec<_> = (0..tasks).map(|number| self.rt.spawn(task(number))).collect();
        let mut sum = 0;
        for one in running {
            sum += one.await.expect("no task panics");
        }
        sum
    }

    /// The runtime's own sleep.
    pub(crate) async fn sleep(&self, time: Duration) {
        match &self.spawner {
            Spawner::Tokio(_) => tokio::time::sleep(time).await,
            Spawner::Smol(_) => drop(smol::Timer::after(time).await),
        }
    }

    /// The runtime's own sleep, to a point in time.
    pub(crate) async fn sleep_until(&self, at: Instant) {
        match &self.spawner {
            Spawner::Tokio(_) => tokio::time::sleep_until(at.into()).await,
            Spawner::Smol(_) => drop(smol::Timer::at(at).await),
        }
    }
}

/// Threads that run an executor until they are dropped.
struct Threads {
    /// Its drop ends the threads.
    running: Option<smol::channel::Sender<()>>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    fn new(executor: &Arc<Executor<'static>>, threads: usize) -> Threads {
        let (running, ended) = smol::channel::bounded::<()>(1);
        let start = |_| {
            let (executor, ended) = (executor.clone(), ended.clone());
            std::thread::spawn(move || {
                // An error says that the sender is gone: the end.
                let _ = smol::block_on(executor.run(ended.recv()));
            })
        };
        Threads { running: Some(running), handles: (0..threads).map(start).collect() }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        drop(self.running.take());
        for handle in self.handles.drain(..) {
            // A thread that has panicked has said so.
            let _ = handle.join();
        }
    }
}
