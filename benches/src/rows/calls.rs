//! A request to a task and its reply, and what flows cost that ask for no tickets.

use taktline::inlet::Calls;
use taktline::lineage::Ticket;
use taktline::prelude::*;

use super::Row;
use crate::harness::{Bench, Role};
use crate::host::{Kind, Lane};
use crate::item;
use crate::peers::tokio::requests;
use crate::plans;
use crate::table::{self, Compare};
use crate::target::Target;

pub(crate) const CALLS: Row = Row {
    id: "s20",
    title: "a call through one stage and its reply, by one caller at a time and by 64 at once",
    target: "<= 1 x a loop of requests by hand, tokio mpsc and oneshot",
    run: measure_calls,
};

pub(crate) const TICKETS: Row = Row {
    id: "s21",
    title: "two stages, with a ticket for each item and without",
    target: "no allocation an item without tickets",
    run: measure_tickets,
};

const BUFFER: usize = 64;
const BY_HAND: &str = "mpsc and oneshot";

fn measure_calls(bench: &Bench) -> Vec<Target> {
    let calls = bench.items(192_000);
    let mut targets = Vec::new();
    for kind in [Kind::TokioMulti, Kind::TokioCurrent] {
        for callers in [1, 64] {
            let calls = calls.next_multiple_of(callers);
            let title = format!("calls, {callers} at once, buffer {BUFFER}");
            let mut table = bench.throughput(&title, kind, calls, callers * item::sum(calls / callers, 1));
            table.add(Role::Ours, "taktline", move |lane| ours(lane, calls, callers));
            table.add(Role::Peer, BY_HAND, move |lane| requests(lane, calls, callers, BUFFER));
            let measured = table.measure();
            table::print(&measured, Compare::Ours);
            targets.push(Target::ratio(&measured, 0, "taktline", 1.0, BY_HAND));
        }
    }
    targets
}

async fn ours(lane: Lane, total: u64, callers: u64) -> u64 {
    let (handle, pipeline) = calls(BUFFER, |requests| requests.then(|x: u64| async move { x + 1 }));
    let running = pipeline.start_on(&lane.rt);
    let sum = lane.sum_of(callers, move |_| call_in_turn(handle.clone(), total / callers)).await;
    // The handles are gone, and so the run ends.
    running.join().await.expect("nothing fails");
    sum
}

async fn call_in_turn(calls: Calls<u64, u64>, total: u64) -> u64 {
    let mut sum = 0;
    for x in 0..total {
        sum += calls.call(x).await.expect("the run goes on");
    }
    sum
}

fn measure_tickets(bench: &Bench) -> Vec<Target> {
    let items = bench.items(500_000);
    let mut table = bench.throughput("two stages, buffer 64", Kind::TokioMulti, items, item::sum(items, 2));
    table.add(Role::Ours, "taktline", move |lane| plans::chain_to_fold(lane, items, 2, 64));
    table.add(Role::Reference, "taktline, tickets", move |lane| tracked(lane, items));
    let measured = table.measure();
    table::print(&measured, Compare::Ours);
    vec![Target::no_allocation(&measured, "taktline")]
}

async fn tracked(lane: Lane, items: u64) -> u64 {
    let stage = || stage(|x: u64| async move { x + 1 }).buffer(BUFFER);
    let flow = iter(0..items).tracked(|_| Ticket::new().0);
    let plan = flow.then(stage()).then(stage()).fold(0, |sum, x| sum + x);
    plan.run_on(&lane.rt).await.expect("nothing fails").value
}
