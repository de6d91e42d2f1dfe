//! A flow that ends before its source gives everything that it promised, and the run ends well.

use std::time::Duration;

use taktline::prelude::*;

use tests::everywhere;

#[source]
async fn numbers(out: Out<u64>) {
    for i in 0.. {
        out.send(i).await;
    }
}

#[stage]
async fn pass(x: u64) -> u64 {
    x
}

#[stage]
async fn same(input: In<u64>, out: Out<u64>) {
    while let Some(x) = input.next().await {
        out.send(x).await;
    }
}

/// `take` behind each kind of task, in front of a sink that is fused with it.
#[test]
fn a_fused_sink_has_its_value_behind_whatever_ends_early() {
    everywhere(|rt| async move {
        let plans = [
            numbers().boxed(),
            numbers().then(pass()),
            numbers().then(pass().concurrency(3)),
            numbers().then(pass().concurrency(3).unordered()),
            numbers().then(same()),
            iter(0..).boxed(),
            merge([numbers(), numbers()]).boxed(),
            numbers().chain(numbers()).boxed(),
            iter(0..2u64).chain(numbers()).boxed(),
        ];
        for (at, plan) in plans.into_iter().enumerate() {
            let done = plan.take(3).collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
            assert_eq!(done.value.len(), 3, "plan {at}\n{}", done.report);
            assert!(done.report.balances(), "plan {at}\n{}", done.report);
        }
    });
}

#[test]
fn take_gives_all_that_was_made_of_its_last_item() {
    everywhere(|rt| async move {
        let slow = stage(|x: u64| async move {
            taktline::sleep(Duration::from_millis(1)).await;
            x
        });
        let flow = iter(0..9u64).take(2).flat_map(|x| [x; 5]).then(slow.buffer(1));
        let done = flow.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1], "{}", done.report);
    });
}

#[test]
fn a_cancel_that_cuts_unread_items_says_so() {
    everywhere(|rt| async move {
        let mut started = iter(0..3u64).start_on(&rt);
        assert_eq!(started.next().await.expect("nothing fails"), Some(0));
        rt.sleep(Duration::from_millis(20)).await;
        let error = started.cancel().await.expect_err("two items were not read");
        assert!(error.is_cancelled());
        let report = error.report().expect("it was started");
        assert_eq!(report.stage("next").map(|row| (row.done, row.abandoned)), Some((1, 2)), "{report}");
    });
}
