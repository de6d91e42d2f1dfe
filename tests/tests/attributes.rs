//! An annotated function stays the user's: its docs, lints, visibility, generics and conditions survive, whatever has what
//! name around it.

#![deny(missing_docs, unreachable_pub, dead_code, unused, missing_debug_implementations, elided_lifetimes_in_paths)]
#![deny(clippy::pedantic)]
#![expect(clippy::unused_async, reason = "what a stage awaits is not what is tested here")]

use std::fmt::Display;

use taktline::prelude::*;
use tests::on_sim;

/// Runs `plan` on the simulated runtime, and gives what it has collected.
fn collected<F: Flow>(plan: &F) -> Vec<F::Item> {
    on_sim(1, |rt| {
        let run = plan.clone().collect::<Vec<_>>().run_on(&rt);
        async move { run.await.expect("the plan can run").value }
    })
}

mod fetch {
    use taktline::prelude::*;

    /// A stage of the same name as its module.
    #[stage]
    pub(crate) async fn fetch(x: u64) -> u64 {
        x + 1
    }
}

#[test]
fn a_function_of_the_same_name_as_its_module_is_imported() {
    use fetch::fetch;
    assert_eq!(collected(&iter(0..3u64).then(fetch())), [1, 2, 3]);
}

/// Every name of the prelude of std that generated code could mean is taken, and every name that it could make itself.
mod shadowed {
    #![expect(dead_code, reason = "the names are taken, and nothing else")]
    #![allow(non_camel_case_types, clippy::upper_case_acronyms)]

    use taktline::prelude::{In, Out, sink, source, stage};

    pub(crate) type Result<T> = std::result::Result<T, std::fmt::Error>;
    pub(crate) struct Option;
    pub(crate) struct Box;
    pub(crate) struct String;
    pub(crate) struct Vec;
    pub(crate) trait Send {}
    pub(crate) trait Clone {}
    pub(crate) trait Future {}
    pub(crate) trait Into {}
    pub(crate) struct Arc;
    pub(crate) struct Self_;
    pub(crate) struct PhantomData;
    pub(crate) mod core {}
    pub(crate) mod std {
        pub(crate) use ::std::*;
    }

    #[allow(unused_macros)]
    macro_rules! stringify {
        ($($any:tt)*) => {
            compile_error!("generated code has called the user's macro")
        };
    }

    #[source]
    pub(crate) async fn numbers(out: u64, item: u64, out_: Out<u64>) {
        out_.send(out).await;
        out_.send(item).await;
    }

    #[stage]
    pub(crate) async fn each(item: u64, ret: &u64, this: &mut u64, input: u64) -> Result<u64> {
        *this += 1;
        Ok(item + ret + *this + input)
    }

    #[stage]
    pub(crate) fn plain(input: u64) -> Result<u64> {
        input.checked_add(1).ok_or(::std::fmt::Error)
    }

    #[stage]
    pub(crate) async fn through(item: In<u64>, call: &u64, input: Out<u64>) {
        while let Some(x) = item.next().await {
            input.send(x * call).await;
        }
    }

    #[sink]
    pub(crate) async fn nowhere(item: u64) -> Result<()> {
        if item == 0 { Err(::std::fmt::Error) } else { Ok(()) }
    }
}

#[test]
fn names_around_a_function_and_of_its_arguments_are_free() {
    use shadowed::{each, nowhere, numbers, plain, through};
    let flow = numbers(1, 2).then(each(10u64, 0, 100)).then(plain()).then(through(2u64));
    assert_eq!(collected(&flow), [2 * (1 + 10 + 1 + 100 + 1), 2 * (2 + 10 + 2 + 100 + 1)]);
    on_sim(1, |rt| {
        let run = flow.clone().sink(nowhere()).run_on(&rt);
        async move { run.await.expect("no item is 0") }
    });
}

/// Type parameters need no bounds for being moved between tasks.
#[stage]
async fn same<T>(item: T) -> T {
    item
}

/// Parameters and a condition of every kind.
#[stage]
async fn labels<T, F, const N: usize>(item: T, label: F, times: usize) -> [String; N]
where
    T: Display + Sync,
    F: Fn(&T) -> String + Clone + Sync,
{
    std::array::from_fn(|_| label(&item).repeat(times))
}

/// A parameter that need not have a size.
#[stage]
async fn shown<T: ?Sized + Display>(item: Box<T>) -> String {
    item.to_string()
}

#[test]
fn generics_and_conditions_survive() {
    assert_eq!(collected(&iter(["a"]).map(Box::<str>::from).then(shown())), ["a"]);
    let flow = iter([1u64, 2]).then(same()).then(labels::<_, _, 2>(|x: &u64| format!("<{x}>"), 2));
    assert_eq!(collected(&flow), [["<1><1>", "<1><1>"], ["<2><2>", "<2><2>"]]);
}

/// The one that is compiled.
#[stage]
#[cfg(not(any()))]
async fn chosen(x: u64) -> u64 {
    x
}

#[cfg(any())]
#[stage]
async fn chosen(x: NotThere) -> u64 {
    x
}

#[stage]
#[cfg_attr(all(), allow(unused_variables))]
async fn quiet(x: u64, unused: u64) -> u64 {
    x
}

#[test]
fn conditions_of_compilation_survive() {
    assert_eq!(collected(&iter(0..2u64).then(chosen()).then(quiet(1))), [0, 1]);
}

#[stage]
#[expect(unused_variables, reason = "a lint of the body is expected there")]
async fn expects_in_the_body(x: u64, unused: u64) -> u64 {
    x
}

#[stage]
#[expect(dead_code, reason = "a lint of the name is expected there")]
async fn expects_of_the_name(x: u64) -> u64 {
    x
}

#[stage]
#[allow(dead_code)]
async fn never_used(x: u64) -> u64 {
    x
}

#[stage]
#[expect(non_snake_case, reason = "so is the name of a function")]
async fn NotSnake(x: u64) -> u64 {
    x
}

#[stage]
#[deprecated = "a note of the user"]
async fn deprecated(x: u64) -> u64 {
    x
}

#[test]
fn lints_of_a_function_hold_for_it_alone() {
    #[expect(deprecated, reason = "the constructor is what is deprecated")]
    let deprecated = deprecated();
    let flow = iter(0..2u64).then(expects_in_the_body(1)).then(NotSnake()).then(deprecated);
    assert_eq!(collected(&flow), [0, 1]);
}

/// A name that is a word of the language.
#[stage]
async fn r#match(r#type: u64, r#fn: &u64, r#loop: u64) -> u64 {
    r#type + r#fn + r#loop
}

#[test]
fn a_raw_name_is_told_without_its_marks() {
    let report = on_sim(1, |rt| {
        let run = iter(0..3u64).then(r#match(1u64, 2)).count().run_on(&rt);
        async move { run.await.expect("the plan can run").report }
    });
    assert_eq!(report.stage("match").map(|row| row.done), Some(3), "{report}");
}

/// Inside of the body, the name is the function's own.
#[stage]
fn factorial(n: u64) -> u64 {
    if n == 0 { 1 } else { n * factorial(n - 1) }
}

#[test]
fn a_function_calls_itself() {
    assert_eq!(factorial().call(5), 120);
}

/// taktline under another name.
mod renamed {
    pub(crate) use taktline as other;

    use other::prelude::{iter, stage};

    #[stage(crate = crate::renamed::other)]
    async fn twice(x: u64) -> u64 {
        2 * x
    }

    #[other::test(crate = crate::renamed::other)]
    async fn stages_and_tests_know_the_path() {
        use other::prelude::{Flow, RunExt};
        assert_eq!(iter(0..3u64).then(twice()).fold(0, |sum, x| sum + x).run().await.expect("it runs").value, 6);
    }
}
