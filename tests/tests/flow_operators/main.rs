//! Operators with shapes, times and policies: each gives what plain lists say of it, at exactly the times that they say,
//! and ends well whatever ends it.

mod edges;
mod input;
mod keyed_policies;
mod keys;
mod nesting;
mod order;
mod pressure;
mod shape;
mod table;
mod time;

use std::path::Path;

use taktline::ledger::Report;
use taktline::prelude::*;
use taktline::sim::{End, Fault, audit, explore, marbles};
use tests::{UNIT, Witness, on_sim};

use input::{Input, Output, send, watch, witnessed};
use table::{ELSEWHERE, Meaning, Model, OPERATORS, Operator};

const SEEDS: u64 = 100;

/// The same text, whatever it was cut into.
fn joined<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    texts.into_iter().map(|text| text.as_ref().to_owned()).collect()
}

fn check_outputs(op: &Operator, input: &Input, places: usize, seen: &[Output], say: &str) {
    let mut seen = seen.to_vec();
    if op.meaning == Meaning::Nests {
        seen.sort();
    }
    match op.model {
        Model::Timed(model) => assert_eq!(seen, model(input, places), "{}, {say}, {places} places: {input:?}", op.name),
        Model::Joined => {
            let seen = joined(seen.iter().map(|(_, text)| text));
            assert_eq!(seen, String::from_iter(input.letters()), "{}, {say}, {places} places: {input:?}", op.name);
        }
    }
}

/// The row of the operator says what became of the items.
fn check_row(op: &Operator, report: &Report) {
    audit(report);
    let row = report.stage(op.row()).unwrap_or_else(|| panic!("{} has no row\n{report}", op.name));
    let lost = (row.filtered, row.dropped, row.abandoned);
    match op.meaning {
        Meaning::Keeps => assert_eq!((row.items_in, lost), (row.items_out, (0, 0, 0)), "{report}"),
        Meaning::Regroups | Meaning::Nests => {
            assert_eq!((row.done, row.dropped, row.abandoned), (row.items_in, 0, 0), "{report}")
        }
        Meaning::Filters => assert_eq!((row.items_in, row.dropped), (row.items_out + row.filtered, 0), "{report}"),
        Meaning::Drops => assert_eq!((row.items_in, row.filtered), (row.items_out + row.dropped, 0), "{report}"),
        Meaning::Ends => assert_eq!((row.done, row.dropped, row.filtered), (row.items_out, 0, 0), "{report}"),
    }
}

#[test]
fn each_gives_what_lists_say_at_the_times_that_they_say() {
    for op in OPERATORS {
        for seed in 0..SEEDS {
            for places in [1, 2, 16] {
                on_sim(seed, |rt| async move {
                    let input = Input::draw(|| rt.random());
                    let flow = send(input.clone(), false).buffer(places).boxed();
                    let (seen, pipeline) = watch(&rt, (op.attach)(flow));
                    let done = pipeline.run_on(&rt).await.expect("nothing fails");
                    check_outputs(op, &input, places, &seen.outputs(), &format!("seed {seed}"));
                    check_row(op, &done.report);
                });
            }
        }
    }
}

#[test]
fn each_looks_as_its_diagrams_show() {
    for op in OPERATORS {
        assert!(op.marbles.len() >= 2, "{} has no diagrams", op.name);
        for (input, expected) in op.marbles {
            marbles::check(|| (op.pictured.unwrap_or(op.attach))(marbles::flow(input).boxed()), expected);
        }
    }
}

#[test]
fn what_came_before_a_failure_of_the_input_goes_on() {
    for op in OPERATORS {
        for seed in 0..SEEDS {
            on_sim(seed, |rt| async move {
                let input = Input::draw(|| rt.random());
                let (seen, pipeline) = watch(&rt, (op.attach)(send(input.clone(), true).buffer(2).boxed()));
                match pipeline.run_on(&rt).await {
                    Err(error) => {
                        assert_eq!(error.stage(), Some("send"), "{}: {error:?}", op.name);
                        audit(error.report().expect("it was started"));
                    }
                    Ok(_) => assert_eq!(op.meaning, Meaning::Ends, "{}: the failure is lost", op.name),
                }
                check_outputs(op, &input, 2, &seen.outputs(), &format!("seed {seed}, a failure"));
            });
        }
    }
}

/// Letters without end, one a unit, and a pause behind every fifth.
#[source]
async fn letters(out: Out<char>) {
    for letter in ('a'..='e').cycle() {
        out.send(letter).await;
        taktline::sleep(if letter == 'e' { UNIT * 9 } else { UNIT }).await;
    }
}

#[test]
fn each_lets_what_is_upstream_go_when_nobody_reads_on() {
    for op in OPERATORS {
        for seed in 0..20 {
            on_sim(seed, |rt| async move {
                let plan = (op.attach)(letters().boxed()).take(1).collect::<Vec<_>>();
                let done = plan.run_on(&rt).await.unwrap_or_else(|error| panic!("{}: {error:?}", op.name));
                assert_eq!(done.value.len(), 1, "{}\n{}", op.name, done.report);
                audit(&done.report);
            });
        }
    }
}

#[test]
fn none_reads_anything_when_nothing_is_taken() {
    for op in OPERATORS {
        on_sim(1, |rt| async move {
            let plan = (op.attach)(letters().boxed()).take(0).count();
            let done = plan.run_on(&rt).await.expect("nothing fails");
            // What is upstream is told before anything has taken any time.
            assert_eq!((done.value, done.report.elapsed()), (0, std::time::Duration::ZERO), "{}", op.name);
        });
    }
}

#[stage(buffer = 1)]
async fn slowly(text: String) -> String {
    taktline::sleep(UNIT * 3).await;
    text
}

#[test]
fn a_slow_reader_behind_single_places_loses_nothing() {
    for op in OPERATORS.iter().filter(|op| !matches!(op.meaning, Meaning::Ends | Meaning::Drops | Meaning::Nests)) {
        for seed in 0..SEEDS {
            on_sim(seed, |rt| async move {
                let input = Input::draw(|| rt.random());
                let flow = (op.attach)(send(input.clone(), false).buffer(1).boxed());
                let done = flow.then(slowly()).collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
                let expected = match op.model {
                    Model::Timed(model) => joined(model(&input, 1).into_iter().map(|(_, text)| text)),
                    Model::Joined => input.letters().collect(),
                };
                assert_eq!(joined(done.value), expected, "{}, seed {seed}: {input:?}", op.name);
                check_row(op, &done.report);
            });
        }
    }
}

#[test]
fn a_cancel_or_a_drop_at_any_step_leaves_nothing() {
    for op in OPERATORS {
        explore(0..SEEDS, |case| async move {
            let input = Input::draw(|| case.draw(0..=1000));
            let witness = Witness::new();
            let letters = witnessed(send(input.clone(), false).buffer(case.size()).boxed(), &witness);
            // The witness goes beside the letter as far as the operator, and is dropped there.
            let flow = (op.attach)(letters.map(|(letter, _)| letter).boxed());
            match case.run(flow.then(stage(|text: String| async move { text }).buffer(case.size())).count()).await {
                End::Well(done) => audit(&done.report),
                End::Failed(error) => assert!(error.is_cancelled() && case.has(Fault::Cancel), "{error:?}"),
                End::Dropped => assert!(case.has(Fault::DropRun)),
            }
            if !case.has(Fault::DropRun) {
                assert_eq!(witness.left(), 0, "{}", op.name);
            }
        });
    }
}

/// The guide has a row for it, and the picture.
fn is_in_the_guide(name: &str, (goes_in, comes_out): (&str, &str)) {
    let guide = include_str!("../../../docs/guide/src/operators.md");
    assert!(guide.contains(&format!("| `{name}` |")), "the guide has no row for `{name}`");
    let picture = format!("\n  {goes_in}\n  {comes_out}\n");
    assert!(guide.contains(&picture), "the guide has no picture of `{name}`");
}

/// The methods of a trait that are not hidden.
fn methods(text: &str) -> Vec<String> {
    let mut is_hidden = false;
    let mut names = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if let Some((name, _)) = line.strip_prefix("fn ").and_then(|rest| rest.split_once(['(', '<'])) {
            if !std::mem::take(&mut is_hidden) {
                names.push(name.to_owned());
            }
        }
        is_hidden |= line == "#[doc(hidden)]";
    }
    names
}

#[test]
fn every_method_of_flow_is_in_a_table_and_in_the_guide() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut names = Vec::new();
    for file in ["mod", "shape", "time", "pressure", "order", "nesting"] {
        names.extend(methods(&read(&format!("pipeline-core/src/flow/{file}.rs"))));
    }
    assert!(names.len() > OPERATORS.len(), "the trait was read");
    let splits = read("pipeline-core/src/flow/split.rs");
    let builders = read("pipeline-core/src/op/buffer.rs");
    for name in &names {
        let is_here = OPERATORS.iter().any(|op| op.name == name);
        match ELSEWHERE.iter().find(|(other, _)| other == name) {
            None => assert!(is_here, "`{name}` is in no table"),
            Some((_, file)) => {
                assert!(!is_here, "`{name}` is in two tables");
                assert!(
                    read(&format!("tests/tests/{file}")).contains(&format!(".{name}")),
                    "`{file}` tests no `{name}`"
                );
            }
        }
    }
    for op in OPERATORS {
        is_in_the_guide(op.name, op.marbles[0]);
    }
    let stale = OPERATORS.iter().find(|op| {
        let is_method = names.iter().any(|name| name == op.name);
        let is_split = splits.contains(&format!("    fn {}<", op.name));
        !(is_method || is_split || builders.contains(&format!("pub fn {}(", op.name)))
    });
    assert!(stale.is_none(), "{:?} is no method of `Flow`", stale.map(|op| op.name));
}
