//! Calls whose requests go through a stage together: each caller gets its own reply, or what has failed its batch.

use std::fmt;
use std::time::Duration;

use futures::future::{join_all, poll_immediate};
use taktline::inlet::CallError;
use taktline::prelude::*;
use tests::{Witness, everywhere, on_sim};

const MS: Duration = Duration::from_millis(1);

#[derive(Debug)]
struct Refused(u64);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused {}", self.0)
    }
}

impl std::error::Error for Refused {}

#[stage(concurrency = 4)]
async fn squares(numbers: Vec<u64>) -> Vec<u64> {
    sleep(MS * (numbers.len() as u32 % 3)).await;
    numbers.into_iter().map(|x| x * x).collect()
}

/// Refuses a batch that has a 3 in it.
#[stage(concurrency = 2, unordered)]
async fn picky(numbers: Vec<u64>) -> Result<Vec<u64>, Refused> {
    if numbers.contains(&3) { Err(Refused(3)) } else { Ok(numbers) }
}

/// Loses the sevens, and doubles the nines.
async fn miscounts(numbers: Vec<u64>) -> Vec<u64> {
    numbers
        .into_iter()
        .flat_map(|x| {
            vec![
                x;
                if x == 7 {
                    0
                } else if x == 9 {
                    2
                } else {
                    1
                }
            ]
        })
        .collect()
}

#[test]
fn each_caller_of_a_batch_gets_its_own_reply() {
    everywhere(|rt| async move {
        let (calls, pipeline) =
            calls(16, |requests| requests.batch_within(8, MS).then(squares().unordered()).unbatch());
        let running = pipeline.start_on(&rt);
        let replies = join_all((0..1000u64).map(|x| calls.call(x))).await;
        assert_eq!(replies, (0..1000).map(|x| Ok(x * x)).collect::<Vec<_>>());
        drop(calls);
        let report = running.join().await.expect("it goes well").report;
        assert!(report.balances(), "{report}");
        assert!(report.stage("squares").is_some_and(|row| row.done < 1000), "some went together: {report}");
    });
}

#[test]
fn batches_of_batches_and_places_within_a_limit_lead_each_reply_to_its_caller() {
    everywhere(|rt| async move {
        let (calls, pipeline) = calls(16, |requests| {
            let batches = requests.max_in_flight(64).batch_ready(3).batch_ready(4).max_in_flight(5);
            batches.then(|batches: Vec<Vec<u64>>| async move { batches }).unbatch().unbatch().map(|x| x + 1)
        });
        let running = pipeline.start_on(&rt);
        let replies = join_all((0..300u64).map(|x| calls.call(x))).await;
        assert_eq!(replies, (0..300).map(|x| Ok(x + 1)).collect::<Vec<_>>());
        drop(calls);
        assert!(running.join().await.expect("it goes well").report.balances());
    });
}

#[test]
fn a_stage_that_returns_another_length_fails_exactly_the_calls_of_that_batch() {
    everywhere(|rt| async move {
        let (calls, pipeline) = calls(16, |requests| requests.batch(5).then(miscounts).unbatch());
        let running = pipeline.start_on(&rt);
        // Batches of 5: in the second are a seven and a nine, which make up for each other; in the third one seven.
        let numbers = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 7, 14, 15, 9, 17, 18, 19];
        let replies = join_all(numbers.map(|x| calls.call(x))).await;
        assert_eq!(replies[..5], [Ok(0), Ok(1), Ok(2), Ok(3), Ok(4)]);
        assert_eq!(replies[5..10], [Ok(5), Ok(6), Ok(8), Ok(9), Ok(9)], "only the length tells");
        for (at, replies) in [(4, &replies[10..15]), (6, &replies[15..20])] {
            for reply in replies {
                let Err(CallError::Failed(error)) = reply else { panic!("{reply:?}") };
                let told = format!("stage `unbatch` failed: a batch of 5 requests has become {at} replies");
                assert_eq!(error.to_string(), told);
            }
        }
        drop(calls);
        let report = running.join().await.expect("the run goes on").report;
        assert!(report.balances(), "{report}");
        assert_eq!(report.stage("unbatch").map(|row| (row.done, row.failed, row.skipped)), Some((2, 2, 2)));
    });
}

#[test]
fn what_tells_no_length_fails_its_calls() {
    on_sim(1, |rt| async move {
        let odd = |numbers: Vec<u64>| numbers.into_iter().filter(|x| x % 2 == 1);
        let (calls, pipeline) = calls(16, |requests| requests.batch(2).map(odd).unbatch());
        let running = pipeline.start_on(&rt);
        let replies = join_all([1, 3].map(|x| calls.call(x))).await;
        let told = "stage `unbatch` failed: a batch of 2 requests has become replies that tell no number";
        assert!(replies.iter().all(|reply| matches!(reply, Err(error) if error.to_string() == told)), "{replies:?}");
        running.cancel().await.ok();
    });
}

#[test]
fn an_error_of_the_stage_reaches_every_caller_of_its_batch_and_no_other() {
    everywhere(|rt| async move {
        for workers in [1, 4] {
            let stage = picky().on_error(OnError::Skip).concurrency(workers);
            let (calls, pipeline) = calls(16, |requests| requests.batch(4).then(stage).unbatch());
            let running = pipeline.start_on(&rt);
            let replies = join_all((0..12u64).map(|x| calls.call(x))).await;
            for reply in &replies[..4] {
                let Err(CallError::Failed(error)) = reply else { panic!("{reply:?}") };
                assert_eq!((error.stage(), error.downcast_ref().map(|Refused(x)| *x)), ("picky", Some(3)));
                assert_eq!(error, failed(&replies[0]), "it is one failure");
            }
            assert_eq!(replies[4..], (4..12).map(Ok).collect::<Vec<_>>());
            drop(calls);
            let report = running.join().await.expect("the run goes on").report;
            assert!(report.balances() && report.stage("picky").is_some_and(|row| row.skipped == 1), "{report}");
        }
    });
}

fn failed(reply: &Result<u64, CallError<u64>>) -> &taktline::error::StageError {
    match reply {
        Err(CallError::Failed(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_that_fails_the_run_reaches_the_callers_and_who_joins_it() {
    everywhere(|rt| async move {
        for workers in [1, 4] {
            let (calls, pipeline) =
                calls(16, |requests| requests.batch(2).then(picky().concurrency(workers)).unbatch());
            let running = pipeline.start_on(&rt);
            let replies = join_all((2..4u64).map(|x| calls.call(x))).await;
            assert!(replies.iter().all(|reply| failed(reply).downcast_ref::<Refused>().is_some()));
            let error = running.join().await.expect_err("it fails");
            assert_eq!(error.downcast_ref().map(|Refused(x)| *x), Some(3), "{error}");
            assert!(error.report().is_some_and(|report| report.balances()));
        }
    });
}

#[test]
fn a_panic_of_the_stage_reaches_its_callers() {
    everywhere(|rt| async move {
        for workers in [1, 4] {
            let panics = stage(|numbers: Vec<u64>| async move {
                assert!(numbers[0] > 1, "too small");
                numbers
            });
            let (calls, pipeline) = calls(16, |requests| requests.batch(2).then(panics.concurrency(workers)).unbatch());
            let running = pipeline.start_on(&rt);
            let replies = join_all([0, 1].map(|x| calls.call(x))).await;
            for reply in &replies {
                assert_eq!(failed(reply).to_string(), "stage `then` failed: panicked: too small");
            }
            assert!(running.join().await.is_err_and(|error| error.is_panic()));
        }
    });
}

#[test]
fn receipts_of_a_batch_that_was_taken_apart_are_settled_one_by_one() {
    on_sim(1, |rt| async move {
        let (items, flow) = tracked_inlet::<u32>(4);
        let running = flow.batch(2).unbatch().then(|x| async move { sleep(MS * x).await }).count().start_on(&rt);
        let (one, other) = (items.send(3).await.expect("it goes on"), items.send(4).await.expect("it goes on"));
        one.await;
        assert_eq!(rt.now().since_epoch(), MS * 3);
        other.await;
        assert_eq!(rt.now().since_epoch(), MS * 7);
        drop(items);
        running.join().await.expect("it goes well");
    });
}

/// Everybody of the first batch leaves, some of the second, and all who wait for the third.
#[test]
fn what_is_cancelled_is_neither_begun_nor_put_in_a_batch() {
    for seed in 0..20 {
        on_sim(seed, move |rt| async move {
            for workers in [1, 3] {
                let witness = Witness::new();
                let slow = stage(|batch: Vec<tests::Item>| async move {
                    sleep(MS * 10).await;
                    batch
                });
                let (calls, pipeline) = calls(16, |requests| {
                    requests.batch_within(4, MS).then(slow.concurrency(workers).name("slow")).unbatch()
                });
                let running = pipeline.start_on(&rt);
                // In work, and left: its body goes on, and its replies are dropped.
                let mut begun: Vec<_> = (0..4).map(|id| calls.call(witness.item(id)).cancel_on_leave()).collect();
                for call in &mut begun {
                    assert!(poll_immediate(call).await.is_none());
                }
                rt.sleep(MS).await;
                // Waits for the stage, or for more of its batch.
                let mut others: Vec<_> = (4..11).map(|id| calls.call(witness.item(id)).cancel_on_leave()).collect();
                for call in &mut others {
                    assert!(poll_immediate(call).await.is_none());
                }
                if workers == 1 {
                    rt.sleep(MS / 2).await;
                }
                let stays = others.remove(5);
                drop((begun, others));
                assert!(stays.await.is_ok(), "seed {seed}");
                assert_eq!(calls.left(), 10);
                drop(calls);
                let report = running.join().await.expect("it goes well").report;
                assert!(report.balances(), "seed {seed}: {report}");
                assert_eq!(witness.left(), 0);
                let dropped: u64 = report.stages().iter().map(|row| row.dropped).sum();
                assert!(dropped >= 5, "seed {seed}: {report}");
            }
        });
    }
}

#[test]
fn ten_thousand_callers_at_once_get_each_its_own_reply() {
    everywhere(|rt| async move {
        let (calls, pipeline) =
            calls(64, |requests| requests.batch_within(32, MS * 5).then(squares().concurrency(8)).unbatch());
        let running = pipeline.start_on(&rt);
        let callers: Vec<_> = (0..10_000u64)
            .map(|x| {
                let call = calls.call(x);
                rt.spawn(async move { assert_eq!(call.await, Ok(x * x)) })
            })
            .collect();
        for caller in callers {
            caller.await.expect("each gets its own");
        }
        assert_eq!(calls.left(), 0);
        drop(calls);
        assert!(running.join().await.expect("it goes well").report.balances());
    });
}
