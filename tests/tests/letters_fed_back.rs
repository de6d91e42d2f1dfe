//! Dead letters go back to where they failed: each item comes to its end, in a bounded loop that ends by itself.

use std::time::Duration;

use taktline::op::LoopFull;
use taktline::prelude::*;
use tests::{Item, UNIT, Witness, everywhere, on_sim};

/// An item, and how often it went round.
#[derive(Clone)]
struct Job {
    item: Item,
    round: u64,
}

impl Job {
    fn again(letter: DeadLetter<Job>) -> Job {
        Job { round: letter.input.round + 1, ..letter.input }
    }
}

/// Works once the item has gone round as often as its number says.
#[stage(on_error = dead_letter)]
async fn work(job: Job, cost: Duration) -> Result<Item, String> {
    taktline::sleep(cost).await;
    if job.round < job.item.id % 4 { Err(format!("not in round {}", job.round)) } else { Ok(job.item) }
}

fn jobs(witness: &Witness, n: u64) -> impl Flow<Item = Job, Lineage = ()> + use<> {
    let witness = witness.clone();
    iter(0..n).map(move |id| Job { item: witness.item(id), round: 0 })
}

#[test]
fn every_item_comes_out_in_every_form_of_the_stage_with_buffers_of_one() {
    for form in 0..3 {
        everywhere(|rt| async move {
            let witness = Witness::new();
            let flow = jobs(&witness, 40).buffer(1).feedback_with(40, |jobs, back| {
                let work = work(Duration::from_micros(10)).buffer(1);
                let work = match form {
                    0 => work,
                    1 => work.concurrency(3),
                    _ => work.concurrency(3).unordered(),
                };
                jobs.buffer(1).then(work.dead_letters(|letters| letters.map(Job::again).sink(back)))
            });
            let done = flow.map(|item| item.id).collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
            let mut ids = done.value;
            ids.sort_unstable();
            assert_eq!(ids, (0..40).collect::<Vec<_>>(), "form {form}");
            let row = |name| done.report.stage(name).expect("it has a row");
            // A quarter each needs no round, one, two and three.
            assert_eq!(
                (row("work").items_in, row("work").done, row("work").dead_lettered),
                (100, 40, 60),
                "{}",
                done.report
            );
            assert_eq!((row("feedback").items_in, row("back").done), (100, 60), "{}", done.report);
            assert!(done.report.balances() && witness.left() == 0, "{}", done.report);
        });
    }
}

#[test]
fn the_loop_ends_with_the_last_letter_that_went_round_at_an_exact_time() {
    for seed in 0..100 {
        on_sim(seed, |rt| async move {
            let witness = Witness::new();
            let flow = jobs(&witness, 4).feedback_with(9, |jobs, back| {
                let later = |letters: taktline::op::Branch<DeadLetter<Job>, taktline::lineage::Ticket>| {
                    letters.delay(10 * UNIT).map(Job::again).sink(back)
                };
                jobs.then(work(UNIT).concurrency(4).dead_letters(later))
            });
            let done = flow.count().run_on(&rt).await.expect("nothing fails");
            assert_eq!((done.value, done.report.elapsed()), (4, 34 * UNIT), "seed {seed}\n{}", done.report);
        });
    }
}

#[test]
fn more_letters_than_the_limit_fail_the_run_and_nothing_hangs() {
    everywhere(|rt| async move {
        let witness = Witness::new();
        let flow = jobs(&witness, 400).feedback_with(3, |jobs, back| {
            let never =
                taktline::try_stage(|job: Job| async move { if job.round < 9 { Err("no") } else { Ok(job.item) } });
            // Each comes twice.
            let twice = |job: Job| [job.clone(), job];
            jobs.then(never.dead_letters(|letters| letters.map(Job::again).flat_map(twice).sink(back)))
        });
        let error = flow.count().run_on(&rt).await.expect_err("they grow without end");
        assert_eq!((error.stage(), error.failures().len()), (Some("feedback"), 1), "{error:?}");
        assert!(error.downcast_ref::<LoopFull>().is_some(), "{error:?}");
        let report = error.report().expect("it was started");
        assert!(report.balances() && report.stage("feedback").is_some_and(|row| row.failed == 1), "{report}");
        assert_eq!(witness.left(), 0, "{report}");
    });
}

#[test]
fn a_drain_runs_the_loop_empty_and_a_cancel_or_a_drop_leaves_nothing() {
    everywhere(|rt| async move {
        let witness = Witness::new();
        let plan = |witness: &Witness| {
            let flow = jobs(witness, u64::MAX).feedback_with(400, |jobs, back| {
                jobs.then(work(Duration::from_micros(10)).dead_letters(|letters| letters.map(Job::again).sink(back)))
            });
            flow.count().start_on(&rt)
        };
        let running = plan(&witness);
        rt.sleep(Duration::from_micros(50)).await;
        let done = running.drain(Duration::from_secs(3600)).await.expect("it is in time");
        let outside = done.report.stage("iter").expect("it has a row").items_out;
        assert_eq!(done.value, outside, "each that came in came out\n{}", done.report);
        let running = plan(&witness);
        rt.sleep(Duration::from_micros(50)).await;
        let error = running.cancel().await.expect_err("it has no end");
        assert!(error.is_cancelled() && error.report().is_some_and(|report| report.balances()), "{error:?}");
        assert_eq!(witness.left(), 0);
        drop(plan(&witness));
    });
}

#[test]
fn a_letter_that_goes_back_twice_goes_to_both_stages_that_failed_it() {
    on_sim(1, |rt| async move {
        let flow = iter(1..=6u64).map(|x| (x, 0)).feedback_with(9, |all, back| {
            let odd = |divisor: u64| {
                taktline::try_stage(move |(x, round): (u64, u64)| async move {
                    if x % divisor == 0 && round == 0 { Err(divisor) } else { Ok((x, round)) }
                        .map_err(|n| format!("by {n}"))
                })
            };
            let also = back.clone();
            let first = odd(2).name("first").dead_letters(|letters| letters.map(|it| (it.input.0, 1)).sink(back));
            let second = odd(3).name("second").dead_letters(|letters| letters.map(|it| (it.input.0, 1)).sink(also));
            all.then(first).then(second)
        });
        let done = flow.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
        let mut seen = done.value;
        seen.sort_unstable();
        assert_eq!(seen, [(1, 0), (2, 1), (3, 1), (4, 1), (5, 0), (6, 1)]);
    });
}

#[test]
fn a_way_back_outside_of_its_loop_is_no_plan() {
    let mut out = None;
    let flow = iter(0..3u64).feedback_with(9, |all, back| {
        out = Some(back);
        all
    });
    let back = out.expect("the body was asked for");
    let error = taktline::sim::run(1, iter(0..3u64).sink(back).run()).expect_err("it leads nowhere");
    assert!(error.is_invalid() && error.to_string().contains("taken out of the loop"), "{error}");
    assert_eq!(taktline::sim::run(1, flow.count().run()).expect("nobody goes round").value, 3);
    let none = iter(0..3u64).feedback_with(0, |all, back| {
        let never = taktline::try_stage(|x: u64| async move { Err::<u64, _>(format!("{x}")) });
        all.then(never.dead_letters(|letters| letters.map(|it| it.input).sink(back)))
    });
    let error = taktline::sim::run(1, none.count().run()).expect_err("there is no place");
    assert!(error.is_invalid() && error.to_string().contains("give it 1 or more"), "{error}");
}

#[test]
fn a_description_shows_the_way_back() {
    let fetch = taktline::try_stage(|x: u64| async move { Ok::<_, String>(x) }).name("fetch");
    let flow = iter(0..3u64)
        .feedback_with(9, |all, back| all.then(fetch.dead_letters(|letters| letters.map(|it| it.input).sink(back))));
    let text = flow.count().describe().to_string();
    assert!(text.contains("back (sink)\n  -> feedback: back, at most 9 items\n"), "{text}");
    assert!(text.contains("  -> dead_letters: what has failed for good, 16 places\n"), "{text}");
}
