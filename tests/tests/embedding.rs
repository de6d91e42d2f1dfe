//! Pipelines are guests: any number of them run inside of tasks of a program's own runtime.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use taktline::Error;
use taktline::prelude::*;
use taktline::runtime::{Rt, current};
use tests::{counted, everywhere};
use tokio::runtime::{Builder, Runtime};

const MS: Duration = Duration::from_millis(1);

/// Which runtime and thread polls it.
#[stage(concurrency = 2)]
async fn place(x: u64) -> (u64, &'static str, String) {
    sleep(MS * (x as u32 % 3)).await;
    let name = current().expect("a stage has a runtime").name();
    (x, name, thread::current().name().unwrap_or_default().to_owned())
}

fn plan(total: u64) -> Pipeline<Vec<(u64, &'static str, String)>> {
    iter(0..total).then(place()).collect()
}

/// Three ways to run a pipeline in a task; each gives the places of all its items.
async fn guest(way: usize) -> Vec<(u64, &'static str, String)> {
    let done = match way % 3 {
        0 => plan(12).run().await,
        1 => plan(12).start().join().await,
        _ => {
            let mut places = iter(0..12).then(place()).start();
            let mut all = Vec::new();
            while let Some(place) = places.next().await.expect("nothing fails") {
                all.push(place);
            }
            assert!(places.report().expect("it was started").balances());
            return all;
        }
    };
    let done = done.expect("nothing fails");
    assert!(done.report.balances(), "{}", done.report);
    done.value
}

fn check(places: &[(u64, &'static str, String)], runtime: &str) {
    assert_eq!(places.iter().map(|place| place.0).collect::<Vec<_>>(), (0..12).collect::<Vec<_>>());
    assert!(places.iter().all(|place| place.1 == runtime), "{places:?}");
}

fn tokio(mut builder: Builder) -> Runtime {
    builder.enable_all().build().expect("a runtime can be built")
}

#[test]
fn many_pipelines_run_in_tasks_of_one_tokio_runtime() {
    for runtime in [tokio(Builder::new_current_thread()), tokio(Builder::new_multi_thread())] {
        runtime.block_on(async {
            let tasks: Vec<_> = (0..9).map(|way| tokio::spawn(guest(way))).collect();
            for task in tasks {
                check(&task.await.expect("no task panics"), "tokio");
            }
        });
    }
}

#[test]
fn many_pipelines_run_in_tasks_of_one_smol_executor() {
    let check_all = || async {
        let tasks: Vec<_> = (0..9).map(|way| taktline::spawn(guest(way))).collect();
        for task in tasks {
            check(&task.await.expect("no task panics"), "smol");
        }
    };
    taktline_smol::block_on(check_all());
    taktline_smol::block_on_current_thread(check_all());
    let executor = Arc::new(smol::Executor::new());
    let rt = taktline_smol::from_executor(&executor);
    let tasks: Vec<_> = (0..9).map(|way| executor.spawn(rt.enter(guest(way)))).collect();
    smol::block_on(executor.run(async {
        for task in tasks {
            check(&task.await, "smol");
        }
    }));
}

#[test]
fn a_pipeline_runs_on_the_tokio_runtime_that_polls_it() {
    let named = |name: &str| {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2).thread_name(name);
        tokio(builder)
    };
    let (one, two) = (named("one"), named("two"));
    for (runtime, name) in [(&one, "one"), (&two, "two")] {
        for way in 0..3 {
            let places = runtime.block_on(runtime.spawn(guest(way))).expect("no task panics");
            check(&places, "tokio");
            assert!(places.iter().all(|place| place.2 == name), "on {name}: {places:?}");
        }
    }
}

#[test]
fn a_run_takes_the_runtime_of_its_first_poll() {
    let run = plan(12).run();
    let done = tokio(Builder::new_current_thread()).block_on(run).expect("nothing fails");
    check(&done.value, "tokio");
    assert!(done.report.balances(), "{}", done.report);
    let run = plan(12).run();
    let done = taktline::sim::run(1, run).expect("nothing fails");
    check(&done.value, "sim");
    assert!(done.report.balances(), "{}", done.report);
}

#[test]
fn without_a_runtime_the_first_next_and_join_say_so() {
    futures::executor::block_on(async {
        let none = || Error::no_runtime("there is none");
        let error = iter(0..3u64).start_with(Err(none())).next().await.expect_err("there is no runtime");
        assert!(error.is_no_runtime() && error.report().is_none(), "{error}");
        let error = iter(0..3u64).start_with(Err(none())).cancel().await.expect_err("there is no runtime");
        assert!(error.is_no_runtime() && error.report().is_none(), "{error}");
        let error = plan(3).start_with(Err(none())).join().await.expect_err("there is no runtime");
        assert!(error.is_no_runtime() && error.report().is_none(), "{error}");
        let error =
            plan(3).run_with(|| Err(Error::no_runtime("there is none"))).await.expect_err("there is no runtime");
        assert!(error.is_no_runtime() && error.report().is_none(), "{error}");
    });
}

#[test]
fn in_a_plain_thread_a_pipeline_runs_on_the_global_executor_of_smol() {
    let plain = thread::spawn(|| {
        futures::executor::block_on(async {
            for way in 0..3 {
                check(&guest(way).await, "smol");
            }
        });
    });
    plain.join().expect("it works");
}

#[stage(concurrency = 2)]
async fn nested(x: u64) -> Vec<&'static str> {
    let done = iter(0..x).then(place()).map(|place| place.1).collect::<Vec<_>>().run().await;
    let done = done.expect("nothing fails");
    assert!(done.report.balances(), "{}", done.report);
    done.value
}

async fn runs_inside(rt: Rt) {
    let (rt, tasks) = counted(rt);
    let outer = |items: u64| iter([items, items]).then(nested()).flat_map(|names| names).collect::<Vec<_>>();
    let done = outer(0).run_on(&rt).await.expect("nothing fails");
    assert!(done.value.is_empty() && done.report.balances(), "{}", done.report);
    let idle = tasks.given();
    let done = outer(5).run_on(&rt).await.expect("nothing fails");
    assert_eq!(done.value, [rt.name(); 10], "a run inside of a stage takes the runtime of the stage");
    assert!(done.report.balances(), "{}", done.report);
    assert!(tasks.given() > 2 * idle, "workers for the items of the inner runs: {} and {idle}", tasks.given());
}

#[test]
fn a_run_inside_of_a_stage_takes_the_same_runtime() {
    everywhere(runs_inside);
}

#[stage]
async fn deep(x: u64) -> u64 {
    // The innermost run is a task of the same runtime, on its one thread: nobody blocks for it.
    let inner = iter(0..x).then(|y| async move {
        let done = iter(0..y).then(|z| async move { z + 1 }).count().run().await.expect("nothing fails");
        assert!(done.report.balances(), "{}", done.report);
        done.value
    });
    inner.fold(0, |sum, x| sum + x).run().await.expect("nothing fails").value
}

#[test]
fn runs_nest_on_a_runtime_with_one_thread() {
    everywhere(|rt| async move {
        let done = iter([5, 6u64]).then(deep()).collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, [10, 15]);
        assert!(done.report.balances(), "{}", done.report);
    });
}
