//! A source that restarts runs its function again, with waits that begin anew after a healthy time.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use taktline::prelude::*;
use tests::{everywhere, on_sim};

const SECOND: Duration = Duration::from_secs(1);

/// Notes when it begins, and fails after so many items a second apart.
#[source]
async fn feed(runs: Vec<u64>, begun: &Mutex<Vec<Duration>>, panics: bool, out: Out<u64>) -> Result<(), String> {
    let run = {
        let mut begun = begun.lock().expect("no holder panics");
        begun.push(taktline::now().since_epoch());
        begun.len() - 1
    };
    let Some(items) = runs.get(run) else { return Ok(()) };
    for x in 0..*items {
        taktline::sleep(SECOND).await;
        out.send(100 * run as u64 + x).await;
    }
    assert!(!panics, "the connection is lost");
    Err("the connection is lost".to_owned())
}

fn seconds(begun: &Mutex<Vec<Duration>>) -> Vec<u64> {
    begun.lock().expect("no holder panics").iter().map(Duration::as_secs).collect()
}

#[test]
fn it_begins_again_at_exact_times_and_what_it_sent_goes_on() {
    for seed in 0..50 {
        for panics in [false, true] {
            let begun = Arc::new(Mutex::new(Vec::new()));
            let plan = feed(vec![2, 0, 1], begun.clone(), panics).restart(Backoff::exponential(SECOND));
            let plan = plan.then(stage(|x: u64| async move { x }).buffer(1)).collect::<Vec<_>>();
            let done = on_sim(seed, |rt| plan.clone().run_on(&rt)).expect("the fourth run ends well");
            assert_eq!(done.value, [0, 1, 200]);
            // Two seconds of work and a wait of one; a wait of two; a second of work and a wait of four.
            assert_eq!(seconds(&begun), [0, 3, 5, 10], "seed {seed}");
            let row = done.report.stage("feed").expect("it has a row");
            assert_eq!((row.items_out, row.retried, row.failed), (3, 3, 0));
            taktline::sim::audit(&done.report);
        }
    }
}

#[test]
fn the_waits_begin_anew_after_a_healthy_time() {
    let begun = Arc::new(Mutex::new(Vec::new()));
    let plan = feed(vec![0, 0, 60, 0], begun.clone(), false).restart(Backoff::exponential(SECOND)).count();
    on_sim(1, |rt| plan.clone().run_on(&rt)).expect("the last run ends well");
    // Waits of one and two; after a minute of one, and then of two.
    assert_eq!(seconds(&begun), [0, 1, 3, 64, 66]);
}

/// Fails as soon as it has handed over an item of which a fused step makes many.
#[source]
async fn hasty(runs: usize, begun: &Mutex<Vec<Duration>>, out: Out<u64>) -> Result<(), String> {
    let run = {
        let mut begun = begun.lock().expect("no holder panics");
        begun.push(taktline::now().since_epoch());
        begun.len()
    };
    out.reserve().await.send(100);
    if run < runs { Err("the connection is lost".to_owned()) } else { Ok(()) }
}

/// A slow reader made every failure look like the first one.
#[test]
fn the_time_in_which_a_reader_takes_what_was_sent_is_not_healthy() {
    let begun = Arc::new(Mutex::new(Vec::new()));
    let flow = hasty(4, begun.clone()).restart(Backoff::exponential(1000 * SECOND)).flat_map(|x| 0..x);
    let slow = stage(|_| async move { taktline::sleep(SECOND).await }).buffer(1);
    on_sim(1, |rt| flow.clone().then(slow.clone()).count().run_on(&rt)).expect("the last run ends well");
    let begun = seconds(&begun);
    let between: Vec<_> = begun.windows(2).map(|pair| (pair[1] - pair[0]) / 1000).collect();
    assert_eq!(between, [1, 2, 4], "{begun:?}");
}

/// A function that fails without an await was run for ever within one poll.
#[test]
fn restarts_without_a_wait_let_others_run() {
    let turns = Arc::new(AtomicU64::new(0));
    let (seen, begun) = (Arc::new(Mutex::new(Vec::new())), turns.clone());
    #[source]
    async fn fails_at_once(turns: &AtomicU64, seen: &Mutex<Vec<u64>>, out: Out<u64>) -> Result<(), String> {
        let mut seen = seen.lock().expect("no holder panics");
        seen.push(turns.load(SeqCst));
        let _ = out;
        if seen.len() < 100 { Err("again".to_owned()) } else { Ok(()) }
    }
    let plan = fails_at_once(begun, seen.clone()).restart(Duration::ZERO).count();
    on_sim(1, |rt| {
        let (plan, turns) = (plan.clone(), turns.clone());
        async move {
            let _other = rt.spawn(async move {
                loop {
                    turns.fetch_add(1, SeqCst);
                    taktline::yield_now().await;
                }
            });
            plan.run_on(&rt).await.expect("the last run ends well");
        }
    });
    let seen = seen.lock().expect("no holder panics");
    let most = seen.chunk_by(|a, b| a == b).map(<[u64]>::len).max();
    assert!(most < Some(10), "{seen:?}");
}

#[test]
fn a_stop_ends_the_wait() {
    everywhere(|rt| async move {
        let start = || feed(vec![0; 9], Mutex::new(Vec::new()), false).restart(3600 * SECOND).count().start_on(&rt);
        let running = start();
        rt.sleep(Duration::from_millis(5)).await;
        assert_eq!(running.drain(SECOND).await.expect("a drain hides no failure, and there is none").value, 0);
        let running = start();
        rt.sleep(Duration::from_millis(5)).await;
        assert!(running.cancel().await.expect_err("it waits").is_cancelled());
    });
}

#[test]
fn without_it_the_first_failure_ends_the_run() {
    let begun = Arc::new(Mutex::new(Vec::new()));
    let plan = feed(vec![1], begun.clone(), false).count();
    let error = on_sim(1, |rt| plan.clone().run_on(&rt)).expect_err("it fails");
    assert_eq!((error.stage(), seconds(&begun)), (Some("feed"), vec![0]));
}
