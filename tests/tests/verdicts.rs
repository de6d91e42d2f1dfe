//! The verdict of a run, and of a part of it, names the stage that holds it up, and none where the evidence is thin.

use std::time::Duration;

use taktline::ledger::{Cause, Report, Snapshot, Verdict};
use taktline::prelude::*;
use taktline::sim::run;
use tests::{UNIT, everywhere};

#[stage]
async fn takes(x: u32, time: u32) -> u32 {
    taktline::sleep(UNIT * time).await;
    x
}

#[sink]
async fn stores(_x: u32, time: u32) {
    taktline::sleep(UNIT * time).await;
}

#[source]
async fn makes(time: u32, items: u32, out: Out<u32>) {
    for id in 0..items {
        taktline::sleep(UNIT * time).await;
        out.send(id).await;
    }
}

/// Every eighth item takes long.
#[stage]
async fn uneven(x: u32) -> u32 {
    taktline::sleep(UNIT * if x % 8 == 0 { 80 } else { 1 }).await;
    x
}

fn named(verdict: &Verdict) -> (Option<&str>, Cause) {
    (verdict.stage(), verdict.cause())
}

/// The report of a whole run, and a snapshot of a second in the middle of it, told by both.
fn judged<V: Send + 'static>(plan: Pipeline<V>, from: u32, to: u32) -> (Report, Snapshot) {
    let report = run(1, plan.clone().run()).expect("nothing fails").report;
    let part = run(1, async move {
        let running = plan.start();
        taktline::sleep(UNIT * from).await;
        let first = running.snapshot().expect("it was started");
        taktline::sleep(UNIT * (to - from)).await;
        running.snapshot().expect("it was started").since(&first)
    });
    (report, part)
}

fn assert_named<V: Send + 'static>(plan: Pipeline<V>, expected: (Option<&str>, Cause)) {
    let (report, part) = judged(plan, 100, 300);
    assert_eq!(named(report.verdict()), expected, "{report}");
    assert_eq!(named(&part.verdict()), expected, "{part}");
}

#[test]
fn a_stage_with_one_worker_that_is_slower_than_the_others_is_named() {
    let middle = makes(1, 300).then(takes(1).name("before")).then(takes(2)).then(takes(1).name("behind"));
    assert_named(middle.sink(stores(1)), (Some("takes"), Cause::AtWork));
    // Also by a little.
    let plan =
        iter(0..50u32).then(takes(9).name("nine")).then(takes(10).name("ten").buffer(2)).then(takes(8).name("eight"));
    assert_named(plan.count(), (Some("ten"), Cause::AtWork));
    let plan = iter(0..50u32).then(takes(10).name("ten")).then(takes(9).name("nine"));
    assert_named(plan.count(), (Some("ten"), Cause::AtWork));
}

#[test]
fn a_sink_that_is_full_is_named() {
    assert_named(makes(1, 200).then(takes(1)).sink(stores(3)), (Some("stores"), Cause::AtWork));
    assert_named(iter(0..400u32).then(takes(1).concurrency(4)).sink(stores(1)), (Some("stores"), Cause::AtWork));
}

#[test]
fn a_source_that_is_slow_is_named() {
    assert_named(
        makes(3, 200).then(takes(1)).then(takes(2).concurrency(2)).sink(stores(1)),
        (Some("makes"), Cause::Source),
    );
}

#[test]
fn a_pool_that_waits_for_its_slow_head_is_named_as_such() {
    let plan = iter(0..160u32).then(uneven().concurrency(4).window(4)).sink(stores(1));
    assert_named(plan, (Some("uneven"), Cause::Head));
    // Without order the slow items still keep its workers at work.
    let plan = iter(0..160u32).then(uneven().concurrency(4).unordered()).sink(stores(1));
    assert_named(plan, (Some("uneven"), Cause::AtWork));
    // A pool whose workers wait for a slow reader is not to blame.
    let plan = iter(0..160u32).then(takes(1).concurrency(4)).sink(stores(5));
    assert_named(plan, (Some("stores"), Cause::AtWork));
}

#[test]
fn a_branch_that_is_slow_is_named_through_joins_and_splits() {
    let plan =
        iter(0..200u32).broadcast().to(|f| f.then(takes(1)).count()).to(|f| f.then(takes(3).name("slow")).count());
    assert_named(plan.pipeline(), (Some("slow"), Cause::AtWork));
    let plan = merge((iter(0..200u32), iter(0..200u32))).then(takes(2)).sink(stores(1));
    assert_named(plan, (Some("takes"), Cause::AtWork));
    let zipped = makes(1, 300).then(takes(2)).zip(iter(0..300u32));
    assert_named(zipped.count(), (Some("takes"), Cause::AtWork));
}

#[test]
fn a_loop_of_the_user_that_is_slow_is_named() {
    run(1, async {
        let mut xs = makes(1, 100).then(takes(1)).start();
        while xs.next().await.expect("nothing fails").is_some() {
            taktline::sleep(UNIT * 10).await;
        }
        let report = xs.report().expect("it was started");
        assert_eq!(named(report.verdict()), (Some("next"), Cause::Reader), "{report}");
    });
}

#[test]
fn a_pipeline_that_does_nothing_has_no_bottleneck() {
    assert_eq!(named(&Verdict::default()), (None, Cause::Idle));
    let (report, part) = judged(iter([] as [u32; 0]).then(takes(1)).count(), 1, 2);
    assert_eq!((named(report.verdict()), named(&part.verdict())), ((None, Cause::Idle), (None, Cause::Idle)));
    // It has done something, and waits for more.
    let (_, part) = judged(makes(1, 9).chain(makes(5_000, 2)).then(takes(1)).sink(stores(1)), 20, 2_000);
    assert_eq!(named(&part.verdict()), (None, Cause::Idle), "{part}");
    run(1, async {
        let (inlet, flow) = inlet::<u32>(16);
        let running = flow.then(takes(1)).count().start();
        taktline::sleep(UNIT * 5).await;
        assert_eq!(named(&running.snapshot().expect("it was started").verdict()), (None, Cause::Idle));
        for x in 0..9 {
            inlet.send(x).await.expect("it goes on");
            taktline::sleep(UNIT * 9).await;
        }
        let seldom = running.snapshot().expect("it was started").verdict();
        assert_eq!(named(&seldom), (None, Cause::Starved));
        assert_eq!(seldom.to_string(), "bottleneck: unknown, every stage waited for input most of the time");
    });
}

#[test]
fn where_no_stage_stands_out_none_is_named() {
    // The one has ended before the other one begins.
    let plan = makes(1, 100).then(takes(0)).batch(100).unbatch().then(takes(1).name("second").buffer(100)).count();
    let report = run(1, plan.run()).expect("nothing fails").report;
    assert_eq!(named(report.verdict()), (None, Cause::Unclear), "{report}");
}

#[test]
fn a_verdict_is_a_sentence() {
    let sentence = |report: &Report| report.verdict().to_string();
    let of = |plan: Pipeline<()>| sentence(&run(1, plan.run()).expect("nothing fails").report);
    assert_eq!(
        of(iter(0..160u32).then(uneven().concurrency(4).window(4)).sink(stores(0))),
        "bottleneck: `uneven`, whose 4 workers waited for the slowest items of their window for 73 % of the time"
    );
    assert_eq!(
        of(makes(3, 200).sink(stores(1))),
        "bottleneck: `makes`, a source at work for 100 % of the time while what is behind it waited"
    );
    let plan = iter(0..160u32).then(takes(2).concurrency(2)).sink(stores(0));
    assert_eq!(
        of(plan),
        "bottleneck: `takes`, whose 2 workers were at work for 100 % of the time while its input waited"
    );
}

/// On a real clock, where other programs run, too: the culprit is slower than all others by far.
#[test]
fn the_same_are_named_on_every_runtime() {
    const MS: Duration = Duration::from_millis(1);
    let computes = |time: Duration| {
        move |x: u32| async move {
            let start = std::time::Instant::now();
            while start.elapsed() < time {
                std::hint::spin_loop();
            }
            x
        }
    };
    let naps = |time: Duration| {
        move |x: u32| async move {
            taktline::sleep(time).await;
            x
        }
    };
    let head = |x: u32| async move {
        taktline::sleep(if x % 8 == 0 { 40 * MS } else { MS }).await;
        x
    };
    let plans = move |is_sim: bool| {
        let head = iter(0..64u32).then(stage(head).name("head").concurrency(4).window(4)).count();
        let sink = iter(0..60u32).then(stage(naps(MS)).name("nap")).then(stage(naps(8 * MS)).name("full")).count();
        let source = makes_slowly(8 * MS, 40).then(stage(naps(MS)).name("nap")).count();
        let cpu = iter(0..60u32).then(stage(computes(4 * MS)).name("cpu")).then(|x| async move { x }).count();
        let mut all = vec![("head", head), ("full", sink), ("makes_slowly", source)];
        if !is_sim {
            // What computes takes no time on a virtual clock.
            all.push(("cpu", cpu));
        }
        all
    };
    everywhere(move |rt| async move {
        for (name, plan) in plans(rt.name() == "sim") {
            let report = plan.run_on(&rt).await.expect("nothing fails").report;
            assert_eq!(report.verdict().stage(), Some(name), "{report}");
        }
        let idle = stream(futures::stream::pending::<u32>()).then(stage(naps(MS))).count().start_on(&rt);
        rt.sleep(20 * MS).await;
        assert_eq!(idle.snapshot().map(|it| it.verdict().cause()), Some(Cause::Idle));
        idle.cancel().await.err();
    });
}

#[source]
async fn makes_slowly(time: Duration, items: u32, out: Out<u32>) {
    for id in 0..items {
        taktline::sleep(time).await;
        out.send(id).await;
    }
}
