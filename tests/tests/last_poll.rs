//! What is in work is polled once more before it is cut, by a failure or a cancel; a source is not.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use taktline::prelude::*;
use tests::{UNIT, on_sim};

/// Rests for longer than any run here, and counts its polls.
async fn rest(polls: &AtomicUsize) {
    let mut rest = std::pin::pin!(taktline::sleep(UNIT * 1000));
    poll_fn(|cx| {
        polls.fetch_add(1, SeqCst);
        rest.as_mut().poll(cx)
    })
    .await;
}

#[source]
async fn one(polls: &AtomicUsize, out: Out<u64>) {
    out.send(0).await;
    rest(polls).await;
}

#[stage]
async fn rests(x: u64, polls: &AtomicUsize) -> u64 {
    if x > 0 {
        rest(polls).await;
    }
    x
}

/// Fails a while after it has begun.
async fn fails(_: u64) -> Result<u64, String> {
    taktline::sleep(UNIT).await;
    Err("bad item".to_owned())
}

#[test]
fn a_source_is_not_polled_again_when_it_is_cancelled() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let polls = Arc::new(AtomicUsize::new(0));
            let running = one(polls.clone()).then(|x| async move { x }).count().start_on(&rt);
            rt.sleep(UNIT).await;
            running.cancel().await.expect_err("it had not ended");
            assert_eq!(polls.load(SeqCst), 1, "seed {seed}");
        });
    }
}

#[test]
fn a_source_is_not_polled_again_when_a_stage_behind_it_fails() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let polls = Arc::new(AtomicUsize::new(0));
            one(polls.clone()).try_then(fails).count().run_on(&rt).await.expect_err("the stage fails");
            assert_eq!(polls.load(SeqCst), 1, "seed {seed}");
        });
    }
}

#[test]
fn what_is_upstream_of_a_panic_in_a_fused_step_is_polled_once_more() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let later = |x: u64| async move {
                taktline::sleep(UNIT).await;
                x
            };
            let bad = |_: u64| -> u64 { panic!("bad closure") };
            let upstream = |polls: &Arc<AtomicUsize>| iter(0..3u64).then(rests(polls.clone()));
            for at in 0..3 {
                let polls = Arc::new(AtomicUsize::new(0));
                let plan = match at {
                    0 => upstream(&polls).then(later).map(bad).count(),
                    1 => upstream(&polls).then(stage(later).concurrency(2)).map(bad).count(),
                    _ => merge([upstream(&polls), iter(0..1u64).then(later)]).skip(1).map(bad).count(),
                };
                let error = plan.run_on(&rt).await.expect_err("the closure panics");
                assert_eq!((error.stage(), polls.load(SeqCst)), (Some("map"), 2), "seed {seed}, plan {at}");
            }
        });
    }
}
