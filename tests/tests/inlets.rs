//! A run that is fed from outside: backpressure reaches who sends, receipts tell what became of an item, and no ending leaves
//! anybody waiting.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{join_all, poll_immediate};
use taktline::inlet::{SendError, TrySendError};
use taktline::prelude::*;
use tests::{Witness, everywhere, on_sim};

const MS: Duration = Duration::from_millis(1);

#[stage(concurrency = 4, unordered)]
async fn slow(x: u64) -> u64 {
    sleep(MS * (x as u32 % 3)).await;
    x
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

#[test]
fn many_handles_feed_one_run_and_it_ends_with_the_last() {
    everywhere(|rt| async move {
        let (inlet, flow) = inlet::<u64>(2);
        let running = flow.then(slow()).collect::<Vec<_>>().start_on(&rt);
        let senders: Vec<_> = (0..10)
            .map(|sender| {
                let inlet = inlet.clone();
                rt.spawn(async move {
                    for i in 0..20 {
                        inlet.send(20 * sender + i).await.expect("the run goes on");
                    }
                })
            })
            .collect();
        drop(inlet);
        for sender in senders {
            sender.await.expect("no sender panics");
        }
        let done = running.join().await.expect("it goes well");
        let mut items = done.value;
        items.sort_unstable();
        assert_eq!(items, (0..200).collect::<Vec<_>>());
        assert!(done.report.balances());
    });
}

#[test]
fn one_place_is_enough() {
    everywhere(|rt| async move {
        let (inlet, flow) = inlet::<u64>(1);
        let running = flow.then(slow().concurrency(1).buffer(1)).collect::<Vec<_>>().start_on(&rt);
        let sent = join_all((0..50).map(|x| inlet.send(x))).await;
        assert!(sent.iter().all(Result::is_ok));
        drop(inlet);
        let items = running.join().await.expect("it goes well").value;
        assert_eq!(items, (0..50).collect::<Vec<_>>(), "who waits is served first come first served");
    });
}

#[test]
fn a_full_pipeline_makes_its_senders_wait() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let (inlet, flow) = inlet::<u64>(2);
            let plan = flow.then(stuck().buffer(1)).count();
            let bound = plan.bound();
            let running = plan.start_on(&rt);
            let mut sent = 0;
            while rt.timeout(MS, inlet.send(sent)).await.is_ok() {
                sent += 1;
            }
            assert!((3..=bound as u64).contains(&sent), "seed {seed}: {sent} of {bound}");
            assert_eq!(inlet.try_send(7), Err(TrySendError::Full(7)));
            running.cancel().await.ok();
        });
    }
}

#[test]
fn nobody_overtakes_who_waits_and_one_who_gives_up_lets_the_next_go() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let (inlet, flow) = inlet::<u64>(1);
            let (mut first, mut second, mut third) = (inlet.send(1), inlet.send(2), inlet.send(3));
            for sending in [&mut first, &mut second, &mut third] {
                assert_eq!(poll_immediate(sending).await, None, "it has not started");
            }
            assert_eq!(inlet.try_send(9), Err(TrySendError::Full(9)));
            let running = flow.collect::<Vec<_>>().start_on(&rt);
            assert_eq!(inlet.try_send(9), Err(TrySendError::Full(9)), "others are in line");
            assert_eq!(poll_immediate(&mut third).await, None, "it is not its turn");
            drop(first);
            let (second, third) = futures::join!(second, third);
            assert_eq!((second, third), (Ok(()), Ok(())));
            drop(inlet);
            assert_eq!(running.join().await.expect("it goes well").value, [2, 3]);
        });
    }
}

#[test]
fn a_receipt_tells_when_all_of_its_item_is_gone() {
    everywhere(|rt| async move {
        let (inlet, flow) = tracked_inlet::<u64>(4);
        let seen = Arc::new(Mutex::new([0; 100]));
        let store = {
            let seen = seen.clone();
            move |x: u64| seen.lock().expect("no test panics with it")[x as usize] += 1
        };
        let flow = flow.filter(|x| x % 5 != 0).flat_map(|x| vec![x; (x % 4) as usize]).then(slow());
        let running = flow.for_each(store).start_on(&rt);
        let sent = join_all((0..100).map(|x| inlet.send(x))).await;
        for (x, receipt) in sent.into_iter().enumerate() {
            receipt.expect("the run goes on").await;
            let expected = if x % 5 == 0 { 0 } else { x % 4 };
            assert_eq!(seen.lock().expect("no test panics with it")[x], expected, "item {x}");
        }
        drop(inlet);
        running.join().await.expect("it goes well");
    });
}

#[test]
fn a_drain_keeps_what_was_accepted_and_gives_back_what_was_not() {
    everywhere(|rt| async move {
        let (inlet, flow) = inlet::<u64>(2);
        let running = flow.then(slow().buffer(1)).collect::<Vec<_>>().start_on(&rt);
        let senders = rt.spawn({
            let inlet = inlet.clone();
            async move { join_all((0..200).map(|x| inlet.send(x))).await }
        });
        rt.sleep(MS * 5).await;
        let mut items = running.drain(Duration::from_secs(20)).await.expect("it goes well").value;
        let sent = senders.await.expect("no sender panics");
        let accepted: Vec<_> = (0..200).filter(|x| sent[*x as usize].is_ok()).collect();
        items.sort_unstable();
        assert_eq!(items, accepted);
        assert!((0..200).all(|x| sent[x as usize].is_ok() || sent[x as usize] == Err(SendError(x))));
        assert!(inlet.is_closed());
        assert_eq!(inlet.send(1).await, Err(SendError(1)));
    });
}

#[test]
fn no_ending_leaves_a_sender_or_an_item_behind() {
    everywhere(|rt| async move {
        for ending in ["cancel", "drop", "failure", "reader gone", "plan dropped"] {
            let witness = Witness::new();
            let (inlet, flow) = tracked_inlet(2);
            let items: Vec<_> = (0..30).map(|id| witness.item(id)).collect();
            let plan = flow.then(stuck().buffer(1)).map(drop).count();
            let (fails, failing) = tracked_inlet::<u64>(2);
            let senders = rt.spawn(async move { join_all(items.into_iter().map(|item| inlet.send(item))).await });
            let others = rt.spawn(async move { join_all((0..30).map(|x| fails.send(x))).await });
            match ending {
                "plan dropped" => {
                    rt.sleep(MS).await;
                    drop((plan, failing));
                }
                "failure" => {
                    let stuck = plan.start_on(&rt);
                    let error = failing.then(refuses()).count().start_on(&rt).join().await.expect_err("three fails");
                    assert!(error.is_failed());
                    stuck.cancel().await.ok();
                }
                "reader gone" => {
                    let stuck = plan.start_on(&rt);
                    assert_eq!(failing.take(2).count().start_on(&rt).join().await.expect("it goes well").value, 2);
                    stuck.cancel().await.ok();
                }
                _ => {
                    let (one, two) = (plan.start_on(&rt), failing.then(stuck()).count().start_on(&rt));
                    rt.sleep(MS * 3).await;
                    if ending == "cancel" {
                        one.cancel().await.ok();
                        two.cancel().await.ok();
                    }
                }
            }
            for receipt in senders.await.expect("no sender panics").into_iter().flatten() {
                receipt.await;
            }
            for receipt in others.await.expect("no sender panics").into_iter().flatten() {
                receipt.await;
            }
            while witness.left() > 0 {
                // A drop of a run waits for nobody.
                rt.sleep(MS).await;
            }
        }
    });
}

#[test]
fn a_failure_elsewhere_ends_an_inlet() {
    everywhere(|rt| async move {
        let (inlet, flow) = inlet::<u64>(2);
        let plan = merge((
            flow,
            iter([3u64])
                .then(|x| async move {
                    sleep(MS * 2).await;
                    x
                })
                .then(refuses()),
        ));
        let error = plan.count().start_on(&rt).join().await.expect_err("three fails");
        assert!(error.is_failed());
        assert!(inlet.is_closed());
        assert_eq!(inlet.send(1).await, Err(SendError(1)));
    });
}

#[test]
fn a_plan_with_an_inlet_runs_once() {
    on_sim(1, |rt| async move {
        let (inlet, flow) = inlet::<u64>(2);
        let plan = flow.count();
        drop(inlet);
        assert_eq!(plan.clone().run_on(&rt).await.expect("nobody sends").value, 0);
        assert!(plan.run_on(&rt).await.is_err_and(|error| error.is_spent()));
        let (_inlet, flow) = taktline::inlet::<u64>(0);
        assert!(flow.count().run_on(&rt).await.is_err_and(|error| error.is_invalid()));
    });
}

#[test]
fn many_items_enter_in_their_order_and_others_have_turns_between_them() {
    everywhere(|rt| async move {
        let (inlet, flow) = tracked_inlet::<u64>(1);
        let running = flow.then(|x| async move { x }).collect::<Vec<_>>().start_on(&rt);
        let (even, odd) = futures::join!(
            inlet.send_all((0..400).filter(|x| x % 2 == 0)),
            inlet.send_all((0..400).filter(|x| x % 2 == 1))
        );
        even.expect("the run goes on").await;
        odd.expect("the run goes on").await;
        assert!(inlet.send_all([]).await.is_ok_and(|receipt| receipt.is_settled()), "nothing is soon done");
        drop(inlet);
        let items = running.join().await.expect("it goes well").value;
        for remainder in 0..2 {
            let own: Vec<u64> = items.iter().copied().filter(|x| x % 2 == remainder).collect();
            assert!(own.is_sorted() && own.len() == 200, "{own:?}");
        }
        // Elsewhere the first may have sent many before the second is there.
        let both_wait = &items[1..20];
        let alternate = both_wait.windows(2).all(|two| two[0] % 2 != two[1] % 2);
        assert!(rt.name() != "sim" || alternate, "nobody overtakes: {both_wait:?}");
    });
}

#[test]
fn what_was_not_sent_of_many_items_comes_back_in_order_and_a_drop_leaves_nothing() {
    everywhere(|rt| async move {
        let witness = Witness::new();
        let (inlet, flow) = inlet(3);
        let running = flow.then(stuck().buffer(1)).count().start_on(&rt);
        let items: Vec<_> = (0..30).map(|id| witness.item(id)).collect();
        let mut sending = inlet.send_all(items);
        assert!(poll_immediate(&mut sending).await.is_none());
        rt.sleep(MS * 3).await;
        let error = running.cancel().await.expect_err("it was cancelled");
        let accepted = error.report().and_then(|report| report.stage("inlet")).expect("it has a row").items_in;
        let Err(SendError(left)) = sending.await else { panic!("the run has ended") };
        let left: Vec<u64> = left.map(|item| item.id).collect();
        assert!(accepted > 0 && left.iter().copied().eq(accepted..30), "{accepted} were accepted: {left:?}");
        drop(inlet.send_all([witness.item(0)]));
        assert_eq!(witness.left(), 0);
    });
}

/// An iterator that is always ready, into a run that always has room, lets others run.
#[test]
fn many_items_that_find_room_yield() {
    on_sim(1, |rt| async move {
        let (inlet, flow) = inlet::<u64>(1000);
        let running = flow.count().start_on(&rt);
        rt.sleep(MS).await;
        let mut sending = inlet.send_all(0..900);
        assert!(poll_immediate(&mut sending).await.is_none());
        sending.await.expect("the run goes on");
        drop(inlet);
        assert_eq!(running.join().await.expect("it goes well").value, 900);
    });
}
