//! A hundred stages in a chain: what each of them takes.

use std::time::Instant;

use super::Row;
use crate::allocator;
use crate::harness::{Bench, Role};
use crate::host::{Kind, Lane};
use crate::item;
use crate::peers::channel;
use crate::peers::tokio::Mpsc;
use crate::plans;
use crate::table::{self, Compare};
use crate::target::Target;

pub(crate) const ROW: Row = Row {
    id: "s10",
    title: "100 stages in a chain, buffer 64: heap and start-up a stage, time an item a stage",
    target: "heap <= 2 KiB a stage, start-up <= 5 us a stage, ns an item a stage <= 0.25 x tokio mpsc",
    run: measure,
};

const STAGES: u64 = 100;
const COLUMNS: [&str; 4] = ["ns/item/stage", "start-up us/stage", "heap B/stage", "heap B/stage, buffers filled"];

fn measure(bench: &Bench) -> Vec<Target> {
    let items = bench.items(20_000);
    let mut table = bench.table(format!("100 stages ({})", Kind::TokioMulti.name()), items, &COLUMNS);
    table.add(
        Role::Ours,
        "taktline",
        sample("taktline", items, |lane, items| plans::chain::<u64>(lane, items, STAGES, Some(64))),
    );
    table.add(
        Role::Peer,
        "tokio mpsc",
        sample("tokio mpsc", items, |lane, items| channel::chain::<Mpsc, u64>(lane, items, STAGES, 64)),
    );
    let measured = table.measure();
    table::print(&measured, Compare::Ours);
    let title = &measured.title;
    vec![
        Target::at_most(format!("heap <= 2048 B a stage ({title})"), 2048.0, measured.value("taktline", 2)),
        Target::at_most(format!("start-up <= 5 us a stage ({title})"), 5.0, measured.value("taktline", 1)),
        Target::ratio(&measured, 0, "taktline", 0.25, "tokio mpsc"),
    ]
}

/// A run that is timed, one without an item, and both once more with an eye on the heap.
fn sample<Fut>(name: &'static str, items: u64, work: fn(Lane, u64) -> Fut) -> impl FnMut() -> Vec<f64>
where
    Fut: Future<Output = u64> + Send + 'static,
{
    let host = Kind::TokioMulti.host();
    let run = move |items: u64| {
        let (time, given) = host.run(|lane| async move {
            let start = Instant::now();
            let given = work(lane, items).await;
            (start.elapsed(), given)
        });
        assert_eq!(given, item::sum(items, STAGES), "{name} gives a wrong answer");
        time.as_nanos() as f64
    };
    move || {
        let busy = run(items);
        let empty = run(0);
        let heap = |items| allocator::counted(|| run(items)).1.peak_bytes as f64;
        let stages = STAGES as f64;
        vec![busy / items as f64 / stages, empty / 1e3 / stages, heap(0) / stages, heap(items) / stages]
    }
}
