//! What is run under callgrind: one thread, a clock that stands still, and nothing else in the process.

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::fixed_clock::fixed_clock;
use crate::host::{Kind, Lane};
use crate::item;
use crate::plans;

/// A pipeline of ours that is run over a number of items.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    run: fn(Lane, u64) -> BoxFuture<'static, u64>,
    /// None where a loop would have to compute it, which would be counted: the row of the same plan checks it.
    answer: Option<fn(u64) -> u64>,
}

pub(crate) const WORKLOADS: [Workload; 4] = [
    Workload {
        name: "fused-steps",
        title: "four pairs of map and filter",
        run: |lane, items| plans::fused_steps(lane, items).boxed(),
        answer: None,
    },
    Workload {
        name: "one-edge",
        title: "one edge, buffer 64",
        run: |lane, items| plans::edge::<u64>(lane, items, 64).boxed(),
        answer: Some(|items| item::sum(items, 0)),
    },
    Workload {
        name: "two-stages",
        title: "two stages, buffer 64",
        run: |lane, items| plans::chain::<u64>(lane, items, 2, Some(64)).boxed(),
        answer: Some(|items| item::sum(items, 2)),
    },
    Workload {
        name: "ready-pools",
        title: "two stages of concurrency 8, ready at once",
        run: |lane, items| plans::ready_pools(lane, items, 8, true).boxed(),
        answer: Some(|items| item::sum(items, 2)),
    },
];

/// Runs the workload of that name. False if there is none.
///
/// # Panics
/// If it gives a wrong answer.
pub(crate) fn run(name: &str, items: u64) -> bool {
    let Some(workload) = WORKLOADS.iter().find(|workload| workload.name == name) else {
        return false;
    };
    let work = workload.run;
    let given = Kind::TokioCurrent.host().run(|lane| async move { work(lane.with(fixed_clock()), items).await });
    if let Some(answer) = workload.answer {
        assert_eq!(given, answer(items), "{name} gives a wrong answer");
    }
    true
}
