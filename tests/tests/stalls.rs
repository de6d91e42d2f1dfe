//! A run in which nothing moves any more says who waits for whom.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use taktline::prelude::*;
use taktline::run::{Doing, EdgeFill, Stall, Waiting};
use taktline::{Rt, inlet};
use tests::{UNIT, everywhere, on_sim};

/// What was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Stall>>>);

impl Told {
    fn tell(&self) -> impl Fn(&Stall) + Send + Sync + 'static {
        let told = self.0.clone();
        move |stall| told.lock().expect("nobody panics").push(stall.clone())
    }

    fn all(&self) -> Vec<Stall> {
        self.0.lock().expect("nobody panics").clone()
    }
}

/// Two branches of which one yields few items.
fn diamond() -> Pipeline<u64> {
    let few = stage(|x: u64| async move { x }).name("few");
    iter(0..999u64).broadcast().to(|f| f).to(|f| f.filter(|x| x % 99 == 98).then(few)).zip().count()
}

fn row<'a>(stall: &'a Stall, name: &str) -> &'a Waiting {
    stall.stages.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row of {name} in {stall}"))
}

fn fills(edges: &[EdgeFill]) -> Vec<(Option<&str>, usize, usize)> {
    edges.iter().map(|edge| (edge.from.as_deref(), edge.waiting, edge.places)).collect()
}

/// Whose report is looked at: all that waits, and for whom.
fn check_diamond(stall: &Stall) {
    let names: Vec<_> = stall.stages.iter().map(|row| &*row.name).collect();
    assert_eq!(names, ["iter", "broadcast", "few", "zip"], "{stall}");
    let waits = |name| (row(stall, name).doing, row(stall, name).waits_for.join(","));
    assert_eq!(waits("iter"), (Doing::WaitForRoom, "broadcast".to_owned()));
    assert_eq!(waits("broadcast"), (Doing::WaitForRoom, "zip".to_owned()));
    assert_eq!(waits("few"), (Doing::WaitForInput, "broadcast".to_owned()));
    assert_eq!(waits("zip"), (Doing::WaitForInput, "few".to_owned()));
    assert_eq!(fills(&row(stall, "broadcast").edges), [(Some("iter"), 16, 16)]);
    assert_eq!(fills(&row(stall, "zip").edges), [(Some("broadcast"), 16, 16), (Some("few"), 0, 16)]);
    assert_eq!((row(stall, "zip").oldest, row(stall, "broadcast").oldest), (Some(0), Some(16)));
    assert!(stall.report.balances(), "{}", stall.report);
}

#[test]
fn a_diamond_whose_branches_differ_is_told_at_an_exact_time() {
    for seed in 0..100 {
        on_sim(seed, |rt| async move {
            let told = Told::default();
            let running = diamond().on_stall(8 * UNIT, told.tell()).start_on(&rt);
            rt.sleep(9 * UNIT).await;
            assert!(told.all().is_empty(), "it was told before its time");
            rt.sleep(2 * UNIT).await;
            let stalls = told.all();
            assert_eq!(stalls.len(), 1);
            check_diamond(&stalls[0]);
            assert_eq!((stalls[0].idle, row(&stalls[0], "zip").oldest_age), (8 * UNIT, Some(8 * UNIT)));
            rt.sleep(99 * UNIT).await;
            assert_eq!(told.all().len(), 1, "one stall is told once");
            assert!(running.cancel().await.is_err_and(|error| error.is_cancelled()));
        });
    }
}

#[test]
fn a_diamond_is_told_on_every_runtime() {
    everywhere(|rt| async move {
        let told = Told::default();
        let running = diamond().on_stall(Duration::from_millis(20), told.tell()).start_on(&rt);
        while told.all().is_empty() {
            rt.sleep(Duration::from_millis(5)).await;
        }
        check_diamond(&told.all()[0]);
        drop(running);
    });
}

#[test]
fn a_deadlock_on_sim_is_found_with_a_detector_too_and_told_as_well() {
    let panic_of = |plan: Pipeline<u64>| {
        let panic = catch_unwind(AssertUnwindSafe(|| taktline::sim::run(3, plan.run()))).expect_err("it is stuck");
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    };
    let told = Told::default();
    let (without, with) = (panic_of(diamond()), panic_of(diamond().on_stall(UNIT, told.tell())));
    assert!(without.contains("deadlock at 0ns"), "{without}");
    assert!(with.contains("deadlock at 1.25s"), "{with}");
    for text in [without, with] {
        let line =
            "`zip` waits for input from `few`; waiting: 16 of 16 from `broadcast`, 0 of 16 from `few`; oldest: item 0";
        assert!(text.contains(line), "{text}");
    }
    check_diamond(&told.all()[0]);
}

#[test]
fn a_run_that_goes_on_again_is_told_again_when_it_stops() {
    on_sim(1, |rt| async move {
        let told = Told::default();
        let slow = stage(|x: u64| async move {
            taktline::sleep(UNIT * x as u32).await;
            x
        });
        let plan = iter([1, 20, 1, 1, 30, 0u64]).then(slow.name("slow")).count();
        let done = plan.on_stall(4 * UNIT, told.tell()).run_on(&rt).await.expect("nothing fails");
        assert_eq!((done.value, done.report.elapsed()), (6, 53 * UNIT), "a detector keeps no run alive");
        let seen: Vec<_> =
            told.all().iter().map(|stall| (row(stall, "slow").in_work, row(stall, "slow").oldest)).collect();
        assert_eq!(seen, [(1, Some(2)), (1, Some(5))]);
    });
}

#[test]
fn a_run_that_has_nothing_to_do_has_not_stalled() {
    on_sim(1, |rt| async move {
        let told = Told::default();
        let (send, flow) = inlet::<u64>(4);
        let mut out = flow.then(|x| async move { x }).start_on(&rt).on_stall(UNIT, told.tell());
        for x in 0..3 {
            rt.sleep(99 * UNIT).await;
            send.send(x).await.expect("it is open");
            assert_eq!(out.next().await.expect("nothing fails"), Some(x));
        }
        assert!(told.all().is_empty(), "{}", told.all()[0]);
        // An item that the loop does not read is another matter.
        send.send(3).await.expect("it is open");
        rt.sleep(9 * UNIT).await;
        assert_eq!(row(&told.all()[0], "next").oldest, Some(3));
        assert_eq!(row(&told.all()[0], "next").doing, Doing::Work);
        drop(send);
        assert_eq!(out.next().await.expect("nothing fails"), Some(3));
        assert_eq!(out.next().await.expect("nothing fails"), None);
    });
}

#[test]
fn a_body_that_polls_and_gets_nowhere_is_told_once() {
    async fn beats() {
        loop {
            taktline::sleep(UNIT / 7).await;
        }
    }
    on_sim(1, |rt| async move {
        let told = Told::default();
        let plan = iter(0..9u64)
            .then(
                stage(|x| async move {
                    beats().await;
                    x
                })
                .name("beats"),
            )
            .count();
        let running = plan.on_stall(UNIT, told.tell()).start_on(&rt);
        rt.sleep(50 * UNIT).await;
        assert_eq!(told.all().len(), 1);
        assert_eq!(row(&told.all()[0], "beats").doing, Doing::Work);
        drop(running);
    });
}

#[test]
fn a_panic_of_who_is_told_ends_the_run() {
    everywhere(|rt: Rt| async move {
        let plan = diamond().on_stall(Duration::from_millis(10), |_| panic!("the pager is broken"));
        let error = plan.run_on(&rt).await.expect_err("it has panicked");
        assert_eq!(error.stage(), Some("on_stall"), "{error:?}");
        assert!(error.to_string().ends_with("the pager is broken"), "{error}");
    });
}
