//! `#[taktline::main]` and `#[taktline::test]` run a function on the runtime that they name, and leave it as it is.

use std::num::ParseIntError;
use std::time::Duration;

use taktline::prelude::*;

fn runtime() -> &'static str {
    taktline::choose_runtime().expect("main and test run on one").name()
}

#[taktline::main]
async fn by_default() -> &'static str {
    runtime()
}

#[taktline::main(smol)]
async fn on_smol() -> &'static str {
    runtime()
}

#[taktline::main(smol, current_thread)]
async fn on_smol_alone() -> (&'static str, std::thread::ThreadId) {
    (runtime(), taktline::spawn(async { std::thread::current().id() }).await.expect("it ends well"))
}

#[taktline::main(current_thread)]
async fn on_tokio_alone() -> (&'static str, std::thread::ThreadId) {
    (runtime(), taktline::spawn(async { std::thread::current().id() }).await.expect("it ends well"))
}

#[test]
fn main_with_both_runtimes_is_tokio_unless_it_says_otherwise() {
    assert_eq!((by_default(), on_smol()), ("tokio", "smol"));
    let here = std::thread::current().id();
    assert_eq!((on_tokio_alone(), on_smol_alone()), (("tokio", here), ("smol", here)));
}

#[taktline::main]
async fn parsed() -> Result<u64, ParseIntError> {
    let number: u64 = "x".parse()?;
    Ok(number)
}

#[test]
fn main_returns_what_the_function_returns() {
    assert!(parsed().is_err());
}

#[taktline::test]
async fn a_test_is_virtual_unless_it_says_otherwise() {
    let start = taktline::now();
    sleep(Duration::from_secs(86_400)).await;
    assert_eq!((runtime(), taktline::now() - start), ("sim", Duration::from_secs(86_400)));
}

/// Helpers of tests may have any name.
async fn body() -> u64 {
    1
}

fn tokio() -> u64 {
    2
}

mod tests_in_a_module {
    #[taktline::test(tokio, smol, sim)]
    async fn paths_and_names_mean_what_they_say() -> taktline::Result<()> {
        use super::*;
        assert_eq!((super::body().await, super::tokio()), (1, 2));
        let thread = std::thread::current();
        let name = thread.name().expect("a test's thread has its name").to_owned();
        assert!(name.ends_with(&format!("paths_and_names_mean_what_they_say::{}", runtime())), "{name}");
        let done = iter(0..3u64).then(|x| async move { x + 1 }).count().run().await?;
        assert_eq!(done.value, 3);
        Ok(())
    }
}

#[taktline::test]
async fn a_helper_may_be_called_body() {
    assert_eq!(body().await, 1);
}

#[taktline::test(tokio, sim)]
#[should_panic(expected = "as it should")]
async fn what_is_said_of_a_test_holds_for_each() {
    panic!("as it should");
}

#[taktline::test(sim)]
#[should_panic(expected = "the plan cannot run")]
async fn an_error_fails_a_test_and_is_told_as_a_report() -> taktline::Result<()> {
    iter(0..3u64).buffer(0).then(|x| async move { x }).count().run().await?;
    Ok(())
}

#[taktline::test]
#[expect(unused_variables, reason = "lints of a test hold")]
async fn lints_survive() {
    let unused = 1;
}
