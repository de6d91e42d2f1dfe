//! A stage whose items keep their order for each key: keys are in work at once, items of one key one after the other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use taktline::prelude::*;
use taktline::sim::{End, Fault, Sim, audit, explore};
use tests::{Item, UNIT, Witness, everywhere, on_sim};

/// A key, a number, and how many units it takes.
type Job = (u64, u64, u64);

/// How many items of each key are in work, and the most that were at once.
#[derive(Default)]
struct Desk {
    now: BTreeMap<u64, usize>,
    peak: usize,
}

#[stage]
async fn work(job: Job, desk: &Mutex<Desk>) -> Job {
    {
        let mut desk = desk.lock().expect("nothing panics");
        let of_key = desk.now.entry(job.0).or_default();
        *of_key += 1;
        assert_eq!(*of_key, 1, "two items of key {} are in work", job.0);
        let now = desk.now.values().sum();
        desk.peak = desk.peak.max(now);
    }
    taktline::sleep(UNIT * job.2 as u32).await;
    *desk.lock().expect("nothing panics").now.entry(job.0).or_default() -= 1;
    job
}

fn is_in_order_by_key(jobs: &[Job]) -> bool {
    let mut last = BTreeMap::new();
    jobs.iter().all(|(key, number, _)| last.insert(*key, *number).is_none_or(|former| former < *number))
}

#[test]
fn keys_keep_their_order_whatever_the_sizes() {
    for seed in 0..300 {
        on_sim(seed, |rt| async move {
            let count = rt.random() % 40;
            let jobs: Vec<Job> = (0..count).map(|n| (rt.random() % 5, n, rt.random() % 4)).collect();
            let (workers, buffer) = (1 + (rt.random() % 5) as usize, [1, 2, 7, 64][(rt.random() % 4) as usize]);
            let desk = Arc::new(Mutex::new(Desk::default()));
            let stage = work(desk.clone()).concurrency(workers).buffer(buffer).by_key(|(key, ..)| *key);
            let reader = move |job: Job| async move {
                taktline::sleep(UNIT * ((seed + job.1) % 4) as u32).await;
                job
            };
            let flow = iter(jobs.clone()).then(stage).then(taktline::stage(reader).buffer(1));
            let done = flow.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
            audit(&done.report);
            assert!(is_in_order_by_key(&done.value), "seed {seed}: {:?}", done.value);
            let mut sorted = done.value;
            sorted.sort_by_key(|(_, number, _)| *number);
            assert_eq!(sorted, jobs);
            let row = done.report.stage("work").expect("it has a row");
            assert!(desk.lock().expect("nothing panics").peak <= workers && row.work_peak <= workers as u64);
            assert!(row.edge_peak <= buffer as u64, "{}", done.report);
        });
    }
}

#[test]
fn outputs_of_one_key_stay_in_order_on_every_runtime() {
    everywhere(|rt| async move {
        let jobs: Vec<Job> = (0..200).map(|n| (n % 7, n, 0)).collect();
        let twice = stage(|job: Job| async move {
            taktline::yield_now().await;
            job
        });
        let done = iter(jobs).then(twice.concurrency(4).by_key(|job: &Job| job.0)).collect::<Vec<_>>();
        let done = done.run_on(&rt).await.expect("nothing fails");
        assert!(done.value.len() == 200 && is_in_order_by_key(&done.value), "{:?}", done.value);
    });
}

/// When the items with that key are done, in units.
fn times(buffer: usize, jobs: &[Job], key: u64) -> Vec<u64> {
    let stage = work(Arc::default()).concurrency(2).buffer(buffer).by_key(|(key, ..)| *key);
    let (times, seen) = std::sync::mpsc::channel();
    let note = move |(of, ..): Job| {
        if of == key {
            times.send(taktline::now().since_epoch().as_secs()).expect("it is read");
        }
    };
    let done = taktline::sim::run(1, iter(jobs.to_vec()).then(stage).for_each(note).run()).expect("nothing fails");
    audit(&done.report);
    seen.iter().collect()
}

#[test]
fn a_hot_key_lets_others_pass_while_there_is_room() {
    let (hot, cold) = (0, 1);
    let jobs = [(hot, 0, 10), (hot, 1, 10), (hot, 2, 10), (cold, 3, 1), (cold, 4, 1), (cold, 5, 1)];
    // The cold items pass the two hot ones that wait, one after the other.
    assert_eq!((times(8, &jobs, cold), times(8, &jobs, hot)), (vec![1, 2, 3], vec![10, 20, 30]));
    // Where those take all the room, the cold ones wait until one of them starts.
    assert_eq!((times(2, &jobs, cold), times(2, &jobs, hot)), (vec![11, 12, 13], vec![10, 20, 30]));
}

/// Sends the jobs, and does not end.
#[source]
async fn send_and_stay(jobs: Vec<Job>, out: Out<Job>) {
    for job in jobs {
        out.send(job).await;
    }
    std::future::pending().await
}

/// Both workers have an item, nothing more comes, and one of them is done before its output was accepted.
#[test]
fn what_was_set_aside_starts_as_soon_as_its_key_is_free() {
    let jobs = vec![(0, 0, 1), (0, 1, 1), (0, 2, 1), (0, 3, 1), (1, 4, 100)];
    for seed in 0..50 {
        let stage = work(Arc::default()).concurrency(2).by_key(|(key, ..)| *key);
        let plan = send_and_stay(jobs.clone()).then(stage).take(4).count();
        let done = taktline::sim::run(seed, plan.run()).expect("nothing fails");
        assert_eq!((done.value, done.report.elapsed()), (4, UNIT * 4), "{}", done.report);
    }
}

#[test]
fn one_worker_keeps_everything_in_order() {
    let jobs: Vec<Job> = (0..20).map(|n| (n % 3, n, n % 2)).collect();
    let stage = work(Arc::default()).by_key(|(key, ..)| *key);
    let done = taktline::sim::run(1, iter(jobs.clone()).then(stage).collect::<Vec<_>>().run()).expect("nothing fails");
    assert_eq!(done.value, jobs);
}

#[stage]
async fn spell(job: Job, out: Out<Job>) {
    for n in 0..3 {
        taktline::sleep(UNIT * (job.1 as u32 % 2)).await;
        out.send((job.0, 3 * job.1 + n, 0)).await;
    }
}

#[test]
fn several_outputs_of_an_item_stay_in_order_too() {
    for seed in 0..100 {
        on_sim(seed, |rt| async move {
            let jobs: Vec<Job> = (0..30).map(|n| (rt.random() % 4, n, 0)).collect();
            let slow = stage(|job: Job| async move {
                taktline::sleep(UNIT * (job.1 as u32 % 3)).await;
                job
            });
            let flow = iter(jobs).then(spell().concurrency(3).by_key(|(key, ..)| *key)).then(slow.buffer(1));
            let done = flow.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
            assert!(done.value.len() == 90 && is_in_order_by_key(&done.value), "{:?}", done.value);
        });
    }
}

#[test]
fn a_key_that_panics_fails_the_run() {
    let stage = work(Arc::default()).concurrency(2).by_key(|(key, ..)| 1 / (3 - *key));
    let jobs: Vec<Job> = (0..9).map(|n| (n, n, 1)).collect();
    let error = taktline::sim::run(1, iter(jobs).then(stage).count().run()).expect_err("3 - 3 is zero");
    assert!(error.is_panic() && error.stage() == Some("by_key"), "{error:?}");
    audit(error.report().expect("it was started"));
}

#[stage]
async fn may_fail(item: Item, bad: Option<u64>) -> Result<Item, String> {
    taktline::sleep(UNIT * (item.id as u32 % 3)).await;
    if Some(item.id) == bad { Err("it is bad".to_owned()) } else { Ok(item) }
}

#[test]
fn what_was_set_aside_is_abandoned_whatever_ends_the_run() {
    explore(0..400, |case| async move {
        let witness = Witness::new();
        let (items, bad) = (case.draw(0..=30), case.draw(0..=40));
        let make = witness.clone();
        let stage = may_fail(Some(bad)).concurrency(case.size()).buffer(case.size()).by_key(|item| item.id % 3 / 2);
        let plan = iter(0..items).map(move |id| make.item(id)).then(stage).take(1 + case.draw(0..=40)).count();
        match case.run(plan).await {
            End::Well(_) => {}
            End::Failed(error) if error.is_cancelled() => assert!(case.has(Fault::Cancel)),
            End::Failed(error) => assert_eq!(error.stage(), Some("may_fail"), "{error:?}"),
            End::Dropped => return,
        }
        assert_eq!(witness.left(), 0);
    });
}

#[test]
fn a_plan_with_keys_tells_its_bound() {
    let plan = iter(0..9u64).then(stage(|x: u64| async move { x }).concurrency(3).buffer(5).by_key(|x| *x)).count();
    assert_eq!(plan.bound(), 1 + 5 + 3);
    let sim = Sim::new(1);
    let stuck = stage(|x: u64| async move {
        sleep(UNIT * 99).await;
        x
    })
    .concurrency(3)
    .buffer(5)
    .by_key(|_| 0);
    let running = iter(0..).then(stuck).count().start_on(&sim.rt());
    sim.advance(UNIT);
    let report = running.report().expect("it was started");
    let row = report.stage("then").expect("it has a row");
    assert_eq!((row.in_work, row.waiting, row.edge_peak), (1, 5, 5), "{report}");
}
