//! Reserved places: nobody else gets them, whoever gives one back lets the next one in, and a service of tower is ready
//! exactly when it has one.

use std::future::poll_fn;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{join_all, poll_immediate};
use taktline::inlet::{CallError, CallService};
use taktline::prelude::*;
use tests::{everywhere, on_sim};
use tower::load_shed::error::Overloaded;
use tower::{Service, ServiceBuilder, ServiceExt};

const MS: Duration = Duration::from_millis(1);

#[stage]
async fn next(x: u64) -> u64 {
    sleep(MS).await;
    x + 1
}

#[stage]
async fn stuck(x: u64) -> u64 {
    std::future::pending::<()>().await;
    x
}

async fn is_ready(service: &mut CallService<u64, u64>) -> bool {
    poll_immediate(poll_fn(|cx| service.poll_ready(cx))).await.is_some_and(|ready| ready.is_ok())
}

#[test]
fn a_reserved_place_is_kept_for_its_request() {
    everywhere(|rt| async move {
        let (calls, pipeline) = calls(2, |requests| requests.then(next()));
        let running = pipeline.start_on(&rt);
        let (one, other) = (calls.reserve().await.expect("it runs"), calls.reserve().await.expect("it runs"));
        assert_eq!(calls.try_call(7).await, Err(CallError::Overloaded(7)));
        let mut waits = rt.spawn(calls.call(3));
        rt.sleep(MS * 5).await;
        assert!(poll_immediate(&mut waits).await.is_none(), "it stays in line while both places are kept");
        // A permit that is dropped lets the next one in; one that is used is not a second place.
        drop(one);
        assert_eq!(waits.await.expect("it does not panic"), Ok(4));
        assert_eq!(other.call(1).await, Ok(2));
        assert_eq!(calls.call(5).await, Ok(6));
        drop(calls);
        assert!(running.join().await.expect("it goes well").report.balances());
    });
}

#[test]
fn many_that_reserve_and_change_their_mind_pass_no_bound_and_lose_no_place() {
    for seed in 0..50 {
        on_sim(seed, |rt| async move {
            let (calls, pipeline) = calls(3, |requests| requests.then(next().buffer(1)));
            let running = pipeline.start_on(&rt);
            let callers: Vec<_> = (0..60u64)
                .map(|x| {
                    let (calls, rt) = (calls.clone(), rt.clone());
                    rt.clone().spawn(async move {
                        match x % 4 {
                            0 => assert_eq!(calls.call(x).await, Ok(x + 1)),
                            1 => drop(calls.reserve().await.expect("it runs")),
                            2 => drop(poll_immediate(Box::pin(calls.reserve())).await),
                            _ => {
                                let permit = calls.reserve().await.expect("it runs");
                                rt.sleep(MS * (x as u32 % 5)).await;
                                assert_eq!(permit.call(x).await, Ok(x + 1));
                            }
                        }
                    })
                })
                .collect();
            for caller in callers {
                caller.await.expect("no caller panics");
            }
            let permits = join_all((0..3).map(|_| calls.reserve())).await;
            assert!(permits.iter().all(Result::is_ok), "seed {seed}: all places are free again");
            assert!(calls.reserve().now_or_never().is_none(), "seed {seed}: there is no fourth");
            drop((permits, calls));
            let report = running.join().await.expect("it goes well").report;
            assert!(report.balances(), "seed {seed}: {report}");
            assert!(report.stages().iter().all(|row| row.edge_peak <= 3), "seed {seed}: {report}");
        });
    }
}

#[test]
fn the_end_of_a_run_tells_whoever_has_a_place_or_waits_for_one() {
    everywhere(|rt| async move {
        let (calls, pipeline) = calls(1, |requests| requests.then(next()));
        let mut early = calls.service();
        assert!(!is_ready(&mut early).await, "it has not started");
        drop(early);
        let running = pipeline.start_on(&rt);
        let permit = calls.reserve().await.expect("it runs");
        let waits = {
            let calls = calls.clone();
            rt.spawn(async move { calls.reserve().await.map(drop) })
        };
        rt.sleep(MS).await;
        running.drain(Duration::from_secs(20)).await.expect("nothing is in it");
        assert_eq!(waits.await.expect("it does not panic"), Err(CallError::Closed(())));
        assert_eq!(permit.call(1).await, Err(CallError::Closed(1)));
        let mut service = calls.service();
        assert_eq!(poll_fn(|cx| service.poll_ready(cx)).await, Err(CallError::Closed(())));
        assert_eq!(service.call(1).await, Err(CallError::Closed(())));
    });
}

#[test]
fn a_service_is_ready_exactly_when_it_has_a_place() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let (calls, pipeline) = calls(2, |requests| requests.then(stuck().buffer(1)));
            let running = pipeline.start_on(&rt);
            rt.sleep(MS).await;
            let mut services: Vec<_> = (0..6).map(|_| calls.service()).collect();
            let mut ready = 0;
            for service in &mut services {
                ready += u64::from(is_ready(service).await);
            }
            assert_eq!(ready, 2, "seed {seed}");
            assert!(is_ready(&mut services[0]).await, "seed {seed}: it stays ready");
            // A clone has no place of its own, and takes none away.
            assert!(!is_ready(&mut services[0].clone()).await);
            let (first, _second) = (services.remove(0), services.remove(0));
            drop(first);
            rt.sleep(MS).await;
            assert!(is_ready(&mut services[0]).await, "seed {seed}: the next one in line");
            assert!(!is_ready(&mut services[1]).await);
            drop(services);
            running.cancel().await.ok();
        });
    }
}

#[test]
fn a_load_shed_in_front_of_a_service_sheds_what_finds_no_place() {
    on_sim(1, |rt| async move {
        let (calls, pipeline) = calls(2, |requests| requests.then(stuck().buffer(1)));
        let running = pipeline.start_on(&rt);
        let service = ServiceBuilder::new().load_shed().service(calls.service());
        let mut accepted = Vec::new();
        let mut shed = 0;
        for x in 0..50 {
            let mut call = service.clone().oneshot(x);
            match poll_immediate(&mut call).await {
                None => accepted.push(call),
                Some(reply) => {
                    assert!(reply.is_err_and(|error| error.is::<Overloaded>()));
                    shed += 1;
                }
            }
            rt.sleep(MS).await;
        }
        assert!(accepted.len() >= 4 && shed > 40, "{} accepted, {shed} shed", accepted.len());
        running.cancel().await.ok();
        for call in accepted {
            let error = call.await.expect_err("it was cancelled");
            assert_eq!(error.downcast_ref(), Some(&CallError::<()>::NoReply), "{error}");
        }
    });
}
