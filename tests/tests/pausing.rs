//! A pause stops the sources between items, lets what is in flight go on, and is overruled by every ending.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use taktline::prelude::*;
use taktline::{Rt, inlet, interval};
use tests::{UNIT, everywhere, on_sim};

const LONG: Duration = Duration::from_secs(3600);

/// One item a unit.
#[source]
async fn paced(out: Out<u64>) {
    for x in 0..20 {
        taktline::sleep(UNIT).await;
        out.send(x).await;
    }
}

/// As fast as there is room.
#[source]
async fn ready(out: Out<u64>) {
    for x in 0..20 {
        out.send(x).await;
    }
}

#[source]
async fn reserving(out: Out<u64>) {
    for x in 0..20 {
        out.reserve().await.send(x);
    }
}

type Sources = Vec<(&'static str, BoxFlow<u64>)>;

/// Every form of a source, each with twenty items.
fn sources() -> Sources {
    let gaps = futures::stream::iter(0..20u64).then(|x| async move {
        taktline::sleep(UNIT).await;
        x
    });
    vec![
        ("paced", paced().boxed()),
        ("ready", ready().boxed()),
        ("reserving", reserving().boxed()),
        ("iter", iter(0..20u64).boxed()),
        ("once", once(0..20u64).boxed()),
        ("stream", stream(gaps).boxed()),
        ("interval", interval(UNIT).take(20).enumerate().map(|(x, _)| x).boxed()),
        ("merge", merge([ready().buffer(1).boxed(), iter(20..40u64).buffer(1).boxed()]).take(20).boxed()),
    ]
}

#[stage(buffer = 2)]
async fn slow(x: u64) -> u64 {
    taktline::sleep(UNIT).await;
    x
}

#[test]
fn what_is_in_flight_goes_on_and_nothing_follows_until_the_resume() {
    for seed in 0..50 {
        for which in 0..sources().len() {
            on_sim(seed, |rt| async move {
                let (name, flow) = sources().swap_remove(which);
                let running = flow.then(slow()).count().start_on(&rt);
                rt.sleep(3 * UNIT + UNIT / 2).await;
                running.pause();
                running.pause();
                rt.sleep(50 * UNIT).await;
                let paused = running.report().expect("it was started");
                let row = paused.stage("slow").expect("it has a row");
                assert_eq!((row.done, row.waiting + row.in_work), (row.items_in, 0), "{name}, seed {seed}: {paused}");
                assert!((2..20).contains(&row.items_in), "{name}: {paused}");
                rt.sleep(LONG).await;
                let later = running.report().expect("it was started");
                assert_eq!(later.stage("slow").map(|row| row.items_in), Some(row.items_in), "{name}: {later}");
                running.resume();
                running.resume();
                let done = running.join().await.expect("nothing fails");
                assert_eq!(done.value, 20, "{name}, seed {seed}: {}", done.report);
                assert!(done.report.balances());
            });
        }
    }
}

#[test]
fn every_form_of_a_source_is_paused_and_resumed_on_every_runtime() {
    everywhere(|rt| async move {
        for (name, flow) in
            [("ready", ready().boxed()), ("reserving", reserving().boxed()), ("iter", iter(0..20u64).boxed())]
        {
            let seen = Arc::new(AtomicU64::new(0));
            let here = seen.clone();
            let running = flow
                .buffer(1)
                .then(|x| async move { x })
                .for_each(move |_| {
                    let _ = here.fetch_add(1, SeqCst);
                })
                .start_on(&rt);
            running.pause();
            // Whatever was in flight has come to its end when nothing has moved for a while.
            let mut before = u64::MAX;
            while seen.load(SeqCst) != before {
                before = seen.load(SeqCst);
                rt.sleep(Duration::from_millis(20)).await;
            }
            let paused = running.report().expect("it was started");
            assert!(
                paused.stages().iter().all(|row| row.waiting + row.in_work + row.finished == 0),
                "{name}: {paused}"
            );
            running.resume();
            running.join().await.expect("nothing fails");
            assert_eq!(seen.load(SeqCst), 20, "{name}");
        }
    });
}

#[test]
fn no_item_is_lost_however_often_it_is_paused() {
    everywhere(|rt: Rt| async move {
        let stop = StopToken::new();
        let (flag, token) = (Arc::new(AtomicBool::new(false)), stop.clone());
        let ends = flag.clone();
        let fiddles = rt.spawn(async move {
            while !ends.load(SeqCst) {
                token.pause();
                others_run().await;
                token.resume();
                others_run().await;
            }
        });
        let flow = merge([iter(0..2_000u64).boxed(), many().boxed()]);
        let done = flow.then(|x| async move { x }).count().stop_on(&stop).run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, 4_000);
        flag.store(true, SeqCst);
        fiddles.await.expect("it does not panic");
    });
}

async fn others_run() {
    taktline::yield_now().await;
}

#[source]
async fn many(out: Out<u64>) {
    for x in 0..2_000 {
        out.send(x).await;
    }
}

#[test]
fn an_inlet_keeps_what_it_is_given_while_its_run_is_paused() {
    on_sim(1, |rt| async move {
        let (send, flow) = inlet::<u64>(2);
        let mut out = flow.start_on(&rt);
        send.send(0).await.expect("it is open");
        assert_eq!(out.next().await.expect("nothing fails"), Some(0));
        out.pause();
        send.send(1).await.expect("there is room");
        send.send(2).await.expect("there is room");
        assert!(rt.timeout(LONG, send.send(3)).await.is_err(), "it took more than its buffer");
        assert!(rt.timeout(LONG, out.next()).await.is_err(), "it was not paused");
        out.resume();
        assert_eq!(out.next().await.expect("nothing fails"), Some(1));
        // A drain finishes what was accepted.
        out.pause();
        out.drain(LONG);
        assert_eq!(out.next().await.expect("nothing fails"), Some(2));
        assert_eq!(out.next().await.expect("nothing fails"), None);
    });
}

#[test]
fn what_a_fused_step_has_made_goes_on_while_its_source_is_paused() {
    on_sim(1, |rt| async move {
        let running = iter(0..4u64).flat_map(|x| vec![x; 10]).then(slow()).count().start_on(&rt);
        rt.sleep(UNIT / 2).await;
        running.pause();
        rt.sleep(LONG).await;
        let paused = running.report().expect("it was started");
        assert_eq!(paused.stage("slow").map(|row| row.done), Some(10), "{paused}");
        running.resume();
        assert_eq!(running.join().await.expect("nothing fails").value, 40);
    });
}

/// Sends from within a future that has a waker of its own.
#[source]
async fn nested(out: Out<u64>) {
    let mut all = FuturesUnordered::new();
    all.push(async move {
        for x in 0..9 {
            out.send(x).await;
        }
    });
    all.next().await;
}

#[test]
fn a_send_within_a_future_with_a_waker_of_its_own_is_woken_by_a_resume_and_by_a_drain() {
    for drains in [false, true] {
        on_sim(1, |rt| async move {
            let stop = StopToken::new();
            stop.pause();
            let running = nested().count().stop_on(&stop).start_on(&rt);
            rt.sleep(UNIT).await;
            if drains {
                stop.drain(UNIT)
            } else {
                stop.resume()
            }
            // The item of the pending send is the last one of a source that is drained.
            let sent = if drains { 1 } else { 9 };
            assert_eq!(running.join().await.expect("nothing fails").value, sent);
        });
    }
}

#[test]
fn every_ending_overrules_a_pause() {
    everywhere(|rt| async move {
        let endless = || iter(0u64..).then(|x| async move { x }).count();
        let paused = |plan: Pipeline<u64>| {
            let running = plan.start_on(&rt);
            running.pause();
            running
        };
        let done = paused(endless()).drain(LONG).await.expect("it is in time");
        assert!(done.report.balances());
        let error = paused(endless()).cancel().await.expect_err("it had not ended");
        assert!(error.is_cancelled() && error.report().is_some_and(|report| report.balances()));
        drop(paused(endless()));

        // A token's pause does not undo a stop, whichever comes first.
        for pauses_first in [true, false] {
            let stop = StopToken::new();
            let asks = [|stop: &StopToken| stop.pause(), |stop: &StopToken| stop.drain(LONG)];
            asks[usize::from(!pauses_first)](&stop);
            asks[usize::from(pauses_first)](&stop);
            let done = endless().stop_on(&stop).run_on(&rt).await.expect("it is in time");
            assert_eq!(done.value, 0, "it ends as it begins");
        }

        // A failure of what is in flight.
        let (first, rest) = (Arc::new(AtomicBool::new(false)), StopToken::new());
        let pause = rest.clone();
        let fails = move |x: u64| {
            let (first, pause) = (first.clone(), pause.clone());
            async move {
                pause.pause();
                if first.swap(true, SeqCst) { Err(format!("{x} fails")) } else { Ok(x) }
            }
        };
        let error = iter(0u64..).try_then(fails).count().stop_on(&rest).run_on(&rt).await.expect_err("it fails");
        assert_eq!(error.stage(), Some("try_then"), "{error:?}");
    });
}

#[test]
fn a_run_that_begins_with_a_paused_token_makes_nothing() {
    on_sim(1, |rt| async move {
        let stop = StopToken::new();
        stop.pause();
        let running = ready().count().stop_on(&stop).start_on(&rt);
        let mut loop_of_mine = iter(0..3u64).start_on(&rt).stop_on(&stop);
        rt.sleep(UNIT).await;
        assert_eq!(running.report().expect("it was started").stage("count").map(|row| row.items_in), Some(0));
        stop.resume();
        assert_eq!(running.join().await.expect("nothing fails").value, 20);
        assert_eq!(loop_of_mine.next().await.expect("nothing fails"), Some(0));
    });
}

#[test]
fn a_pause_is_no_stall_and_a_deadlock_says_that_it_is_one() {
    let told = Arc::new(AtomicU64::new(0));
    let here = told.clone();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        taktline::sim::run(1, async move {
            let plan = ready().then(slow()).count().on_stall(2 * UNIT, move |_| {
                let _ = here.fetch_add(1, SeqCst);
            });
            let running = plan.start();
            taktline::sleep(UNIT / 2).await;
            running.pause();
            running.join().await
        })
    }));
    let text = panic.expect_err("nobody resumes it").downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(text.contains("`ready` is paused"), "{text}");
    assert!(text.contains("`slow` waits for input from `ready`; waiting: 0 of 2 from `ready`"), "{text}");
    assert_eq!(told.load(SeqCst), 0);
}
