//! Whether a run had the tasks, edges and buffers that the title of its table says.

use taktline::ledger::{Kind, Report};

/// One row of a report, as it has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    kind: Kind,
    /// The places of the edge before it.
    buffer: Option<u64>,
    workers: u64,
}

pub(crate) const SOURCE: Step = Step { kind: Kind::Source, buffer: None, workers: 0 };
pub(crate) const FUSED: Step = Step { kind: Kind::Fused, buffer: None, workers: 0 };
/// A sink that is fused into the task before it.
pub(crate) const FUSED_SINK: Step = Step { kind: Kind::Sink, buffer: None, workers: 0 };

/// A stage with a task for each of its `workers`, behind an edge of `buffer` places.
pub(crate) const fn stage(workers: u64, buffer: u64) -> Step {
    Step { kind: Kind::Stage, buffer: Some(buffer), workers }
}

/// A sink with one worker, behind an edge of `buffer` places.
pub(crate) const fn sink(buffer: u64) -> Step {
    Step { kind: Kind::Sink, buffer: Some(buffer), workers: 1 }
}

/// A merge, with an edge of `buffer` places for each input.
pub(crate) const fn merge(buffer: u64) -> Step {
    Step { kind: Kind::Join, buffer: Some(buffer), workers: 0 }
}

/// The user's own loop, behind an edge of `buffer` places.
pub(crate) const fn own_loop(buffer: u64) -> Step {
    Step { kind: Kind::Sink, buffer: Some(buffer), workers: 0 }
}

/// Refuses a report whose run was not the one that is measured. That the buffers are as large as they should be is told by
/// the bound of the plan; a report tells that they were used, and never exceeded.
///
/// # Panics
/// If the report differs from `steps`.
pub(crate) fn check(report: &Report, steps: &[Step]) {
    let rows = report.stages();
    assert_eq!(rows.len(), steps.len(), "the run has other steps than its title says:\n{report}");
    let least = u64::from(rows.iter().any(|row| row.items_out > 0));
    for (row, step) in rows.iter().zip(steps) {
        assert_eq!(row.kind, step.kind, "`{}` is of another kind:\n{report}", row.name);
        match step.buffer {
            None => assert_eq!(row.edge_peak, 0, "`{}` has an edge:\n{report}", row.name),
            Some(buffer) => assert!(
                (least..=buffer).contains(&row.edge_peak),
                "`{}` has no edge, or more than {buffer} items have waited in it:\n{report}",
                row.name
            ),
        }
        let workers = if step.workers == 0 { 0..=0 } else { 1..=step.workers };
        assert!(workers.contains(&row.workers), "`{}` has other workers:\n{report}", row.name);
    }
    assert!(report.balances(), "the books do not balance:\n{report}");
}

#[cfg(test)]
mod tests {
    use taktline::ledger::Report;
    use taktline::prelude::*;

    use super::{FUSED_SINK, SOURCE, check, stage as worker};

    /// source -> stage with a buffer of 4, so slow that it is full -> fused sink.
    fn report() -> Report {
        let slow = stage(|x: u64| async move {
            for _ in 0..10 {
                yield_now().await;
            }
            x
        });
        let plan = iter(0..100u64).then(slow.buffer(4)).count();
        taktline_tokio::block_on_current_thread(plan.run()).expect("nothing fails").report
    }

    #[test]
    fn a_run_as_it_should_be_passes() {
        check(&report(), &[SOURCE, worker(1, 4), FUSED_SINK]);
    }

    #[test]
    #[should_panic(expected = "other steps")]
    fn a_step_too_few_is_refused() {
        check(&report(), &[SOURCE, FUSED_SINK]);
    }

    #[test]
    #[should_panic(expected = "another kind")]
    fn a_step_of_another_kind_is_refused() {
        check(&report(), &[SOURCE, super::FUSED, FUSED_SINK]);
    }

    #[test]
    #[should_panic(expected = "more than 3 items")]
    fn a_larger_buffer_is_refused() {
        check(&report(), &[SOURCE, worker(1, 3), FUSED_SINK]);
    }

    #[test]
    #[should_panic(expected = "has no edge")]
    fn an_edge_that_is_not_there_is_refused() {
        check(&report(), &[SOURCE, worker(1, 4), super::sink(16)]);
    }
}
