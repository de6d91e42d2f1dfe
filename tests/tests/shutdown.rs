//! A runtime that goes away under a run: the run says so, and its books balance.

use std::cell::RefCell;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use taktline::prelude::*;
use taktline::sim::Sim;
use tests::{Item, UNIT, Witness};

#[source]
async fn items(witness: Witness, out: Out<Item>) {
    for id in 0..300 {
        out.send(witness.item(id)).await;
    }
}

#[stage]
async fn pass(item: Item) -> Item {
    item
}

#[stage]
async fn later(item: Item) -> Item {
    taktline::sleep(UNIT).await;
    item
}

#[stage]
async fn all(input: In<Item>, out: Out<Item>) {
    while let Some(item) = input.next().await {
        out.send(item).await;
    }
}

fn plan(witness: &Witness) -> Pipeline<()> {
    let pooled = later().concurrency(3).buffer(2);
    let flow = items(witness.clone()).then(pass().buffer(3)).then(pooled).flat_map(|item| vec![item.clone(), item]);
    merge([flow.then(all().buffer(1)).boxed(), items(witness.clone()).boxed()])
        .then(pass().concurrency(2).unordered().buffer(3))
        .then(pass().buffer(2))
        .for_each(drop)
}

#[test]
fn a_runtime_that_is_dropped_at_any_step_leaves_books_that_balance() {
    for seed in 0..100 {
        for steps in 0..40 {
            let (sim, witness) = (Sim::new(seed), Witness::new());
            let rt = sim.rt();
            let running = sim.block_on(async {
                let running = plan(&witness).start_on(&rt);
                for _ in 0..steps {
                    taktline::yield_now().await;
                }
                running
            });
            drop(sim);
            let error = futures::executor::block_on(running.join()).expect_err("its tasks are lost");
            assert!(error.first().is_some_and(|failure| failure.is_lost()), "{error:?}");
            let report = error.report().expect("it was started");
            assert!(report.balances(), "seed {seed}, {steps} steps\n{report}");
            let left: u64 = report.stages().iter().map(|row| row.waiting + row.in_work + row.finished).sum();
            assert_eq!((left, witness.left()), (0, 0), "seed {seed}, {steps} steps\n{report}");
        }
    }
}

#[source]
async fn endless(witness: Witness, out: Out<Item>) {
    for id in 0.. {
        out.send(witness.item(id)).await;
    }
}

#[stage(blocking)]
fn read(item: Item) -> Item {
    item
}

/// A task that was woken by another thread as the executor went was in its queue for ever.
#[test]
fn a_blocking_call_that_ends_as_its_executor_goes_leaves_no_run_that_waits() {
    for _ in 0..1000 {
        let (executor, witness) = (Arc::new(smol::Executor::new()), Witness::new());
        let rt = taktline_smol::from_executor(&executor);
        let running = endless(witness.clone()).then(read().concurrency(3)).for_each(drop).start_on(&rt);
        smol::block_on(executor.run(async {
            while witness.made() < 30 {
                taktline::yield_now().await;
            }
        }));
        drop(executor);
        let (send, ended) = mpsc::channel();
        thread::spawn(move || send.send(futures::executor::block_on(running.join()).is_err()));
        assert!(ended.recv_timeout(Duration::from_secs(20)).expect("it hangs"), "its tasks are lost");
        assert_eq!(witness.left(), 0);
    }
}

thread_local! {
    static RUNTIME: RefCell<Option<tokio::runtime::Runtime>> = const { RefCell::new(None) };
}

#[test]
fn the_tasks_of_a_runtime_that_ends_with_its_thread_are_lost() {
    let start = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        RUNTIME.with_borrow_mut(|kept| {
            let runtime = kept.insert(runtime.expect("a runtime can be built"));
            let rt = taktline_tokio::from_handle(runtime.handle().clone());
            let (running, task) = (plan(&Witness::new()).start_on(&rt), rt.spawn(std::future::pending::<()>()));
            runtime.block_on(async { rt.sleep(Duration::from_millis(10)).await });
            (running, task)
        })
    };
    let (running, task) = thread::spawn(start).join().expect("the thread does not panic");
    let (send, ended) = mpsc::channel();
    thread::spawn(move || {
        let both = async { (running.join().await.map(drop), task.await) };
        send.send(futures::executor::block_on(both))
    });
    let (run, task) = ended.recv_timeout(Duration::from_secs(20)).expect("it hangs");
    let error = run.expect_err("its tasks are lost");
    assert!(error.first().is_some_and(|failure| failure.is_lost()), "{error:?}");
    assert!(task.expect_err("it is lost").is_lost());
}
