//! A report tells where time went, and balances also while a run goes on on other threads.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use taktline::prelude::*;
use taktline::sim::{Sim, run};
use tests::UNIT;

#[stage]
async fn pass(x: u64) -> u64 {
    x
}

#[stage(concurrency = 2)]
async fn stops(x: u64) -> Result<u64, String> {
    if x == 1500 { Err("bad item".to_owned()) } else { Ok(x) }
}

#[test]
fn a_report_made_in_the_middle_of_a_stop_balances() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be built");
    let rt = taktline_tokio::from_handle(runtime.handle().clone());
    runtime.block_on(async {
        for at in 0..30 {
            let flow = iter(0..2000u64).then(pass().buffer(64)).then(pass().concurrency(2).buffer(64));
            let flow = flow.then(stops().buffer(64)).then(pass());
            let limit = if at % 2 == 0 { 700 } else { 5000 };
            let running = flow.take(limit).for_each(drop).start_on(&rt);
            while !running.is_over() {
                let report = running.report().expect("it was started");
                assert!(report.balances(), "{report}\n{:?}", report.stages());
            }
            let outcome = rt.timeout(UNIT * 60, running.join()).await.expect("it is over");
            assert_eq!(outcome.is_ok(), limit == 700);
        }
    });
}

#[source]
async fn each_second(items: u32, out: Out<u32>) {
    for id in 0..items {
        taktline::sleep(UNIT).await;
        out.send(id).await;
    }
}

#[stage]
async fn takes(x: u32, time: u32) -> u32 {
    taktline::sleep(UNIT * time).await;
    x
}

#[sink(buffer = 1)]
async fn stores(_x: u32, time: u32) {
    taktline::sleep(UNIT * time).await;
}

/// The times of a row, in units: busy, waiting for input, waiting for room.
fn times(report: &taktline::ledger::Report, name: &str) -> [f64; 3] {
    let row = report.stage(name).expect("it has a row");
    [row.busy, row.waiting_for_input, row.waiting_for_room].map(|time| time.div_duration_f64(UNIT))
}

#[test]
fn a_report_tells_exactly_where_time_went() {
    // The source makes an item each second. The stage takes two, and its last one goes at 7.
    let report = run(1, each_second(3).then(takes(2)).sink(stores(0)).run()).expect("nothing fails").report;
    assert_eq!(report.elapsed(), UNIT * 7);
    assert_eq!(times(&report, "takes"), [6.0, 1.0, 0.0], "{report}");
    assert_eq!(times(&report, "stores"), [0.0, 7.0, 0.0], "{report}");
    // The sink takes ten, from 1 to 11 and so on, and one more waits before it: the third goes on at 11, the fourth at 21.
    let report = run(1, each_second(4).then(takes(0)).sink(stores(10)).run()).expect("nothing fails").report;
    assert_eq!(report.elapsed(), UNIT * 41);
    assert_eq!(times(&report, "stores"), [40.0, 1.0, 0.0], "{report}");
    assert_eq!(times(&report, "takes"), [0.0, 3.0, 18.0], "{report}");
    // Workers of a pool are busy at once.
    let pool = takes(4).concurrency(2);
    let report = run(1, each_second(2).then(pool).sink(stores(0)).run()).expect("nothing fails").report;
    assert_eq!(times(&report, "takes")[0], 8.0, "{report}");
}

#[test]
fn rows_of_one_name_are_told_apart_and_a_name_that_begins_like_another_is_another() {
    let plan = iter(0..2u32).then(takes(0)).then(takes(0)).then(takes(0).name("takes_more")).sink(stores(0));
    let report = run(1, plan.run()).expect("nothing fails").report;
    let names: Vec<_> = report.stages().iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["iter", "takes#2", "takes", "takes_more", "stores"]);
}

struct Idle;

impl Wake for Idle {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_wait_that_is_given_up_keeps_no_waker() {
    let sim = Sim::new(1);
    let running = iter(0..1u32).sink(stores(5)).start_on(&sim.rt());
    let idle = Arc::new(Idle);
    let waker = Waker::from(idle.clone());
    let mut wait = Box::pin(running.wait());
    assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    assert_eq!(Arc::strong_count(&idle), 2, "it is kept while the wait goes on");
    drop(wait);
    assert_eq!(Arc::strong_count(&idle), 1);
    assert!(!running.is_over());
    sim.block_on(running.wait());
    assert!(running.is_over());
}

#[test]
fn what_runs_can_be_printed() {
    let sim = Sim::new(1);
    let plan = iter(0..1u32).sink(stores(0));
    assert_eq!(format!("{:?}", plan.clone().run_on(&sim.rt())), "Run");
    let running = plan.start_on(&sim.rt());
    assert_eq!(format!("{running:?}"), "Running");
    sim.block_on(running.join()).expect("nothing fails");
}
