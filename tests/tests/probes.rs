//! A source and a sink that are driven by hand.

use std::panic::{AssertUnwindSafe, catch_unwind};

use taktline::prelude::*;
use taktline::sim::{self, Sim, audit, probe};
use tests::UNIT;

#[stage(buffer = 2)]
async fn double(x: u64) -> u64 {
    sleep(UNIT).await;
    2 * x
}

fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it does not panic"),
        Err(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => panic.downcast_ref::<&str>().copied().unwrap_or_default().to_owned(),
        },
    }
}

#[taktline::test]
async fn items_pass_when_they_are_pushed_and_asked_for() {
    let (numbers, flow) = probe::source();
    let (doubled, sink) = probe::sink();
    let start = taktline::now();
    let running = flow.then(double()).sink(sink).start();
    numbers.push(1).push(2);
    doubled.request(2);
    doubled.expect(2).await;
    assert_eq!(taktline::now() - start, UNIT);
    doubled.expect_nothing().await;
    doubled.expect(4).await;
    assert_eq!((taktline::now() - start, doubled.arrived()), (2 * UNIT, 2));
    numbers.close();
    doubled.expect_end().await;
    let done = running.join().await.expect("nothing fails");
    audit(&done.report);
    assert!(numbers.is_stopped());
    assert_eq!((numbers.accepted(), numbers.waiting(), probe::task_count()), (2, 0, 0));
}

#[taktline::test]
async fn a_sink_that_is_not_asked_holds_everything_up() {
    let (numbers, flow) = probe::source();
    let (seen, sink) = probe::sink::<u64>();
    let running = flow.sink(sink.buffer(3)).start();
    for x in 0..5 {
        numbers.push(x);
    }
    probe::settled().await;
    assert_eq!((numbers.accepted(), numbers.waiting(), seen.arrived()), (3, 2, 0));
    seen.request(1);
    probe::settled().await;
    assert_eq!((numbers.accepted(), numbers.waiting(), seen.arrived()), (4, 1, 1));
    assert!(running.cancel().await.expect_err("it was cancelled").is_cancelled());
    assert!(numbers.is_stopped() && numbers.waiting() == 1);
    assert_eq!(seen.next().await, Some(0), "what has arrived is not lost");
    seen.expect_end().await;
}

#[taktline::test]
async fn a_source_fails_behind_what_was_pushed() {
    let (numbers, flow) = probe::source();
    let (seen, sink) = probe::sink();
    let running = flow.name("numbers").sink(sink).start();
    numbers.push(7u64).fail("the line is cut");
    seen.expect(7).await;
    seen.expect_end().await;
    let error = running.join().await.expect_err("it fails");
    assert_eq!(error.stage(), Some("numbers"));
    assert!(format!("{error:?}").contains("the line is cut"), "{error:?}");
}

#[taktline::test]
async fn a_sink_fails_between_two_items() {
    let (numbers, flow) = probe::source();
    let (seen, sink) = probe::sink();
    let running = flow.sink(sink.name("disk")).start();
    numbers.push(1u64);
    seen.expect(1).await;
    seen.fail("the disk is full");
    seen.expect_end().await;
    assert_eq!(running.join().await.expect_err("it fails").stage(), Some("disk"));
    assert!(numbers.is_stopped());
}

#[taktline::test]
async fn a_source_whose_probe_is_gone_ends() {
    let (numbers, flow) = probe::source::<u64>();
    numbers.push(1);
    drop(numbers);
    assert_eq!(flow.count().run().await.expect("nothing fails").value, 1);
}

#[test]
fn an_expectation_that_is_not_met_says_what_came_instead() {
    let told = |end: fn(&probe::SourceProbe<u64>)| {
        panic_of(|| {
            sim::run(1, async {
                let (numbers, flow) = probe::source();
                let (seen, sink) = probe::sink();
                let _running = flow.sink(sink).start();
                end(&numbers);
                seen.expect(1).await;
                seen.expect_end().await;
            });
        })
    };
    assert_eq!(told(|numbers| _ = numbers.push(2)), "expected 1, got 2");
    assert_eq!(told(|numbers| numbers.close()), "expected 1, got the end");
    assert_eq!(told(|numbers| _ = numbers.push(1).push(2)), "expected the end, got Some(2)");
    let told = told(|_| {});
    assert!(told.contains("deadlock") && told.contains("`sink_probe` waits for input from `source_probe`"), "{told}");
    assert!(panic_of(push_into_a_closed_source).contains("was closed"));
}

fn push_into_a_closed_source() {
    let (numbers, _flow) = probe::source();
    numbers.close();
    numbers.push(1);
}

#[test]
fn time_is_driven_from_outside() {
    let sim = Sim::new(1);
    let (numbers, flow) = probe::source();
    let (seen, sink) = probe::sink();
    let running = flow.then(double()).sink(sink).start_on(&sim.rt());
    numbers.push(1).push(2).close();
    seen.request(9);
    sim.advance(UNIT * 3 / 2);
    assert_eq!((seen.arrived(), sim.now().since_epoch()), (1, UNIT * 3 / 2));
    sim.advance(UNIT / 2);
    assert_eq!(seen.arrived(), 2);
    assert!(running.is_over());
    assert_eq!((sim.task_count(), sim.timer_count()), (0, 0));
}
