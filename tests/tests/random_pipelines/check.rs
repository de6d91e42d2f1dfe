//! What must hold of every ending.

use taktline::Error;
use taktline::ledger::{Kind, Report, StageReport};

use crate::bodies::Shop;
use crate::perform::{End, Outcome, Value};
use crate::spec::{Ending, Fault, How, Place, Sink, Spec, Step};

pub(crate) fn check(spec: &Spec, shop: &Shop, outcome: &Outcome) {
    match &outcome.end {
        End::Well(report) => {
            check_books(spec, shop, report, true);
            if let Ending::Fails(fault) = spec.ending {
                assert!(may_miss(spec, fault), "a run with a fault ended well\n{report}");
            }
            check_value(spec, outcome.value.as_ref().expect("a run that ended well has a value"));
        }
        End::Failed(error) => {
            check_books(spec, shop, error.report().expect("a run that was started has a report"), false);
            check_error(spec, shop, error);
            check_beginning(spec, outcome);
        }
        End::Dropped => check_beginning(spec, outcome),
    }
}

/// Whether the run may end before the fault is met.
fn may_miss(spec: &Spec, fault: Fault) -> bool {
    spec.is_cut_behind(fault.place) || !spec.has_one_result() || {
        // A part of the source that a step behind it never asks for.
        matches!(fault.place, Place::Source(_)) && spec.is_cut_behind(Place::Source(0))
    }
}

fn check_value(spec: &Spec, value: &Value) {
    let mut model = spec.model();
    match value {
        Value::Count(count) if spec.has_one_result() => assert_eq!(*count, model.len() as u64),
        Value::First(first) if spec.has_one_result() && spec.keeps_order() => {
            assert_eq!(*first, model.first().copied());
        }
        Value::First(first) if spec.has_one_result() => {
            assert_eq!(first.is_some(), !model.is_empty());
            assert!(first.is_none_or(|id| model.contains(&id)), "{first:?} is not of {model:?}");
        }
        Value::List(list) if spec.has_one_result() => {
            let mut list = list.clone();
            if !spec.keeps_order() {
                check_parts(spec, &list);
                list.sort_unstable();
                model.sort_unstable();
            }
            assert_eq!(list, model);
        }
        Value::List(list) => check_subset(spec, list),
        Value::First(first) => check_subset(spec, first.as_slice()),
        Value::Count(_) => {}
    }
}

/// The order of each part of a merged source is kept.
fn check_parts(spec: &Spec, list: &[u64]) {
    for part in spec.models_of_parts().unwrap_or_default() {
        let kept: Vec<_> = list.iter().copied().filter(|id| part.contains(id)).collect();
        assert_eq!(kept, part, "the order within a part of the source");
    }
}

fn check_subset(spec: &Spec, list: &[u64]) {
    let Some(mut all) = spec.superset() else { return };
    for id in list {
        let at = all.iter().position(|other| other == id);
        all.swap_remove(at.unwrap_or_else(|| panic!("{id} arrived too often: {list:?}")));
    }
}

/// What arrived before the run was cut short is a beginning of the list, up to the fault if one ended the run.
fn check_beginning(spec: &Spec, outcome: &Outcome) {
    let Some(Value::List(list)) = &outcome.value else { return };
    if !spec.has_one_result() {
        return check_subset(spec, list);
    }
    if !spec.keeps_order() {
        return;
    }
    match (&outcome.end, spec.ending, spec.sink) {
        (End::Failed(_), Ending::Fails(fault), _) if !spec.is_cut_behind(fault.place) => {
            assert_eq!(*list, spec.model_until(fault), "what was before the fault arrives");
        }
        (End::Dropped, Ending::Well, Sink::Loop { stop: Some(stop), .. }) => {
            let model = spec.model();
            assert_eq!(list[..], model[..model.len().min(stop as usize)], "the loop broke off");
        }
        // An input that was cut short may end in half a pair.
        (_, Ending::Fails(_) | Ending::Cancel(_) | Ending::CancelAtStep(_), _)
            if spec.steps.iter().any(|(step, _)| *step == Step::Pairs) => {}
        _ => assert!(spec.model().starts_with(list), "what arrived is no beginning: {list:?}"),
    }
}

fn check_error(spec: &Spec, shop: &Shop, error: &Error) {
    match spec.ending {
        Ending::Fails(fault) => {
            assert!(error.is_failed(), "{error:?}");
            assert_eq!(error.is_panic(), fault.how != How::Error, "{error:?}");
            let name = match fault.place {
                Place::Source(at) => format!("source{at}"),
                Place::Step(at) => step_name(spec.steps[at].0, at),
                Place::Sink if spec.sink == Sink::ForEach => "for_each".to_owned(),
                Place::Sink => "sink".to_owned(),
            };
            let stage = error.stage().expect("a failure has a stage");
            let told = stage.split('#').next();
            assert_eq!(told, Some(name.as_str()), "{error:?}");
            let is_at_end = fault.id == crate::spec::END;
            assert!(is_at_end || shop.bench(spec, fault.place).failed() > 0, "nothing has failed there: {error:?}");
        }
        Ending::Cancel(_) | Ending::CancelAtStep(_) => {
            assert!(error.is_cancelled() && error.failures().is_empty(), "{error:?}");
        }
        Ending::Well | Ending::Drop(_) | Ending::DropAtStep(_) => panic!("it ends well: {error:?}"),
    }
}

fn step_name(step: Step, at: usize) -> String {
    match (step, step.fused_name()) {
        (Step::Closure, _) => "try_then".to_owned(),
        (_, Some(name)) => name.to_owned(),
        _ => format!("step{at}"),
    }
}

/// The ledger balances, its rows fit together, and it agrees with what the bodies have counted.
fn check_books(spec: &Spec, shop: &Shop, report: &Report, is_well: bool) {
    assert!(report.balances(), "{report}");
    check_rows(report);
    for (at, (step, _)) in spec.steps.iter().enumerate() {
        if let (Some(workers), Some(row)) = (step.workers(), report.stage(&format!("step{at}"))) {
            let is_stream = step.is_stream();
            check_bench(spec, shop, report, row, Place::Step(at), is_well, (!is_stream).then_some(workers));
        }
    }
    let workers = match spec.sink {
        Sink::Workers(workers) => Some(workers),
        Sink::Plain => Some(1),
        _ => None,
    };
    if let Some(row) = report.stage("sink") {
        check_bench(spec, shop, report, row, Place::Sink, is_well, workers);
    }
}

fn check_bench(
    spec: &Spec,
    shop: &Shop,
    report: &Report,
    row: &StageReport,
    place: Place,
    is_well: bool,
    workers: Option<usize>,
) {
    let bench = shop.bench(spec, place);
    let [started, done, failed, cut] =
        [bench.started(), bench.done(), bench.failed(), bench.cut()].map(|count| count as u64);
    let say = || format!("{}: started {started}, done {done}, failed {failed}, cut {cut}\n{report}", row.name);
    assert_eq!(started, done + failed + cut, "{}", say());
    assert!(started <= row.items_in, "{}", say());
    if is_well && !spec.is_cut_behind(place) {
        assert_eq!((started, done), (row.items_in, row.items_in), "{}", say());
    }
    // A stage of streams has no body for each item.
    let Some(workers) = workers else { return };
    assert!(bench.peak() <= workers && row.work_peak <= workers as u64, "{}", say());
    assert!(row.done <= done && row.failed <= failed && cut <= row.abandoned, "{}", say());
    if !spec.is_cut_behind(place) && !spec.ending.is_cancel() {
        assert_eq!(row.failed, failed, "{}", say());
    }
    if is_well && !spec.is_cut_behind(place) {
        assert_eq!((row.done, row.failed, row.abandoned), (done, 0, 0), "{}", say());
    }
}

/// What a row has accepted is what the rows before it have given out, and nothing is left in it.
fn check_rows(report: &Report) {
    // What each flow has given out that no join has taken up yet.
    let mut given = Vec::new();
    for row in report.stages() {
        assert_eq!((row.waiting, row.in_work, row.finished), (0, 0, 0), "items are left in {}\n{report}", row.name);
        let taken = match (row.kind, row.name.split('#').next()) {
            (Kind::Source, _) => 0,
            (Kind::Join, Some("chain")) => given.drain(given.len() - 2..).sum(),
            (Kind::Join, _) => given.drain(..).sum(),
            _ => given.pop().unwrap_or_default(),
        };
        assert_eq!(row.items_in, taken, "{} has accepted something else\n{report}", row.name);
        given.push(row.items_out);
    }
}
