//! What was made is with its reader before its maker waits for anything: at exact times.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use taktline::prelude::*;
use tests::{UNIT, on_sim};

/// Sends two items one unit apart, then nothing for long.
#[source]
async fn two(out: Out<u64>) {
    out.send(0).await;
    taktline::sleep(UNIT).await;
    out.send(1).await;
    taktline::sleep(UNIT * 100).await;
}

#[source]
async fn fill_two(out: Out<u64>) {
    out.reserve().await.send(0);
    taktline::sleep(UNIT).await;
    out.reserve().await.send(1);
    taktline::sleep(UNIT * 100).await;
}

#[stage]
async fn pass(x: u64) -> u64 {
    x
}

#[stage]
async fn send(x: u64, out: Out<u64>) {
    out.send(x).await;
}

#[stage]
async fn all(input: In<u64>, out: Out<u64>) {
    while let Some(x) = input.next().await {
        out.send(x).await;
    }
}

/// Rests with its third item.
#[stage]
async fn rest(x: u64) -> u64 {
    if x == 2 {
        taktline::sleep(UNIT * 100).await;
    }
    x
}

/// A stream of what `two` sends, at the same times.
fn ticks() -> BoxFlow<u64> {
    let ticks = futures::stream::unfold(0u64, |n| async move {
        taktline::sleep(UNIT * [0, 1, 100][n as usize]).await;
        (n < 2).then_some((n, n + 1))
    });
    stream(ticks).boxed()
}

fn flows() -> Vec<(&'static str, BoxFlow<u64>)> {
    vec![
        ("a source", two().boxed()),
        ("a source with permits", fill_two().boxed()),
        ("a stream", ticks()),
        ("a stream and a fused step", ticks().map(|x| x).boxed()),
        ("one worker", two().then(pass())),
        ("one worker that sends", two().then(send())),
        ("a pool", two().then(pass().concurrency(3))),
        ("an unordered pool", two().then(pass().concurrency(3).unordered())),
        ("a pool that sends", two().then(send().concurrency(3))),
        ("an unordered pool that sends", two().then(send().concurrency(3).unordered())),
        ("a stream to a stream", two().then(all())),
        ("a merge", merge([two().boxed(), iter(0..0u64).boxed()]).boxed()),
        ("a chain", iter(0..0u64).chain(two()).boxed()),
        ("a body that waits", iter(0..3u64).then(rest())),
        ("a pool whose bodies wait", iter(0..3u64).then(rest().concurrency(2))),
    ]
}

#[test]
fn nothing_is_kept_back_while_its_maker_waits() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            for (name, flow) in flows() {
                let (begun, starts) = (rt.now(), Arc::new(Mutex::new(Vec::new())));
                let seen = starts.clone();
                let busy = move |x: u64| {
                    let seen = seen.clone();
                    async move {
                        seen.lock().expect("no holder panics").push((x, taktline::now() - begun));
                        // The second item comes while this one is in work.
                        taktline::sleep(UNIT * 5).await;
                    }
                };
                flow.sink(busy).run_on(&rt).await.expect("nothing fails");
                let starts = starts.lock().expect("no holder panics");
                assert_eq!(starts[..2], [(0, Duration::ZERO), (1, UNIT * 5)], "seed {seed}, {name}");
            }
        });
    }
}
