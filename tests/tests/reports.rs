//! A report that is made while a run goes on, on other threads, balances.

use taktline::prelude::*;
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
