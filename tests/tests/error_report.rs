//! `Debug` of an error reads like a report, since `main` prints it.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use taktline::prelude::*;
use tests::on_sim;

#[derive(Debug)]
struct Unreachable {
    page: u64,
    cause: std::io::Error,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "page {} cannot be reached", self.page)
    }
}

impl StdError for Unreachable {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.cause)
    }
}

#[stage(concurrency = 2)]
async fn fetch(page: u64) -> Result<u64, Unreachable> {
    sleep(Duration::from_millis(250)).await;
    if page < 2 { Ok(page) } else { Err(Unreachable { page, cause: std::io::Error::other("the line is cut") }) }
}

fn error_of<T: Send + 'static>(plan: &Pipeline<T>) -> taktline::Error {
    on_sim(1, |rt| plan.clone().run_on(&rt)).err().expect("it fails")
}

fn told(error: &taktline::Error) -> String {
    format!("{error:?}")
}

#[test]
fn a_failure_is_told_with_its_causes_what_else_failed_and_the_ledger() {
    let plan = iter(0..9u64).then(fetch()).count();
    let report = "\
stage `fetch` failed on item 2: page 2 cannot be reached
  caused by: the line is cut
also: stage `fetch` failed on item 3: page 3 cannot be reached
  caused by: the line is cut

stage  kind    in  out  done  filtered  failed  dropped  abandoned  edge  work  window   busy  waited in/room
iter   source   -    9     -         -       0        -          -     -     -       -      0             0/0
fetch  stage    9    2     2         0       2        0          5     9     2       4  1.00s             0/0
count  sink     2    0     2         0       0        0          0     0     0       0      0             0/0
bottleneck: `fetch`, whose 2 workers were at work for 100 % of the time while its input waited
elapsed 500.0ms";
    assert_eq!(told(&error_of(&plan)), report);
}

#[test]
fn a_panic_is_told_as_one() {
    let plan = iter(0..9u64).map(|x| assert!(x < 5, "{x} is too much")).count();
    let error = error_of(&plan);
    let (first, ledger) = error_parts(&error);
    assert_eq!(first, "stage `map` failed: panicked: 5 is too much");
    assert_eq!(ledger.lines().count(), 6, "{ledger}");
}

#[test]
fn a_cancel_is_told_with_the_ledger() {
    let plan = iter(0..9u64).then(fetch()).count();
    let cancelled = on_sim(1, |rt| {
        let running = plan.clone().start_on(&rt);
        async move { running.cancel().await }
    });
    let error = cancelled.expect_err("it had not ended");
    assert_eq!(error_parts(&error).0, "the run was cancelled");
}

fn error_parts(error: &taktline::Error) -> (String, String) {
    let told = told(error);
    let (first, ledger) = told.split_once("\n\n").expect("there is a ledger");
    (first.to_owned(), ledger.to_owned())
}

#[test]
fn a_plan_that_cannot_run_is_told_with_all_its_problems_a_line_each() {
    let plan = iter(0..9u64).then(fetch().concurrency(0)).then(fetch().name("again").window(1));
    let report = "\
the plan cannot run:
  `again` has a window of 1 for a concurrency of 2; give it 2 or more
  `fetch` has a concurrency of 0; give it 1 or more";
    assert_eq!(told(&error_of(&plan.count())), report);
    let error = error_of(&iter(0..9u64).then(fetch().concurrency(0)).count());
    assert_eq!(told(&error), "the plan cannot run: `fetch` has a concurrency of 0; give it 1 or more");
}

#[test]
fn a_source_that_is_spent_is_told_in_a_line() {
    let plan = once(0..3u64).count();
    on_sim(1, |rt| plan.clone().run_on(&rt)).expect("it is new");
    let report = "source `once` can be read only once and was read by an earlier run; make a new one for each run";
    assert_eq!(told(&error_of(&plan)), report);
}
