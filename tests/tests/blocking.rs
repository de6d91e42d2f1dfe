//! A blocking stage blocks nobody else, is waited for, and fails like any stage.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use taktline::Error;
use taktline::prelude::*;
use taktline::runtime::Rt;
use tests::{Item, Witness, everywhere};

const MS: Duration = Duration::from_millis(1);

/// Runs `check` on every runtime with a real clock, with one thread and with several.
fn on_a_real_clock<F: Future<Output = ()>>(check: impl Fn(Rt) -> F) {
    let rt = || taktline::choose_runtime().expect("there is one");
    taktline_tokio::block_on_current_thread(async { check(rt()).await });
    taktline_tokio::block_on(async { check(rt()).await });
    taktline_smol::block_on_current_thread(async { check(rt()).await });
    taktline_smol::block_on(async { check(rt()).await });
}

/// Where a blocking call is.
#[derive(Default)]
struct Call {
    has_begun: AtomicBool,
    has_ended: AtomicBool,
    beats: AtomicUsize,
}

impl Call {
    fn is_blocking(&self) -> bool {
        self.has_begun.load(SeqCst) && !self.has_ended.load(SeqCst)
    }

    async fn begun(&self, rt: &Rt) {
        while !self.has_begun.load(SeqCst) {
            rt.sleep(MS).await;
        }
    }

    async fn ended(&self, rt: &Rt) {
        while !self.has_ended.load(SeqCst) {
            rt.sleep(MS).await;
        }
    }
}

#[stage(blocking)]
fn block(item: Item, call: &Call, time: Duration) -> Item {
    call.has_begun.store(true, SeqCst);
    thread::sleep(time);
    call.has_ended.store(true, SeqCst);
    item
}

#[source]
async fn beat(call: &Call, witness: Witness, out: Out<Item>) {
    while !call.has_ended.load(SeqCst) {
        sleep(MS * 10).await;
        if call.is_blocking() {
            call.beats.fetch_add(1, SeqCst);
            out.send(witness.item(1)).await;
        }
    }
}

#[test]
fn a_blocking_stage_does_not_stall_a_beat_beside_it() {
    on_a_real_clock(|rt| async move {
        let mut best = 0;
        // The best of five: a machine that is busy with something else stalls the beat, too.
        for _ in 0..5 {
            let (call, witness) = (Arc::new(Call::default()), Witness::new());
            let blocking = iter([witness.item(0)]).then(block(call.clone(), MS * 200));
            let flow = merge((blocking, beat(call.clone(), witness.clone())));
            let done = flow.for_each(drop).run_on(&rt).await.expect("nothing fails");
            assert!(done.report.balances(), "{}", done.report);
            assert_eq!(witness.left(), 0);
            best = best.max(call.beats.load(SeqCst));
            if best >= 10 {
                break;
            }
        }
        assert!(best >= 10, "{}: {best} beats in 200 ms", rt.name());
    });
}

#[test]
fn a_cancelled_run_waits_for_a_blocking_call_that_has_begun() {
    on_a_real_clock(|rt| async move {
        for workers in [1, 2] {
            let (call, witness) = (Arc::new(Call::default()), Witness::new());
            let items = witness.clone();
            let flow = iter(0..9u64).map(move |id| items.item(id));
            let stage = block(call.clone(), MS * 60).concurrency(workers);
            let running = flow.then(stage).for_each(drop).start_on(&rt);
            call.begun(&rt).await;
            let error = running.cancel().await.expect_err("it had not ended");
            assert!(call.has_ended.load(SeqCst), "{}: the call goes on", rt.name());
            assert!(error.is_cancelled());
            let report = error.report().expect("it was started");
            assert!(report.balances(), "{report}");
            assert_eq!(witness.left(), 0, "{}", rt.name());
        }
    });
}

#[test]
fn a_dropped_run_leaves_a_blocking_call_and_abandons_its_item() {
    on_a_real_clock(|rt| async move {
        let (call, witness, out) = (Arc::new(Call::default()), Witness::new(), Arc::new(AtomicUsize::new(0)));
        let (items, seen) = (witness.clone(), out.clone());
        let flow = iter(0..1u64).map(move |id| items.item(id)).then(block(call.clone(), MS * 100));
        let count = move |_| {
            seen.fetch_add(1, SeqCst);
        };
        let running = flow.for_each(count).start_on(&rt);
        call.begun(&rt).await;
        assert!(running.report().expect("it was started").balances());
        drop(running);
        rt.sleep(MS * 10).await;
        assert!(call.is_blocking(), "{}: the drop has waited", rt.name());
        assert_eq!(witness.left(), 1, "{}: the call still has its item", rt.name());
        call.ended(&rt).await;
        for _ in 0..1000 {
            if witness.left() == 0 {
                break;
            }
            rt.sleep(MS * 5).await;
        }
        assert_eq!((witness.left(), out.load(SeqCst)), (0, 0), "{}: its item goes nowhere", rt.name());
    });
}

#[test]
fn a_cut_blocking_call_is_abandoned_in_the_books() {
    on_a_real_clock(|rt| async move {
        let (call, witness) = (Arc::new(Call::default()), Witness::new());
        let flow = iter([witness.item(0)]).then(block(call.clone(), MS * 60));
        let running = flow.for_each(drop).start_on(&rt);
        call.begun(&rt).await;
        let error = running.cancel().await.expect_err("it had not ended");
        let report = error.report().expect("it was started");
        let row = report.stage("block").expect("the stage has a row");
        assert_eq!((row.items_in, row.done, row.abandoned), (1, 0, 1), "{report}");
        assert!(report.balances(), "{report}");
    });
}

#[derive(Debug, PartialEq)]
struct Bad(u64);

impl std::fmt::Display for Bad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "bad item {}", self.0)
    }
}

impl std::error::Error for Bad {}

#[stage(blocking)]
fn panics(x: u64) -> u64 {
    assert_ne!(x, 3, "bad item");
    x
}

#[stage(blocking)]
fn errs(x: u64) -> Result<u64, Bad> {
    if x == 3 { Err(Bad(x)) } else { Ok(x) }
}

fn check(error: &Error, stage: &str) {
    assert!(error.is_failed());
    assert_eq!((error.stage(), error.first().and_then(|first| first.item())), (Some(stage), Some(3)));
    let report = error.report().expect("it was started");
    assert!(report.balances(), "{report}");
    assert_eq!(report.stage(stage).expect("the stage has a row").failed, 1, "{report}");
}

#[test]
fn a_panic_in_a_blocking_stage_is_a_failure_with_its_name() {
    everywhere(|rt| async move {
        for workers in [1, 3] {
            let flow = iter(0..9u64).then(panics().concurrency(workers));
            let error = flow.count().run_on(&rt).await.expect_err("it panics");
            check(&error, "panics");
            assert!(error.is_panic() && error.to_string().contains("bad item"), "{error}");
        }
    });
}

#[test]
fn the_error_of_a_blocking_stage_comes_back_with_its_type() {
    everywhere(|rt| async move {
        for workers in [1, 3] {
            let flow = iter(0..9u64).then(errs().concurrency(workers));
            let error = flow.count().run_on(&rt).await.expect_err("3 is bad");
            check(&error, "errs");
            assert_eq!(error.downcast_ref::<Bad>(), Some(&Bad(3)));
        }
    });
}

#[stage(blocking)]
fn uneven(x: u64) -> u64 {
    thread::sleep(MS * (x as u32 * 7 % 5));
    x
}

#[test]
fn a_blocking_pool_keeps_the_order() {
    everywhere(|rt| async move {
        let done = iter(0..30u64).then(uneven().concurrency(4)).collect::<Vec<_>>().run_on(&rt).await;
        let done = done.expect("nothing fails");
        assert_eq!(done.value, (0..30).collect::<Vec<_>>());
        assert!(done.report.balances(), "{}", done.report);
    });
}
