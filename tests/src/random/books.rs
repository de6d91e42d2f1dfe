//! The ledger balances, its rows fit together, and it agrees with what the bodies have counted.

use taktline::ledger::{Kind, Report, StageReport};
use taktline::sim::{Case, Fault};

use super::bodies::Shop;
use super::operators::{Bodies, Limits};
use super::spec::{Form, Place, Sink, Spec};

pub(super) fn check_books(case: &Case, spec: &Spec, shop: &Shop, report: &Report, is_well: bool) {
    taktline::sim::audit(report);
    check_rows(spec, report);
    for (place, limits) in benches(spec) {
        if let Some(row) = report.stage(&spec.name(place)) {
            Bench { case, spec, shop, report, row, place }.check(is_well, limits);
        }
    }
}

/// The places that keep counts and have rows of their own names, with their limits; those of streams have none.
fn benches(spec: &Spec) -> impl Iterator<Item = (Place, Option<Limits>)> {
    let of_node = |(at, node): (usize, &super::spec::Node)| {
        let Form::Step(op) = node.form else { return None };
        let limits = match op.bodies {
            Bodies::Plain => Some(Limits { workers: 1, window: 1 }),
            Bodies::Workers(limits) => Some(limits(&node.params)),
            Bodies::Stream => None,
            Bodies::None | Bodies::Fused => return None,
        };
        op.told_as.is_none().then_some((Place::Node(at), limits))
    };
    let sink = match spec.sink {
        Sink::Workers { workers, .. } => Some((Place::Sink, Some(Limits { workers, window: workers }))),
        Sink::Plain => Some((Place::Sink, Some(Limits { workers: 1, window: 1 }))),
        Sink::Stream { .. } => Some((Place::Sink, None)),
        _ => None,
    };
    spec.nodes.iter().enumerate().filter_map(of_node).chain(sink)
}

struct Bench<'a> {
    case: &'a Case,
    spec: &'a Spec,
    shop: &'a Shop,
    report: &'a Report,
    row: &'a StageReport,
    place: Place,
}

impl Bench<'_> {
    fn check(&self, is_well: bool, limits: Option<Limits>) {
        let Bench { case, spec, shop, report, row, place } = *self;
        let bench = shop.bench(place);
        let [started, done, failed, cut] = [&bench.started, &bench.done, &bench.failed, &bench.cut].map(|n| n.get());
        let passed_over = row.skipped + row.dead_lettered;
        let say = || format!("{}: started {started}, done {done}, failed {failed}, cut {cut}\n{report}", row.name);
        assert_eq!(started, done + failed + cut, "{}", say());
        assert!(started <= row.items_in, "{}", say());
        let is_whole = is_well && !spec.is_cut_behind(place) && !spec.is_wild();
        if is_whole {
            assert_eq!((started, done), (row.items_in - passed_over, row.items_in - passed_over), "{}", say());
        }
        // A stage of streams has no body for each item.
        let Some(limits) = limits else { return };
        assert!(bench.peak() <= limits.workers && row.work_peak <= limits.workers as u64, "{}", say());
        if row.kind == Kind::Stage {
            assert!(row.window_peak <= limits.window as u64, "{}", say());
        }
        if let Some(buffer) = spec.buffer_before(place) {
            assert!(row.edge_peak <= buffer as u64, "{}", say());
        }
        if spec.is_wild() {
            return;
        }
        let row_failed = row.failed - passed_over;
        assert!(row.done <= done && row_failed <= failed && cut <= row.abandoned, "{}", say());
        let may_cut = [Fault::Cancel, Fault::Drain, Fault::Shutdown].iter().any(|fault| case.has(*fault));
        // A call that has begun may fail after its worker was cut by another failure: its item is abandoned then.
        let outlives_cut = shop.lingers(place) && spec.troubles.len() > 1;
        if !spec.is_cut_behind(place) && !may_cut && !outlives_cut {
            assert_eq!(row_failed, failed, "{}", say());
        }
        if is_whole {
            assert_eq!((row.done, row_failed, row.abandoned), (done, 0, 0), "{}", say());
        }
    }
}

/// What a row has accepted is what the rows before it have given out, also while nothing is ready.
pub(super) fn check_rows(spec: &Spec, report: &Report) {
    // A plan is built from its sink to its sources, the last input of a join first, and told the other way round.
    let mut joins: Vec<usize> = Vec::new();
    spec.visit_joins(spec.nodes.len() - 1, &mut joins);
    // What each flow has given out that no row has taken up yet.
    let mut given: Vec<u64> = Vec::new();
    let mut rows = report.stages().iter();
    // Counted at its item's turn, and written before.
    let mut dead_lettered = 0;
    while let Some(row) = rows.next() {
        let taken = match row.kind {
            Kind::Split if row.name.starts_with("dead_letters") => {
                let reader = rows.next().expect("dead letters have a reader");
                let is_met = dead_lettered <= row.items_in && row.items_out == reader.items_in;
                assert!(is_met, "{dead_lettered} dead letters were counted\n{report}");
                continue;
            }
            Kind::Split if row.name.starts_with("group_by") => {
                // The flows of the keys are runs of their own, without rows here. They give one item for each.
                let (taken, join) = (given.pop(), rows.next().expect("the flows of the keys are merged"));
                let is_met = taken == Some(row.items_in) && join.items_in <= row.items_out;
                assert!(is_met, "{} has given out something else\n{report}", row.name);
                given.push(join.items_out);
                continue;
            }
            Kind::Split => {
                let taken = given.pop().expect("a split reads another row");
                let branches = if row.name.starts_with("tap") { 1 } else { *joins.last().expect("it is merged again") };
                let reads: Vec<_> = rows.by_ref().take(branches).collect();
                check_branches(row, taken, &reads, report);
                let outs = reads.iter().map(|read| read.items_out);
                given.extend(if row.name.starts_with("tap") { vec![taken] } else { outs.collect() });
                continue;
            }
            Kind::Source => 0,
            Kind::Join if row.name.starts_with("feedback") => {
                // What went back was given out by the row of the body, and accepted here.
                let outside = given.pop().expect("a loop reads another row");
                let body = rows.next().expect("a loop has a body");
                assert_eq!(body.items_in, row.items_out, "the body has accepted something else\n{report}");
                given.push((body.items_out + outside).saturating_sub(row.items_in));
                continue;
            }
            Kind::Join => {
                let inputs = joins.pop().expect("a row of a join is one of a join");
                given.drain(given.len() - inputs..).sum()
            }
            _ => given.pop().expect("a row reads another one"),
        };
        assert_eq!(row.items_in, taken, "{} has accepted something else\n{report}", row.name);
        given.push(row.items_out);
        dead_lettered = row.dead_lettered;
    }
    assert_eq!((given.len(), joins.len()), (1, 0), "the rows are those of one tree\n{report}");
}

/// What the branches of a split have accepted is what it has given out.
fn check_branches(split: &StageReport, taken: u64, branches: &[&StageReport], report: &Report) {
    let name = split.name.split('#').next().unwrap_or_default();
    let (all, out) = (branches.iter().map(|branch| branch.items_in), split.items_out);
    let is_met = match name {
        // One that has left is given nothing more.
        "broadcast" | "unzip" => split.items_in == taken && all.clone().all(|read| read <= out),
        "tap" => split.items_in <= taken && all.clone().sum::<u64>() == out,
        _ => split.items_in == taken && all.clone().sum::<u64>() == out,
    };
    assert!(is_met, "{name} was given {taken}, and its branches have accepted {:?}\n{report}", all.collect::<Vec<_>>());
}

impl Spec {
    /// How many inputs each join has, in the order in which they are built.
    fn visit_joins(&self, at: usize, joins: &mut Vec<usize>) {
        let node = &self.nodes[at];
        let is_reversed = match &node.form {
            Form::Join(join) => {
                joins.push(node.inputs.len());
                join.name == "chain"
            }
            Form::Step(op) => {
                joins.extend(op.branches);
                false
            }
            Form::Source(..) => false,
        };
        let mut inputs = node.inputs.clone();
        if is_reversed {
            inputs.reverse();
        }
        inputs.into_iter().for_each(|input| self.visit_joins(input, joins));
    }

    /// The capacity of the edge before a place, if it is the place's own.
    pub(super) fn buffer_before(&self, place: Place) -> Option<usize> {
        let Place::Node(at) = place else {
            return match self.sink {
                Sink::Workers { buffer, .. } | Sink::Stream { buffer } => Some(buffer),
                _ => None,
            };
        };
        let node = &self.nodes[at];
        let has_edge = matches!(node.form, Form::Step(op) if matches!(op.bodies, Bodies::Workers(_) | Bodies::Stream));
        has_edge.then_some(node.params.buffer)
    }
}
