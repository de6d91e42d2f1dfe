//! One check, on every runtime.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taktline_core::runtime::Rt;
use taktline_sim::Sim;

use crate::{Tasks, counted};

/// Runs `check` with a counted runtime on sim (a few seeds), on tokio's two flavours and on smol, and asserts each time
/// that no task is left. A check that hangs fails after a while.
///
/// # Panics
/// If the check panics, hangs, or leaves a task; the message names the runtime.
pub fn everywhere<F>(check: impl Fn(Rt) -> F)
where
    F: Future<Output = ()>,
{
    for seed in 0..10 {
        on_sim(seed, &check);
    }
    let build = |mut builder: tokio::runtime::Builder| builder.enable_all().build().expect("a runtime can be built");
    let runtimes = [
        ("tokio current-thread", build(tokio::runtime::Builder::new_current_thread())),
        ("tokio multi-thread", build(tokio::runtime::Builder::new_multi_thread())),
    ];
    for (name, runtime) in runtimes {
        let (rt, tasks) = counted(taktline_tokio::from_handle(runtime.handle().clone()));
        runtime.block_on(async {
            rt.enter(guarded(name, &rt, check(rt.clone()))).await;
            settled(name, &rt, &tasks).await;
        });
    }
    let executor = Arc::new(smol::Executor::new());
    let (rt, tasks) = counted(taktline_smol::from_executor(&executor));
    smol::block_on(executor.run(async {
        rt.enter(guarded("smol", &rt, check(rt.clone()))).await;
        settled("smol", &rt, &tasks).await;
    }));
}

/// Runs `check` with a counted runtime on sim, and asserts that no task and no timer is left.
///
/// # Panics
/// If the check panics or deadlocks, or leaves something.
pub fn on_sim<F: Future>(seed: u64, check: impl Fn(Rt) -> F) -> F::Output {
    let sim = Sim::new(seed);
    let (rt, tasks) = counted(sim.rt());
    let output = sim.block_on(rt.enter(check(rt.clone())));
    sim.settle();
    assert_eq!(tasks.left(), 0, "seed {seed}: tasks are left");
    assert_eq!((sim.task_count(), sim.timer_count()), (0, 0), "seed {seed}: tasks or timers are left");
    output
}

async fn guarded(name: &str, rt: &Rt, check: impl Future<Output = ()>) {
    let limit = Duration::from_secs(60);
    assert!(rt.timeout(limit, check).await.is_ok(), "{name}: hangs");
}

/// A task that has finished its work is dropped by the runtime soon after.
async fn settled(name: &str, rt: &Rt, tasks: &Tasks) {
    let start = Instant::now();
    while tasks.left() > 0 {
        assert!(start.elapsed() < Duration::from_secs(5), "{name}: {} tasks are left", tasks.left());
        rt.sleep(Duration::from_millis(1)).await;
    }
}
