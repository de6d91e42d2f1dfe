//! What must hold at every instant: bounds after each poll, and that nothing is stuck when nothing is ready.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use taktline::ledger::{Report, StageReport};
use taktline::runtime::Rt;
use taktline::sim::Case;

use super::bodies::Shop;
use super::books::check_rows;
use super::operators::{Bodies, Limits, Operator};
use super::spec::{Form, Place, Sink, Spec};

/// Looks on while the runs of `rt` go on.
pub(super) fn watch(case: &Case, spec: &Arc<Spec>, shop: &Arc<Shop>, rt: &Rt) {
    let edges: Vec<_> = edges(spec);
    let (seen, kept_shop, kept_rt) = (edges.clone(), shop.clone(), rt.clone());
    case.always(move || seen.iter().for_each(|edge| edge.check_bound(&kept_shop, &kept_rt)));
    if spec.is_tracked && !spec.keeps_items() {
        let receipts = shop.receipts.clone();
        case.always(move || receipts.check());
    }
    let (spec, shop, rt) = (spec.clone(), shop.clone(), rt.clone());
    case.when_idle(move || {
        check_cut(&spec, &shop);
        for run in rt.watched() {
            let report = run.report();
            check_rows(&spec, &report);
            check_workers(&spec, &report);
            edges.iter().for_each(|edge| edge.check_room(&shop, &report));
        }
    });
}

/// An edge whose two sides are witnesses: a source that counts its sends, and bodies that count their starts.
#[derive(Clone, Debug)]
struct Watched {
    source: Place,
    reader: Place,
    /// The name of the reader's row.
    name: String,
    capacity: u64,
}

fn edges(spec: &Spec) -> Vec<Watched> {
    let sources =
        (0..spec.nodes.len()).filter(|at| matches!(spec.nodes[*at].form, Form::Source(source, _) if source.can_fail));
    let edge = |at: usize| {
        let reader = spec.nodes[at].reader.map_or(Place::Sink, Place::Node);
        if !spec.starts_at_once(reader) {
            return None;
        }
        let capacity = spec.buffer_before(reader)? as u64;
        Some(Watched { source: Place::Node(at), reader, name: spec.name(reader), capacity })
    };
    sources.filter_map(edge).collect()
}

impl Spec {
    /// Whether who reads the sink's value keeps items that have gone all the way.
    fn keeps_items(&self) -> bool {
        matches!(self.sink, Sink::Collect | Sink::First | Sink::Loop { .. })
    }

    /// Whether a step that is fused behind a node makes several items of one.
    fn is_multiplied_behind(&self, at: usize) -> bool {
        let Some(reader) = self.nodes[at].reader else { return false };
        match self.nodes[reader].form {
            Form::Step(op) => match op.bodies {
                Bodies::Workers(_) | Bodies::Stream => false,
                _ => op.multiplies || self.is_multiplied_behind(reader),
            },
            _ => false,
        }
    }

    /// Whether a body of the place starts as soon as it is in work, and its row has a name of its own.
    fn starts_at_once(&self, place: Place) -> bool {
        match place {
            Place::Sink => matches!(self.sink, Sink::Workers { .. }),
            Place::Node(at) => {
                let is_late = |op: &Operator| op.skips || matches!(op.name, "blocking" | "hooked" | "retried");
                matches!(self.nodes[at].form, Form::Step(op) if op.told_as.is_none() && !is_late(op))
            }
        }
    }
}

impl Watched {
    /// Never are more items accepted and not started than there are places.
    fn check_bound(&self, shop: &Shop, rt: &Rt) {
        let (sent, started) = (shop.bench(self.source).sent.get(), shop.bench(self.reader).started.get());
        let waiting = sent.saturating_sub(started);
        if waiting > self.capacity {
            // What was cut waits no more. The ledger is asked last, since that takes time.
            let row = |report: Report| report.stage(&self.name).map_or(0, |row| row.abandoned);
            let cut: u64 = rt.watched().iter().map(|run| row(run.report())).sum();
            assert!(waiting <= self.capacity + cut, "{waiting} items wait, {cut} of them cut: {self:?}");
        }
    }

    /// A source does not wait in a send while there is a place, but in a pause.
    fn check_room(&self, shop: &Shop, report: &Report) {
        let Some(row) = report.stage(&self.name) else { return };
        let waits = shop.bench(self.source).sends.load(SeqCst) && !shop.is_paused.load(SeqCst);
        assert!(!waits || row.waiting >= self.capacity, "a source waits though there is room: {self:?}\n{report}");
    }
}

/// Nothing is in work any more upstream of a `take` that has taken all.
fn check_cut(spec: &Spec, shop: &Shop) {
    for (at, node) in spec.nodes.iter().enumerate() {
        let is_take = matches!(node.form, Form::Step(op) if op.name == "take");
        // One that fused steps make several of is in work until all of those were accepted.
        let is_whole = node.params.n > 0 && !spec.is_multiplied_behind(at);
        if is_take && is_whole && shop.bench(Place::Node(at)).started.get() >= node.params.n {
            check_still(spec, shop, node.inputs[0], at);
        }
    }
}

fn check_still(spec: &Spec, shop: &Shop, at: usize, take: usize) {
    assert_eq!(shop.bench(Place::Node(at)).now(), 0, "node {at} works on, and node {take} has taken all");
    spec.nodes[at].inputs.iter().for_each(|input| check_still(spec, shop, *input, take));
}

/// No item waits for a worker that has nothing to do.
fn check_workers(spec: &Spec, report: &Report) {
    for (at, node) in spec.nodes.iter().enumerate() {
        let Form::Step(op) = node.form else { continue };
        let limits = match op.bodies {
            // Workers that get ready take nothing yet.
            Bodies::Workers(limits) if op.told_as.is_none() && op.name != "hooked" => limits(&node.params),
            Bodies::Stream => Limits { workers: 1, window: 1 },
            _ => continue,
        };
        if let Some(row) = report.stage(&format!("step{at}")) {
            check_row(row, limits, report);
        }
    }
    if let (Sink::Workers { workers, .. }, Some(row)) = (spec.sink, report.stage("sink")) {
        check_row(row, Limits { workers, window: workers }, report);
    }
}

fn check_row(row: &StageReport, Limits { workers, window }: Limits, report: &Report) {
    let is_busy = row.in_work >= workers as u64 || row.in_work + row.finished >= window as u64;
    assert!(row.waiting == 0 || is_busy, "items wait for `{}`, which has nothing to do\n{report}", row.name);
}
