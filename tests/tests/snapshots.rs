//! A snapshot tells, at exact times, where the time of each stage goes while the run goes on.

use std::time::Duration;

use taktline::ledger::{Snapshot, StageSnapshot};
use taktline::prelude::*;
use taktline::sim::run;
use tests::{UNIT, everywhere};

#[stage]
async fn takes(x: u32, time: u32) -> u32 {
    taktline::sleep(UNIT * time).await;
    x
}

#[sink(buffer = 1)]
async fn stores(_x: u32, time: u32) {
    taktline::sleep(UNIT * time).await;
}

#[source]
async fn each_second(out: Out<u32>) {
    for id in 0.. {
        taktline::sleep(UNIT).await;
        out.send(id).await;
    }
}

fn row<'a>(snapshot: &'a Snapshot, name: &str) -> &'a StageSnapshot {
    snapshot.stage(name).unwrap_or_else(|| panic!("`{name}` has a row: {snapshot}"))
}

/// What the workers of a row did, in units: working, retrying, waiting for input, ready, waiting for room.
fn times(snapshot: &Snapshot, name: &str) -> [f64; 5] {
    let row = row(snapshot, name);
    let times = [row.working, row.retrying, row.waiting_for_input, row.ready, row.waiting_for_room];
    times.map(|time| time.div_duration_f64(UNIT))
}

/// A snapshot after each of the times.
async fn at<V: Send + 'static>(plan: Pipeline<V>, instants: &[u32]) -> Vec<Snapshot> {
    let (start, running) = (taktline::now(), plan.start());
    let mut taken = Vec::new();
    for &instant in instants {
        taktline::sleep((start + UNIT * instant) - taktline::now()).await;
        taken.push(running.snapshot().expect("it was started"));
    }
    running.cancel().await.err();
    taken
}

#[test]
fn what_goes_on_is_counted_until_now() {
    // The first item comes at 1; the stage has it until 11.
    let taken = run(1, at(each_second().then(takes(10)).sink(stores(0)), &[5, 10]));
    assert_eq!(times(&taken[0], "takes"), [4.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(times(&taken[0], "stores"), [0.0, 0.0, 5.0, 0.0, 0.0]);
    assert_eq!(times(&taken[1], "takes"), [9.0, 0.0, 1.0, 0.0, 0.0]);
    let takes = row(&taken[1], "takes");
    assert_eq!((takes.counts.in_work, takes.places, takes.counts.workers), (1, 16, 1));
    assert_eq!((row(&taken[1], "stores").places, row(&taken[1], "stores").fill()), (1, 0.0));
}

#[test]
fn a_wait_for_room_is_counted_until_now() {
    // The sink has its first item from 1 on, and one waits before it. The third one waits for room from 3 on.
    let taken = run(1, at(each_second().then(takes(0)).sink(stores(100)), &[9]));
    assert_eq!(times(&taken[0], "takes"), [0.0, 0.0, 3.0, 0.0, 6.0]);
    assert_eq!(row(&taken[0], "takes").blocked, UNIT * 6);
    assert_eq!(times(&taken[0], "stores"), [8.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(row(&taken[0], "stores").fill(), 1.0);
}

#[test]
fn rates_and_times_are_those_since_an_earlier_snapshot() {
    let taken = run(1, at(iter(0..50u32).then(takes(2)).sink(stores(1)), &[11, 31, 31]));
    let [first, second, third] = taken.try_into().expect("three were taken");
    assert_eq!((first.span(), first.rate_out("takes")), (UNIT * 11, 5.0 / 11.0));
    let since = second.clone().since(&first);
    assert_eq!((since.elapsed(), since.span()), (UNIT * 31, UNIT * 20));
    assert_eq!((row(&since, "takes").items_out, since.rate_out("takes"), since.rate_in("stores")), (10, 0.5, 0.5));
    assert_eq!(times(&since, "takes"), [20.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(times(&since, "stores"), [10.0, 0.0, 10.0, 0.0, 0.0]);
    assert_eq!(row(&since, "takes").counts.items_out, 15, "the row of the ledger counts from the start");
    assert_eq!((since.rate_in("nobody"), since.stage("nobody").is_none()), (0.0, true));
    let nothing = third.since(&second);
    assert_eq!((nothing.span(), nothing.rate_out("takes")), (Duration::ZERO, 0.0));
}

#[test]
fn workers_of_a_pool_add_up_and_wait_for_input_once_their_window_has_room() {
    // Two items at once, at 0, and no more: both workers are at work until 4.
    let slow_then_none = iter(0..2u32).chain(each_second().filter(|_| false)).then(takes(4).concurrency(2).window(2));
    let taken = run(1, at(slow_then_none.count(), &[3, 10]));
    assert_eq!(times(&taken[0], "takes"), [6.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(times(&taken[1], "takes"), [8.0, 0.0, 12.0, 0.0, 0.0]);
    // The head takes 8 and holds the window; the other worker has ended its item at 1, and waits for room until 8. From then
    // on there is nothing to do.
    let head = stage(|x: u32| async move {
        taktline::sleep(UNIT * if x == 0 { 8 } else { 1 }).await;
        x
    });
    let plan = iter(0..2u32).chain(each_second().filter(|_| false)).then(head.name("head").concurrency(2).window(2));
    let taken = run(1, at(plan.count(), &[6, 18]));
    let held = times(&taken[0], "head");
    assert_eq!(held, [7.0, 0.0, 0.0, 0.0, 5.0]);
    assert_eq!(row(&taken[0], "head").blocked, Duration::ZERO);
    let idle = times(&taken[1], "head");
    assert_eq!(idle, [9.0, 0.0, 20.0, 0.0, 7.0]);
}

#[test]
fn a_reader_that_is_slow_blocks_a_pool_while_its_workers_go_on() {
    let pool = takes(1).concurrency(2).window(8);
    let taken = run(1, at(iter(0..90u32).then(pool).sink(stores(50)), &[20]));
    // At 1 the sink gets an item, and one waits before it: what is finished at 2 has no room.
    assert_eq!(row(&taken[0], "takes").blocked, UNIT * 18);
    // The window has eight more by 5, two in each second.
    assert_eq!(times(&taken[0], "takes"), [10.0, 0.0, 0.0, 0.0, 30.0]);
}

#[test]
fn backoff_and_further_attempts_are_retrying() {
    let flaky = taktline::try_stage(|x: u32| async move {
        taktline::sleep(UNIT).await;
        Err::<u32, _>(format!("{x} is bad"))
    });
    let flaky = flaky.name("flaky").retry(2).backoff(UNIT * 3).on_error(OnError::Skip);
    // Fails at 1, 5 and 9; nothing follows.
    let plan = iter([7u32]).chain(each_second().filter(|_| false)).then(flaky);
    let taken = run(1, at(plan.count(), &[6, 10]));
    assert_eq!(times(&taken[0], "flaky"), [2.0, 4.0, 0.0, 0.0, 0.0]);
    assert_eq!(times(&taken[1], "flaky"), [1.0, 8.0, 1.0, 0.0, 0.0]);
    let counts = &row(&taken[1], "flaky").counts;
    assert_eq!((counts.retried, counts.failed, counts.skipped), (2, 1, 1));
}

/// Whether a time is told to a quarter.
fn is_about(told: Option<Duration>, time: Duration) -> bool {
    told.is_some_and(|told| (told.div_duration_f64(time) - 1.0).abs() <= 0.25)
}

#[test]
fn service_times_are_those_of_bodies() {
    let mixed = |x: u32| async move {
        taktline::sleep(UNIT * if x % 10 == 9 { 100 } else { 2 }).await;
        x
    };
    for pool in [stage(mixed).name("mixed"), stage(mixed).name("mixed").concurrency(4)] {
        let taken = run(1, at(iter(0..200u32).then(pool).count(), &[3_000]));
        let service = &row(&taken[0], "mixed").service;
        assert_eq!(service.samples(), 200);
        assert!(is_about(service.p50(), UNIT * 2), "{service:?}");
        assert!(is_about(service.p99(), UNIT * 100), "{service:?}");
    }
}

#[test]
fn queue_times_are_those_from_the_edge_to_the_body() {
    // Once the edge is full, each item waits for the sixteen before it.
    for stage in [takes(1), takes(1).unordered().concurrency(1)] {
        let taken = run(1, at(iter(0..600u32).then(stage).count(), &[100, 500]));
        let queue = &row(&taken[1].clone().since(&taken[0]), "takes").queue.clone();
        assert!(queue.samples() >= 5, "{queue:?}");
        assert!(is_about(queue.p50(), UNIT * 16), "{queue:?}");
        assert!(queue.p99() < Some(UNIT * 22), "{queue:?}");
    }
    // Two workers share the edge, so each item waits half as long.
    let taken = run(1, at(iter(0..1200u32).then(takes(1).concurrency(2)).count(), &[100, 500]));
    let queue = &row(&taken[1].clone().since(&taken[0]), "takes").queue.clone();
    assert!(is_about(queue.p50(), UNIT * 8) && queue.samples() >= 5, "{queue:?}");
    // A reader that is quicker than its writer lets nothing wait.
    let taken = run(1, at(each_second().then(takes(0)).count(), &[300]));
    let queue = &row(&taken[0], "takes").queue;
    assert!(queue.samples() >= 15 && queue.p99() < Some(Duration::from_micros(1)), "{queue:?}");
}

#[test]
fn a_row_that_has_ended_spends_no_more() {
    let taken = run(1, at(iter(0..2u32).then(takes(1)).sink(stores(10)), &[5, 15]));
    assert_eq!(times(&taken[0], "takes"), times(&taken[1], "takes"));
}

#[test]
fn a_started_flow_and_a_view_take_snapshots_and_none_keeps_the_run() {
    run(1, async {
        let mut xs = iter(0..3u32).then(takes(2)).start();
        let view = xs.view().expect("it was started");
        assert_eq!(xs.next().await.expect("nothing fails"), Some(0));
        let snapshot = view.clone().snapshot().expect("it goes on");
        assert_eq!(row(&snapshot, "takes").working, UNIT * 2);
        assert_eq!(xs.snapshot().map(|it| it.elapsed()), Some(UNIT * 2));
        drop(xs);
        taktline::sleep(UNIT).await;
        assert!(view.snapshot().is_none());
    });
    let running = taktline::runtimes::tokio::block_on(async { iter(0..3u32).count().start() });
    drop(running);
    // There is no runtime here, so it does not start.
    assert!(iter(0..3u32).then(takes(0).buffer(0)).count().start_with(taktline::choose_runtime()).snapshot().is_none());
}

#[test]
fn a_snapshot_is_a_table_without_anything_of_an_item() {
    let secret = stage(|x: String| async move {
        taktline::sleep(UNIT).await;
        if x.ends_with('3') { Err(x) } else { Ok(x) }
    });
    let plan = iter((0..99).map(|x| format!("secret {x}"))).then(secret.name("check")).count();
    let text = run(1, at(plan, &[20])).remove(0).to_string();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("stage  kind    in/s  out/s   edge  in work  workers  work %"), "{text}");
    assert!(lines[2].starts_with("check  stage    1.8    1.0  15/16        1        1     100"), "{text}");
    assert!(lines[2].contains("939.5ms/939.5ms"), "{text}");
    assert!(lines[4].starts_with("bottleneck: `check`"), "{text}");
    assert_eq!(lines[5], "the last 20.00s of 20.00s");
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn a_stage_is_seen_at_work_on_any_runtime() {
    async fn check(rt: taktline::Rt) {
        let ms = Duration::from_millis(1);
        let slow = stage(move |x: u32| async move {
            taktline::sleep(5 * ms).await;
            x
        });
        let running = iter(0..10_000u32).then(slow.name("slow")).count().start_on(&rt);
        let mut earlier: Option<Snapshot> = None;
        for _ in 0..5 {
            rt.sleep(20 * ms).await;
            let snapshot = running.snapshot().expect("it was started");
            let recent = earlier.map_or(snapshot.clone(), |earlier| snapshot.clone().since(&earlier));
            let slow = row(&recent, "slow");
            assert!(slow.working >= recent.span() / 4, "{recent}");
            assert!(snapshot.stages().iter().all(|row| row.counts.balances()), "{snapshot}");
            earlier = Some(snapshot);
        }
        running.cancel().await.err();
    }
    everywhere(check);
}

#[test]
fn a_stage_that_others_keep_from_its_thread_is_ready() {
    // One thread: the source computes for a while after each item that it has sent, so the stage that it has woken waits.
    let hog = iter(0..400u32).inspect(|_| {
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_micros(200) {}
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let rt = taktline_tokio::from_handle(runtime.handle().clone());
    let taken = runtime.block_on(async {
        let running = hog.then(|x: u32| async move { x }).count().start_on(&rt);
        running.wait().await;
        running.snapshot().expect("it was started")
    });
    // How long a wake takes is the machine's matter; that some were seen to take time is not.
    assert!(row(&taken, "then").ready > Duration::ZERO, "{taken}");
}
