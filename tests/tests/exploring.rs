//! Exploring with faults: what each fault does, what fails a seed, and what is told of one that fails.

use std::collections::BTreeSet;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use taktline::prelude::*;
use taktline::sim::{Case, End, Explore, FailPoint, Failed, Fault, Faults, Injected, explore};
use tests::UNIT;

fn only(fault: Fault) -> Explore {
    Explore::new().faults(Faults::none().with(fault))
}

/// The first seed that fails.
fn first_failure<F: Future<Output = ()>>(explore: &Explore, program: impl Fn(Case) -> F) -> Failed {
    (0..1000).find_map(|seed| explore.seed(seed, &program).err()).expect("some seed fails")
}

#[stage(concurrency = 3, buffer = 2)]
async fn work(x: u64, point: &FailPoint) -> Result<u64, Injected> {
    let _held = point.hit().await?;
    Ok(x + 1)
}

/// It waits: a pool runs what is ready at once inline, and then few polls lie between the first item and the last.
#[stage(concurrency = 3, buffer = 2)]
async fn work_and_wait(x: u64, point: &FailPoint) -> Result<u64, Injected> {
    let _held = point.hit().await?;
    yield_now().await;
    Ok(x + 1)
}

/// A run of ten items through a pool.
async fn ten(case: &Case) -> End<Vec<u64>> {
    case.run(iter(0..10u64).then(work(case.fail_point("work"))).collect::<Vec<_>>()).await
}

#[test]
fn wakes_that_come_late_twice_or_from_nobody_change_schedules_and_no_result() {
    for fault in [Fault::SpuriousWake, Fault::DelayedWake, Fault::DuplicateWake] {
        let coverage = only(fault).compare().run(0..400, |case| async move {
            let End::Well(done) = ten(&case).await else { panic!("nothing fails") };
            assert_eq!(done.value, (1..=10).collect::<Vec<_>>());
        });
        assert!(coverage.in_effect(fault) * 2 > coverage.drawn(fault), "{coverage}");
    }
}

#[test]
fn a_clock_jumps_forward_only() {
    let elapsed = Arc::new(Mutex::new(BTreeSet::new()));
    only(Fault::ClockJump).run(0..200, |case| {
        let elapsed = elapsed.clone();
        async move {
            let start = taktline::now();
            sleep(UNIT).await;
            let slept = taktline::now() - start;
            assert!(slept == UNIT || (slept > UNIT && case.has(Fault::ClockJump)));
            elapsed.lock().unwrap().insert(slept);
        }
    });
    assert!(elapsed.lock().unwrap().len() > 3, "{elapsed:?}");
}

#[test]
fn a_runtime_shuts_down_at_many_steps_and_the_run_says_that_it_was_lost() {
    let lost = Arc::new(AtomicUsize::new(0));
    only(Fault::Shutdown).run(0..400, |case| {
        let lost = lost.clone();
        async move {
            match ten(&case).await {
                End::Well(done) => assert_eq!(done.value.len(), 10),
                End::Failed(error) => {
                    assert!(error.failures().iter().all(|failure| failure.is_lost()), "{error:?}");
                    lost.fetch_add(1, SeqCst);
                }
                End::Dropped => panic!("nobody has dropped it"),
            }
        }
    });
    assert!(lost.load(SeqCst) > 10);
}

#[test]
fn a_root_is_dropped_between_any_two_polls_and_leaves_nothing() {
    let (dropped, ends) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    only(Fault::DropRoot).run(0..400, |case| {
        let (dropped, ends) = (dropped.clone(), ends.clone());
        let has_ended = Arc::new(AtomicBool::new(false));
        let noted = has_ended.clone();
        case.finally(move |sim| {
            ends.fetch_add(1, SeqCst);
            dropped.fetch_add(usize::from(!noted.load(SeqCst)), SeqCst);
            assert_eq!((sim.task_count(), sim.waker_count()), (0, 0));
        });
        async move {
            let End::Well(_) = ten(&case).await else { panic!("nothing fails") };
            has_ended.store(true, SeqCst);
        }
    });
    assert_eq!(ends.load(SeqCst), 400);
    assert!(dropped.load(SeqCst) > 10);
}

#[test]
fn a_run_is_cancelled_and_dropped_between_any_two_polls() {
    let started = Arc::new(Mutex::new(BTreeSet::new()));
    let both = Faults::none().with(Fault::Cancel).with(Fault::DropRun);
    Explore::new().faults(both).run(0..1000, |case| {
        let started = started.clone();
        async move {
            let point = case.fail_point("work");
            let plan = iter(0..10u64).then(work_and_wait(point.clone())).count();
            match case.run(plan).await {
                End::Well(done) => assert_eq!(done.value, 10),
                End::Failed(error) => {
                    assert!(error.is_cancelled() && case.has(Fault::Cancel));
                    started.lock().unwrap().insert((Fault::Cancel, point.hits()));
                }
                End::Dropped => {
                    assert!(case.has(Fault::DropRun));
                    started.lock().unwrap().insert((Fault::DropRun, point.hits()));
                }
            }
        }
    });
    assert!(started.lock().unwrap().len() > 12, "{started:?}");
}

#[test]
fn errors_and_panics_strike_where_a_body_hits_a_point() {
    for (fault, is_panic) in [(Fault::Error, false), (Fault::Panic, true), (Fault::DestructorPanic, true)] {
        let failed = Arc::new(AtomicUsize::new(0));
        only(fault).run(0..200, |case| {
            let failed = failed.clone();
            async move {
                if let End::Failed(error) = ten(&case).await {
                    assert_eq!((error.stage(), error.is_panic()), (Some("work"), is_panic), "{error:?}");
                    assert!(is_panic || error.downcast_ref::<Injected>().is_some_and(|error| error.point() == "work"));
                    failed.fetch_add(1, SeqCst);
                }
            }
        });
        assert!(failed.load(SeqCst) > 5, "{fault}");
    }
}

#[test]
fn stages_sources_and_sinks_are_slow_where_they_hit_their_points() {
    for fault in [Fault::SlowWorker, Fault::SourceStall, Fault::SourceBurst, Fault::ConsumerStall] {
        let times = Arc::new(Mutex::new(BTreeSet::new()));
        only(fault).run(0..100, |case| {
            let times = times.clone();
            async move {
                let points = [case.source_point("source"), case.fail_point("stage"), case.sink_point("sink")];
                let start = taktline::now();
                for point in &points {
                    for _ in 0..30 {
                        let _held = point.hit().await.unwrap();
                    }
                }
                times.lock().unwrap().insert((case.has(fault), taktline::now() - start));
            }
        });
        let times = times.lock().unwrap();
        assert_eq!(times.iter().filter(|(has, _)| !has).count(), 1, "without the fault nothing varies: {times:?}");
        assert!(times.iter().filter(|(has, _)| *has).count() > 3, "{fault}: {times:?}");
    }
}

#[test]
fn a_fault_takes_no_number_from_anything_else() {
    let drawn = |faults| {
        let case = Case::with_faults(7, faults);
        let _point = case.fail_point("point");
        let _draw = case.draw_for("something", 0..=99);
        (case.draw(0..=u64::MAX), case.size(), case.one_of(&[1, 2, 3]))
    };
    assert_eq!(drawn(Faults::all()), drawn(Faults::none()));
    let numbers: BTreeSet<_> = (0..100).map(|seed| Case::new(seed).draw(0..=u64::MAX)).collect();
    assert_eq!(numbers.len(), 100);
}

/// A hand-over of one value with a mistake: the flag is looked at before the waker is stored, and not again.
#[derive(Default)]
struct Racy {
    is_full: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Racy {
    fn fill(&self) {
        self.is_full.store(true, SeqCst);
        if let Some(waker) = self.waker.lock().unwrap().take() {
            waker.wake();
        }
    }

    async fn filled(&self) {
        // A wait between the look and the place where the waker is left.
        if !self.is_full.load(SeqCst) {
            yield_now().await;
            let mut has_left = false;
            poll_fn(|cx| {
                if std::mem::replace(&mut has_left, true) {
                    return Poll::Ready(());
                }
                *self.waker.lock().unwrap() = Some(cx.waker().clone());
                Poll::Pending
            })
            .await;
        }
    }
}

async fn race(case: Case) {
    let racy = Arc::new(Racy::default());
    let (bystanders, filler) = (case.draw(0..=9), racy.clone());
    let rt = taktline::choose_runtime().expect("it is explored");
    let tasks: Vec<_> = (0..bystanders).map(|_| rt.spawn(yield_now())).collect();
    let task = rt.spawn(async move {
        yield_now().await;
        filler.fill();
    });
    racy.filled().await;
    task.await.expect("it ends");
    for task in tasks {
        task.await.expect("it ends");
    }
}

#[test]
fn a_seed_that_fails_is_made_smaller_tells_its_story_and_replays() {
    let failed = first_failure(&Explore::new(), race);
    assert_eq!(failed.faults(), Faults::none().with(Fault::DelayedWake), "{failed}");
    assert!(failed.message().contains("deadlock"), "{failed}");
    let text = failed.to_string();
    assert!(text.contains("draws: 0\n"), "the bystanders are not needed: {text}");
    assert!(text.contains(&format!("seed {} fails", failed.seed())), "{text}");
    assert!(text.contains("spawns task 1"), "{text}");
    assert!(failed.steps() <= 5, "{text}");
    let again = Explore::new().seed(failed.seed(), race).expect_err("it replays");
    assert_eq!((again.trace(), again.to_string()), (failed.trace(), text));
}

#[test]
fn a_fault_that_is_needed_stays() {
    let program = |case: Case| async move {
        assert!(!matches!(ten(&case).await, End::Failed(error) if error.is_cancelled()), "it was cancelled");
    };
    let explore = Explore::new().faults(Faults::all().without(Fault::Shutdown).without(Fault::DropRoot));
    for seed in 0..200 {
        if let Err(failed) = explore.seed(seed, program) {
            assert_eq!(failed.faults(), Faults::none().with(Fault::Cancel), "{failed}");
            assert!(failed.story().contains("[cancel]"), "{failed}");
            return;
        }
    }
    panic!("no seed was cancelled");
}

#[test]
fn what_is_left_behind_fails_a_seed_by_name() {
    let forgotten = |_| async {
        let rt = taktline::choose_runtime().expect("it is explored");
        rt.spawn(pending::<()>()).detach();
    };
    assert!(first_failure(&Explore::new(), forgotten).message().contains("left tasks [task 1] and 0 timers"));
    let running = |_| async {
        let slow = stage(|x: u64| async move {
            pending::<()>().await;
            x
        })
        .name("slow");
        std::mem::forget(iter(0..9u64).then(slow).count().start());
        yield_now().await;
    };
    assert!(first_failure(&Explore::new(), running).message().contains("slow"), "tasks have the names of their stages");
}

#[test]
fn an_error_a_deadlock_and_a_program_without_an_end_fail_a_seed() {
    let explore = Explore::new().faults(Faults::none()).polls(1000);
    let error = explore.seed(1, |_| async { Err::<(), _>("no") }).unwrap_err();
    assert_eq!(error.message(), "\"no\"");
    let deadlock = explore.seed(1, |_| pending::<()>()).unwrap_err();
    assert!(deadlock.message().contains("deadlock"), "{deadlock}");
    let endless = explore.seed(1, |case| async move {
        while case.seed() == 1 {
            sleep(UNIT).await;
        }
    });
    let endless = endless.unwrap_err();
    assert!(endless.message().contains("no end after 1000 polls"), "{endless}");
}

#[test]
fn checks_are_made_after_each_poll_before_the_clock_and_at_the_end() {
    let counts: [Arc<AtomicUsize>; 3] = Default::default();
    let steps = Explore::new().faults(Faults::none()).run(0..1, |case| {
        let [always, idle, finally] = counts.clone();
        case.always(move || _ = always.fetch_add(1, SeqCst));
        case.when_idle(move || _ = idle.fetch_add(1, SeqCst));
        case.finally(move |_| _ = finally.fetch_add(1, SeqCst));
        async {
            sleep(UNIT).await;
            sleep(UNIT).await;
        }
    });
    let counts = counts.map(|count| count.load(SeqCst) as u64);
    assert_eq!(counts, [steps.steps(), 2, 1]);
}

#[test]
fn exploring_panics_with_the_story_of_the_first_seed_that_fails() {
    let panic =
        catch_unwind(AssertUnwindSafe(|| explore(3..9, |case| async move { assert!(case.seed() > 9, "at once") })))
            .unwrap_err();
    let text = panic.downcast_ref::<String>().expect("it is told in words");
    assert!(text.starts_with("seed 3 fails: at once\nat tests/tests/exploring.rs"), "{text}");
}
