//! Calls through a run: each caller gets its own reply, or is told why it gets none.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{join_all, poll_immediate};
use taktline::inlet::CallError;
use taktline::prelude::*;
use tests::{Item, Witness, everywhere, on_sim};

const MS: Duration = Duration::from_millis(1);

#[stage(concurrency = 64, unordered)]
async fn square(x: u64) -> u64 {
    sleep(MS * (x * 7 % 11) as u32).await;
    x * x
}

#[stage]
async fn stuck<T: Send + 'static>(x: T) -> T {
    std::future::pending::<()>().await;
    x
}

#[stage]
async fn refuses(x: u64) -> Result<u64, String> {
    if x == 3 { Err("three".to_owned()) } else { Ok(x) }
}

/// Fails the first attempt at every tenth item.
#[stage(concurrency = 8, unordered, retry = 1)]
async fn shaky(x: u64, tried: &Mutex<Vec<u64>>) -> Result<u64, String> {
    taktline::yield_now().await;
    let mut tried = tried.lock().expect("no test panics with it");
    let is_first = !tried.contains(&x);
    tried.push(x);
    if is_first && x % 10 == 9 { Err("again".to_owned()) } else { Ok(x) }
}

#[test]
fn a_thousand_calls_in_flight_get_each_its_own_reply() {
    everywhere(|rt| async move {
        let (squares, pipeline) = calls(16, |requests| requests.map(|x: u64| x + 1).then(square()));
        let running = pipeline.start_on(&rt);
        let callers: Vec<_> = (0..1000u64)
            .map(|x| {
                let squares = squares.clone();
                rt.spawn(async move { assert_eq!(squares.call(x).await, Ok((x + 1) * (x + 1))) })
            })
            .collect();
        for caller in callers {
            caller.await.expect("each gets its own");
        }
        assert_eq!(squares.left(), 0);
        drop(squares);
        assert!(running.join().await.expect("it goes well").report.balances());
    });
}

#[test]
fn replies_find_their_callers_through_retries_and_at_one_place() {
    everywhere(|rt| async move {
        let tried = Arc::new(Mutex::new(Vec::new()));
        let (calls, pipeline) = calls(1, |requests| requests.then(shaky(tried.clone()).buffer(1)).buffer(1));
        let running = pipeline.start_on(&rt);
        let replies = join_all((0..200u64).map(|x| calls.call(x))).await;
        assert_eq!(replies, (0..200).map(Ok).collect::<Vec<_>>());
        drop(calls);
        assert!(running.join().await.is_ok());
        assert_eq!(tried.lock().expect("no test panics with it").len(), 220, "some were tried again");
    });
}

/// The places of `max_in_flight` made two tickets of one, and what was joined of them led to nobody.
#[test]
fn a_reply_that_is_made_of_parts_of_one_request_finds_its_caller_through_max_in_flight() {
    everywhere(|rt| async move {
        for most in [2, 9] {
            let (calls, pipeline) =
                calls(4, |requests| requests.flat_map(|x: u64| [x, x + 1]).max_in_flight(most).batch(2));
            let running = pipeline.start_on(&rt);
            let replies = join_all((0..20u64).map(|x| calls.call(x))).await;
            assert_eq!(replies, (0..20).map(|x| Ok(vec![x, x + 1])).collect::<Vec<_>>());
            drop(calls);
            assert!(running.join().await.expect("it goes well").report.balances());
        }
    });
}

#[test]
fn a_call_without_a_reply_is_told_so_and_the_others_go_on() {
    everywhere(|rt| async move {
        let skips = refuses().on_error(OnError::Skip);
        let (calls, pipeline) = calls(4, |requests| {
            requests.filter(|x: &u64| *x != 5).then(skips).flat_map(|x| if x == 7 { vec![] } else { vec![x, 100] })
        });
        let running = pipeline.start_on(&rt);
        let replies = join_all((0..10u64).map(|x| calls.call(x))).await;
        for (x, reply) in (0..10).zip(replies) {
            match x {
                3 => assert!(matches!(reply, Err(CallError::Failed(error)) if error.stage() == "refuses")),
                5 | 7 => assert_eq!(reply, Err(CallError::NoReply)),
                _ => assert_eq!(reply, Ok(x)),
            }
        }
        drop(calls);
        assert!(running.join().await.expect("it goes well").report.balances());
    });
}

#[test]
fn no_ending_leaves_a_caller_or_a_request_behind() {
    everywhere(|rt| async move {
        for ending in ["cancel", "drop", "plan dropped"] {
            let witness = Witness::new();
            let requests: Vec<_> = (0..30).map(|id| witness.item(id)).collect();
            let (handle, pipeline) = calls(2, |requests| requests.then(stuck().buffer(1)));
            let callers = rt.spawn(async move {
                join_all(requests.into_iter().map(|request| {
                    let call = handle.call(request);
                    async { call.await.map(drop).map_err(|error| matches!(error, CallError::Closed(_))) }
                }))
                .await
            });
            if ending == "plan dropped" {
                rt.sleep(MS).await;
                drop(pipeline);
            } else {
                let running = pipeline.start_on(&rt);
                rt.sleep(MS * 3).await;
                if ending == "cancel" {
                    running.cancel().await.ok();
                }
            }
            let outcomes = callers.await.expect("no caller panics");
            let accepted = outcomes.iter().filter(|outcome| **outcome == Err(false)).count();
            assert!(outcomes.iter().all(Result::is_err), "{ending}: nothing has a reply");
            assert_eq!(accepted > 0, ending != "plan dropped", "{ending}: {accepted} were accepted");
            while witness.left() > 0 {
                rt.sleep(MS).await;
            }
        }
    });
}

#[test]
fn a_failure_tells_every_caller() {
    everywhere(|rt| async move {
        let (calls, pipeline) = calls(2, |requests| requests.then(refuses().buffer(1)));
        let running = pipeline.start_on(&rt);
        let replies = join_all((0..30u64).map(|x| calls.call(x))).await;
        assert_eq!(replies[..3], [Ok(0), Ok(1), Ok(2)]);
        let Err(CallError::Failed(error)) = &replies[3] else { panic!("{:?}", replies[3]) };
        assert_eq!(error.to_string(), "stage `refuses` failed: three");
        assert!(replies[3..].iter().all(Result::is_err));
        assert_eq!(replies[29], Err(CallError::Closed(29)));
        let failure = running.join().await.expect_err("it fails");
        assert_eq!(failure.to_string(), "stage `refuses` failed on item 3: three");
    });
}

#[test]
fn a_drain_answers_what_was_accepted() {
    everywhere(|rt| async move {
        let (calls, pipeline) = calls(4, |requests| requests.then(square().concurrency(2)));
        let running = pipeline.start_on(&rt);
        let callers = rt.spawn(async move { join_all((0..100u64).map(|x| calls.call(x))).await });
        rt.sleep(MS * 10).await;
        running.drain(Duration::from_secs(20)).await.expect("it goes well");
        for (x, reply) in (0u64..).zip(callers.await.expect("no caller panics")) {
            assert!(reply == Ok(x * x) || reply == Err(CallError::Closed(x)), "{x}: {reply:?}");
        }
    });
}

#[test]
fn a_caller_that_goes_away_is_counted_and_leaks_nothing() {
    everywhere(|rt| async move {
        let witness = Witness::new();
        let (open, opened) = oneshot::channel::<()>();
        let opened = opened.shared();
        let waits = move |item| {
            let opened = opened.clone();
            async move {
                opened.await.expect("it is opened");
                item
            }
        };
        let (calls, pipeline) = calls(4, |requests| requests.then(waits));
        let running = pipeline.start_on(&rt);
        let mut gone = calls.call(witness.item(0));
        let mut late = calls.call(witness.item(1)).deadline(MS);
        assert!(poll_immediate(&mut gone).await.is_none() && poll_immediate(&mut late).await.is_none());
        drop(gone);
        assert!(matches!(late.await, Err(CallError::Late)));
        assert_eq!(calls.left(), 2);
        open.send(()).expect("the stage waits for it");
        assert!(calls.call(witness.item(2)).await.is_ok());
        drop(calls);
        running.join().await.expect("it goes well");
        assert_eq!(witness.left(), 0);
    });
}

#[test]
fn a_reply_that_nobody_took_is_dropped_with_its_call() {
    on_sim(1, |rt| async move {
        let witness = Witness::new();
        let last = |item: Option<Item>| async move {
            if item.is_none() {
                std::future::pending::<()>().await;
            }
            item
        };
        // The ticket is held by what comes after the reply.
        let (calls, pipeline) = calls(4, |requests| requests.flat_map(|item| [Some(item), None]).then(last));
        let running = pipeline.start_on(&rt);
        let mut call = calls.call(witness.item(0));
        assert!(poll_immediate(&mut call).await.is_none());
        rt.sleep(MS).await;
        assert_eq!(witness.left(), 1);
        drop(call);
        assert_eq!((witness.left(), calls.left()), (0, 1));
        running.cancel().await.ok();
    });
}

#[test]
fn a_deadline_is_exact_also_in_line_and_before_the_start() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let (calls, pipeline) = calls(1, |requests| requests.then(stuck::<u64>().buffer(1)));
            let early = rt.spawn(calls.call(0).deadline(MS * 5));
            rt.sleep(MS * 10).await;
            let running = pipeline.start_on(&rt);
            let start = rt.now();
            let others = join_all((1..20).map(|x| calls.call(x).deadline(MS * 4))).await;
            assert!(others.iter().all(|reply| *reply == Err(CallError::Late)), "seed {seed}: {others:?}");
            assert_eq!(rt.now() - start, MS * 4);
            assert_eq!(early.await.expect("it does not panic"), Err(CallError::Late));
            assert_eq!(rt.now() - start, MS * 5, "the time runs from the start of the run");
            running.cancel().await.ok();
        });
    }
}

#[test]
fn overload_is_shed_at_the_bound() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let (calls, pipeline) = calls(4, |requests| requests.then(stuck::<u64>().buffer(2)));
            assert_eq!(calls.try_call(1).await, Err(CallError::Overloaded(1)), "it has not started");
            let bound = pipeline.bound();
            let running = pipeline.start_on(&rt);
            let mut accepted = Vec::new();
            for x in 0..100 {
                let mut call = calls.try_call(x);
                match poll_immediate(&mut call).await {
                    None => accepted.push(call),
                    Some(reply) => assert_eq!(reply, Err(CallError::Overloaded(x))),
                }
                rt.sleep(MS).await;
            }
            assert!((4 + 2 + 1..=bound).contains(&accepted.len()), "{} of {bound}", accepted.len());
            running.cancel().await.ok();
            let replies = join_all(accepted).await;
            assert!(replies.iter().all(|reply| *reply == Err(CallError::NoReply)));
            assert_eq!(calls.try_call(1).await, Err(CallError::Closed(1)));
        });
    }
}
