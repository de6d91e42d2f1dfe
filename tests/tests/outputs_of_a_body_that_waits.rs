//! What a body has sent is in its row's *out* before it waits: at every instant *out* is the next row's *in*.

use taktline::prelude::*;
use taktline::sim::Sim;
use tests::UNIT;

#[stage]
async fn twice_with_a_pause(x: u64, out: Out<u64>) {
    out.send(x).await;
    sleep(UNIT).await;
    out.send(x).await;
}

#[stage]
async fn permits(input: In<u64>, out: Out<u64>) {
    while let Some(x) = input.next().await {
        out.reserve().await.send(x);
    }
}

/// The second row has taken what the first has given, while something waits.
fn check(flow: BoxFlow<u64>, names: [&str; 2]) {
    let sim = Sim::new(1);
    let started = flow.buffer(1).start_on(&sim.rt());
    sim.settle();
    sim.advance(UNIT / 2);
    let report = started.report().expect("it was started");
    let row = |name| report.stage(name).expect("it has a row");
    assert_eq!(row(names[0]).items_out, row(names[1]).items_in, "{report}");
    assert!(row(names[0]).items_out > 0, "{report}");
}

#[test]
fn what_was_sent_before_a_sleep_is_counted() {
    check(iter([7]).then(twice_with_a_pause()).boxed(), ["twice_with_a_pause", "next"]);
}

#[test]
fn what_has_filled_the_last_permit_is_counted() {
    check(iter([7]).then(permits()).flat_map(|x| [x; 3]).boxed(), ["permits", "flat_map"]);
}
