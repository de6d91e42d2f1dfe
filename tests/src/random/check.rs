//! What must hold of every ending.

use taktline::Error;
use taktline::sim::{Case, Fault};

use super::bodies::Shop;
use super::books::check_books;
use super::perform::{End, Left, Outcome, Value};
use super::spec::{END, How, Sink, Spec, Trouble};

pub(super) fn check(case: &Case, spec: &Spec, shop: &Shop, outcome: &Outcome) {
    match &outcome.end {
        End::Well(report) => {
            check_books(case, spec, shop, report, true);
            if outcome.is_drained {
                return check_beginning(case, spec, outcome);
            }
            for trouble in spec.troubles.iter().filter(|trouble| trouble.how != How::Bomb) {
                assert!(may_miss(spec, *trouble), "a run with {trouble:?} ended well\n{report}");
            }
            // A loop that reads gives no value.
            if let Some(value) = &outcome.value {
                check_value(spec, value);
            }
        }
        End::Failed(error) => {
            let report = error.report().expect("a run that was started has a report");
            check_books(case, spec, shop, report, false);
            check_error(case, spec, shop, error);
            check_beginning(case, spec, outcome);
        }
        End::Dropped => check_beginning(case, spec, outcome),
    }
    if !matches!(outcome.end, End::Dropped) && !case.has(Fault::Shutdown) {
        assert_eq!(outcome.left, Left::default(), "something is left as the run returns");
    }
}

/// Whether the run may end before the trouble is met.
fn may_miss(spec: &Spec, trouble: Trouble) -> bool {
    spec.is_cut_behind(trouble.place) || !spec.has_one_result()
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
                check_sources(spec, &list);
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

/// The order of each source's items is kept, as far as they can be told apart.
fn check_sources(spec: &Spec, list: &[u64]) {
    let models = spec.models_of_sources().unwrap_or_default();
    let is_shared = |id: &u64| models.iter().filter(|model| model.contains(id)).count() > 1;
    for model in models.iter().filter(|model| !model.iter().any(is_shared)) {
        let kept: Vec<_> = list.iter().copied().filter(|id| model.contains(id)).collect();
        assert_eq!(kept, *model, "the order within a source");
    }
}

fn check_subset(spec: &Spec, list: &[u64]) {
    let Some(mut all) = spec.superset() else { return };
    for id in list {
        let at = all.iter().position(|other| other == id);
        all.swap_remove(at.unwrap_or_else(|| panic!("{id} arrived too often: {list:?}")));
    }
}

/// What arrived before the run was cut short is a beginning of the list, up to the trouble if one has ended the run.
fn check_beginning(case: &Case, spec: &Spec, outcome: &Outcome) {
    let Some(Value::List(list)) = &outcome.value else { return };
    if !spec.has_one_result() {
        return check_subset(spec, list);
    }
    if !spec.keeps_order() {
        return;
    }
    let is_stopped = [Fault::Cancel, Fault::Drain, Fault::Shutdown].iter().any(|fault| case.has(*fault));
    match (&outcome.end, spec.troubles.as_slice(), spec.sink) {
        (End::Failed(_), [trouble], _) if !is_stopped && !spec.is_wild() && !spec.is_cut_behind(trouble.place) => {
            assert_eq!(*list, spec.model_until(*trouble), "what was before the trouble arrives");
        }
        (End::Dropped, [], Sink::Loop { stop: Some(stop), .. }) if spec.stops.drop.is_none() => {
            let model = spec.model();
            assert_eq!(list[..], model[..model.len().min(stop as usize)], "the loop broke off");
        }
        // An input that was cut short may end in half a pair.
        _ if spec.has_step("pairs") => {}
        _ => assert!(spec.model().starts_with(list), "what arrived is no beginning: {list:?}"),
    }
}

fn check_error(case: &Case, spec: &Spec, shop: &Shop, error: &Error) {
    if error.is_cancelled() {
        let is_late = error.is_overdue() && spec.stops.within.is_some();
        assert!(spec.stops.cancel.is_some() || is_late, "nobody has cancelled: {error:?}");
        let fails = !spec.troubles.is_empty() || case.has(Fault::Shutdown);
        assert!(fails || error.failures().is_empty(), "{error:?}");
        return;
    }
    assert!(error.is_failed(), "{error:?}");
    // What an inner flow has failed of.
    let error = error.downcast_ref::<Error>().unwrap_or(error);
    let failures = error.failures();
    let first = failures.first().expect("a failed run has a failure");
    if first.is_lost() {
        assert!(case.has(Fault::Shutdown), "{error:?}");
        return;
    }
    if spec.is_wild() {
        return assert!(error.is_panic() || !spec.troubles.iter().all(|one| one.how != How::Error), "{error:?}");
    }
    let told = first.stage().split('#').next().unwrap_or_default().to_owned();
    let is_to_blame = |trouble: &&Trouble| {
        let is_met = trouble.id == END || shop.bench(trouble.place).failed.get() > 0;
        spec.name(trouble.place) == told && (trouble.how == How::Panic) == error.is_panic() && is_met
    };
    assert!(spec.troubles.iter().any(|trouble| is_to_blame(&trouble)), "nothing has failed there: {error:?}");
}
