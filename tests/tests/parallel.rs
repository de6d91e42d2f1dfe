//! Neighbours and workers really run at once: on two threads they meet at a barrier.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use taktline::prelude::*;
use taktline::runtime::Rt;

/// Each test needs two cores for itself.
static CORES: Mutex<()> = Mutex::new(());

/// Runs `check` on tokio multi-thread and on smol, with two threads each. One that hangs fails.
fn on_two_threads<F: Future<Output = ()> + 'static>(check: fn(Rt) -> F) {
    let _cores = CORES.lock().unwrap_or_else(PoisonError::into_inner);
    watched("tokio", move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime can be built");
        runtime.block_on(check(taktline::runtimes::tokio::from_handle(runtime.handle().clone())));
    });
    on_smol(check);
}

/// Runs `check` on smol with two threads.
fn on_smol<F: Future<Output = ()>>(check: impl FnOnce(Rt) -> F + Send + 'static) {
    watched("smol", move || {
        let executor = Arc::new(smol::Executor::new());
        let rt = taktline::runtimes::smol::from_executor(&executor);
        let (running, ended) = smol::channel::bounded::<()>(1);
        thread::scope(|scope| {
            scope.spawn(|| smol::block_on(executor.run(ended.recv())));
            smol::block_on(executor.run(check(rt)));
            drop(running);
        });
    });
}

fn watched(name: &str, run: impl FnOnce() + Send + 'static) {
    let (send, ended) = mpsc::channel();
    thread::spawn(move || {
        run();
        let _ = send.send(());
    });
    assert!(ended.recv_timeout(Duration::from_secs(20)).is_ok(), "{name}: it hangs, or has panicked");
}

#[stage]
async fn meet(x: u64, barrier: &Barrier, alone: u64) -> u64 {
    if x != alone {
        barrier.wait();
    }
    x
}

#[stage(concurrency = 2)]
fn meet_each_other(x: u64, barrier: &Barrier) -> u64 {
    barrier.wait();
    x
}

#[test]
fn two_adjacent_stages_run_at_once() {
    on_two_threads(|rt| async move {
        let barrier = Arc::new(Barrier::new(2));
        // Item x of the first meets item x - 1 of the second, so the first item and the last have no partner.
        for buffer in [1, 2, 16] {
            let (one, two) = (meet(barrier.clone(), 0).buffer(buffer), meet(barrier.clone(), 19).buffer(buffer));
            let done = iter(0..20u64).then(one).then(two).count().run_on(&rt).await.expect("nothing fails");
            assert_eq!(done.value, 20);
            assert!(done.report.balances(), "{}", done.report);
        }
    });
}

#[test]
fn two_items_of_a_pool_run_at_once() {
    on_two_threads(|rt| async move {
        let barrier = Arc::new(Barrier::new(2));
        let done = iter(0..20u64).then(meet_each_other(barrier)).collect::<Vec<_>>().run_on(&rt).await;
        let done = done.expect("nothing fails");
        assert_eq!(done.value, (0..20).collect::<Vec<_>>());
        assert!(done.report.balances(), "{}", done.report);
    });
}

#[test]
fn two_items_of_a_pool_run_at_once_behind_an_edge_of_one_place() {
    on_two_threads(|rt| async move {
        let barrier = Arc::new(Barrier::new(2));
        // The writer waits for room again and again, and is woken by a worker that then does not end by itself.
        let done = iter(0..2000u64).then(meet_each_other(barrier).buffer(1)).count().run_on(&rt).await;
        let done = done.expect("nothing fails");
        assert_eq!(done.value, 2000);
        assert!(done.report.balances(), "{}", done.report);
    });
}

#[stage]
async fn compute(x: u64, is_computing: &AtomicBool) -> u64 {
    is_computing.store(true, SeqCst);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(4) {
        std::hint::spin_loop();
    }
    is_computing.store(false, SeqCst);
    x
}

/// How many of 50 computations the neighbour of the stage sees while it looks at an item.
async fn meetings(rt: &Rt) -> u64 {
    let is_computing = Arc::new(AtomicBool::new(false));
    let seen = is_computing.clone();
    let neighbour = stage(move |_: u64| {
        let seen = seen.clone();
        async move {
            // Looks for as long as one computation takes.
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(4) {
                if seen.load(SeqCst) {
                    return 1;
                }
                thread::yield_now();
            }
            0
        }
    });
    let flow = iter(0..50u64).then(compute(is_computing)).then(neighbour);
    let done = flow.fold(0, |met, x| met + x).run_on(rt).await.expect("nothing fails");
    assert!(done.report.balances(), "{}", done.report);
    done.value
}

#[test]
fn a_neighbour_gets_items_while_a_stage_computes_without_a_wait() {
    on_two_threads(|rt| async move {
        let mut best = 0;
        // The best of five: on a machine that is busy with something else there may be no second core.
        for _ in 0..5 {
            best = best.max(meetings(&rt).await);
            if best >= 10 {
                break;
            }
        }
        assert!(best >= 10, "the neighbour has met {best} of 50 computations");
    });
}

/// How far a stage that computes has got, and what its neighbour has seen of it.
#[derive(Default)]
struct Progress {
    ended: AtomicUsize,
    at_first: AtomicUsize,
}

#[stage]
async fn compute_long(x: u64, progress: &Progress) -> u64 {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(2) {
        std::hint::spin_loop();
    }
    progress.ended.fetch_add(1, SeqCst);
    x
}

#[stage]
async fn look(x: u64, progress: &Progress) -> u64 {
    if x == 0 {
        progress.at_first.store(progress.ended.load(SeqCst), SeqCst);
    }
    x
}

#[test]
fn the_first_item_is_with_the_neighbour_before_the_last_is_computed() {
    on_two_threads(|rt| async move {
        let progress = Arc::new(Progress::default());
        let flow = iter(0..50u64).then(compute_long(progress.clone())).then(look(progress.clone()));
        let done = flow.count().run_on(&rt).await.expect("nothing fails");
        assert!(done.report.balances(), "{}", done.report);
        let at_first = progress.at_first.load(SeqCst);
        assert!(
            at_first < 50 && progress.ended.load(SeqCst) == 50,
            "{at_first} were computed before the first was seen"
        );
    });
}

#[source]
async fn sends(sent: &AtomicUsize, out: Out<u64>) {
    for i in 0..10 {
        out.send(i).await;
        sent.fetch_add(1, SeqCst);
    }
}

/// With its first item, waits for the source to go on, without an await.
#[stage(buffer = 2)]
async fn waits_for_source(x: u64, sent: &AtomicUsize) -> u64 {
    let start = Instant::now();
    while x == 0 && sent.load(SeqCst) < 3 && start.elapsed() < Duration::from_secs(10) {
        thread::yield_now();
    }
    if x == 0 { sent.load(SeqCst) as u64 } else { 0 }
}

/// Not on tokio: there a writer that a stage wakes waits for the thread on which it was woken.
#[test]
fn the_place_of_an_item_is_free_while_its_body_computes() {
    let _cores = CORES.lock().unwrap_or_else(PoisonError::into_inner);
    on_smol(|rt| async move {
        let sent = Arc::new(AtomicUsize::new(0));
        let flow = sends(sent.clone()).then(waits_for_source(sent));
        let done = flow.fold(0, |sum, x| sum + x).run_on(&rt).await.expect("nothing fails");
        assert!(done.value >= 3, "the source has stood still");
    });
}

/// Not on tokio: there a reader that a writer wakes waits for the thread on which it was woken.
#[test]
fn an_item_is_with_a_reader_that_has_nothing_to_do_while_its_source_computes_the_next() {
    let _cores = CORES.lock().unwrap_or_else(PoisonError::into_inner);
    on_smol(|rt| async move {
        let (see, seen) = mpsc::channel();
        let first_seen = Arc::new(AtomicUsize::new(usize::MAX));
        let first = first_seen.clone();
        // Fewer than are handed over together while the reader is busy.
        let source = (0..20u64).inspect(move |x| {
            thread::sleep(Duration::from_millis(5));
            if seen.try_recv().is_ok() {
                first.fetch_min(*x as usize, SeqCst);
            }
        });
        let note = move |x| _ = see.send(x);
        let plan = once(source).buffer(64).then(stage(|x: u64| async move { x }).buffer(64)).for_each(note);
        plan.run_on(&rt).await.expect("nothing fails");
        assert!(first_seen.load(SeqCst) < 20, "all were made before the first was seen");
    });
}

/// A step behind a join or a pool that computes, fused into its task.
#[test]
fn the_first_output_of_a_fused_step_is_with_the_neighbour_before_the_last_is_computed() {
    on_two_threads(|rt| async move {
        let ids = || iter(0..50u64).buffer(64);
        let plans: [BoxFlow<u64>; 2] = [
            merge([ids().boxed(), iter(0..0u64).boxed()]).boxed(),
            ids().then(stage(|x: u64| async move { x }).concurrency(2).window(64)),
        ];
        for plan in plans {
            let progress = Arc::new(Progress::default());
            let counted = progress.clone();
            let compute = move |x: u64| {
                let start = Instant::now();
                while start.elapsed() < Duration::from_millis(2) {
                    std::hint::spin_loop();
                }
                counted.ended.fetch_add(1, SeqCst);
                x
            };
            plan.map(compute).then(look(progress.clone()).buffer(64)).count().run_on(&rt).await.expect("nothing fails");
            let at_first = progress.at_first.load(SeqCst);
            assert!(at_first < 50, "{at_first} were computed before the first was seen");
        }
    });
}
