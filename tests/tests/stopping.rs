//! A run that is cut short, by its reader, by a cancel or by a drop, drops what it held and leaves no task.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use taktline::prelude::*;
use taktline::runtime::Rt;
use tests::{Item, Tasks, UNIT, Witness, counted, everywhere, on_sim, units};

const MS: Duration = Duration::from_millis(1);

/// Guards in bodies: how many were made, how many are left.
#[derive(Debug, Default)]
struct Guards {
    made: AtomicUsize,
    left: AtomicUsize,
}

impl Guards {
    fn enter(&self) -> Guard<'_> {
        self.made.fetch_add(1, SeqCst);
        self.left.fetch_add(1, SeqCst);
        Guard(self)
    }

    fn made(&self) -> usize {
        self.made.load(SeqCst)
    }

    fn left(&self) -> usize {
        self.left.load(SeqCst)
    }
}

struct Guard<'a>(&'a Guards);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.left.fetch_sub(1, SeqCst);
    }
}

#[source]
async fn hundred(guards: &Guards, out: Out<u64>) {
    let _guard = guards.enter();
    for i in 0..100 {
        out.send(i).await;
    }
    // It never ends by itself.
    taktline::sleep(Duration::from_secs(3600)).await;
}

#[stage]
async fn held(x: u64, guards: &Guards) -> u64 {
    let _guard = guards.enter();
    taktline::sleep(MS).await;
    x
}

/// Every way to put something between the source and its reader.
fn flows(guards: &Arc<Guards>) -> Vec<BoxFlow<u64>> {
    let source = || hundred(guards.clone());
    let pool = || held(guards.clone()).concurrency(3);
    vec![
        source().boxed(),
        source().map(|x| x).boxed(),
        source().then(held(guards.clone())).boxed(),
        source().then(pool()).boxed(),
        source().then(pool().unordered()).boxed(),
        merge([source(), source()]).boxed(),
        source().flat_map(|x| [x, x]).boxed(),
        source().chain(source()).boxed(),
        merge([source().then(pool()), source().then(pool())]).flat_map(|x| [x; 5]).then(pool()).buffer(1).boxed(),
    ]
}

#[test]
fn a_take_drops_its_source_before_the_run_returns() {
    everywhere(|rt| async move {
        let guards = Arc::new(Guards::default());
        for (at, flow) in flows(&guards).into_iter().enumerate() {
            let before = guards.made();
            let done = flow.take(3).collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
            assert_eq!(guards.left(), 0, "flow {at}: {}", done.report);
            assert!(guards.made() > before);
            assert!(done.report.balances(), "{}", done.report);
            assert_eq!(done.value.len(), 3);
            if at < 4 {
                assert_eq!(done.value, [0, 1, 2]);
            }
        }
    });
}

#[test]
fn a_first_drops_its_source_before_the_run_returns() {
    everywhere(|rt| async move {
        let guards = Arc::new(Guards::default());
        for (at, flow) in flows(&guards).into_iter().enumerate() {
            let before = guards.made();
            let done = flow.first().run_on(&rt).await.expect("nothing fails");
            assert_eq!(guards.left(), 0, "flow {at}: {}", done.report);
            assert!(guards.made() > before);
            assert!(done.report.balances(), "{}", done.report);
            assert!(done.value.is_some());
        }
    });
}

#[source]
async fn ticks(total: u64, pause: Duration, out: Out<u64>) {
    for i in 0..total {
        taktline::sleep(pause).await;
        out.send(i).await;
    }
}

/// Reads with timeouts until the end; gives the items and how often it was too early.
async fn impatient(rt: Rt, total: u64, unit: Duration) -> (Vec<u64>, usize) {
    let mut xs = ticks(total, unit / 20).start_on(&rt);
    let (mut seen, mut elapsed) = (Vec::new(), 0);
    loop {
        match taktline::timeout(unit / 50, xs.next()).await {
            Err(_) => elapsed += 1,
            Ok(next) => match next.expect("nothing fails") {
                Some(x) => seen.push(x),
                None => break,
            },
        }
    }
    assert!(xs.report().expect("it was started").balances());
    (seen, elapsed)
}

#[test]
fn a_read_that_times_out_loses_nothing() {
    for seed in 0..100 {
        let (seen, elapsed) = on_sim(seed, |rt| impatient(rt, 200, UNIT));
        assert_eq!(seen, (0..200).collect::<Vec<_>>(), "seed {seed}");
        assert!((400..=500).contains(&elapsed), "seed {seed}: {elapsed}");
    }
    everywhere(|rt| async move {
        let (seen, _) = impatient(rt, 40, Duration::from_millis(20)).await;
        assert_eq!(seen, (0..40).collect::<Vec<_>>());
    });
}

#[source]
async fn producer(out: Out<u64>) {
    for i in 0..10 {
        taktline::sleep(UNIT * i as u32 / 10).await;
        out.send(i).await;
    }
}

#[sink(concurrency = 6)]
async fn consumer(x: u64) {
    taktline::sleep(UNIT * 4 * x as u32 / 10).await;
}

#[test]
fn a_cancel_takes_no_time_and_counts_what_it_cuts() {
    for seed in 0..200 {
        for buffer in [1, 16] {
            let error = on_sim(seed, |rt| async move {
                let producers = merge([(); 4].map(|()| producer().buffer(buffer)));
                let running = producers.sink(consumer().buffer(buffer)).start_on(&rt);
                rt.sleep(units(2.0)).await;
                running.cancel().await.expect_err("it had not ended")
            });
            assert!(error.is_cancelled() && error.failures().is_empty(), "{error}");
            let report = error.report().expect("it was started");
            assert!(report.balances(), "{report}");
            assert_eq!(report.elapsed(), units(2.0), "seed {seed}, buffer {buffer}");
            let row = report.stage("consumer").expect("the sink has a row");
            assert_eq!((row.items_in, row.done), (row.done + row.abandoned, 14), "seed {seed}, buffer {buffer}");
            if buffer == 16 {
                assert_eq!((row.items_in, row.done, row.abandoned), (24, 14, 10), "seed {seed}");
            }
        }
    }
}

/// Counts the polls of `future`.
async fn polled<F: Future>(polls: &AtomicUsize, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        polls.fetch_add(1, SeqCst);
        future.as_mut().poll(cx)
    })
    .await
}

#[source]
async fn endless(witness: &Witness, polls: &AtomicUsize, guards: &Guards, out: Out<Item>) {
    let _guard = guards.enter();
    for id in 0.. {
        polled(polls, taktline::yield_now()).await;
        out.send(witness.item(id)).await;
    }
}

#[stage]
async fn busy(item: Item, polls: &AtomicUsize, guards: &Guards) -> Item {
    let _guard = guards.enter();
    for _ in 0..3 {
        polled(polls, taktline::sleep(MS)).await;
    }
    item
}

/// Endless flows whose items, polls and bodies are counted.
#[derive(Clone, Default)]
struct Endless {
    witness: Arc<Witness>,
    polls: Arc<AtomicUsize>,
    guards: Arc<Guards>,
}

impl Endless {
    fn flow(&self) -> BoxFlow<Item> {
        let source = || endless(self.witness.clone(), self.polls.clone(), self.guards.clone());
        let stage = || busy(self.polls.clone(), self.guards.clone());
        let pooled = source().then(stage().concurrency(3)).then(stage().concurrency(2).unordered());
        merge([pooled.boxed(), source().then(stage()).flat_map(|item| [item.clone(), item]).boxed()]).boxed()
    }

    /// Asserts that nothing is left of a run that was just dropped, and that no body is polled.
    async fn is_gone(&self, rt: &Rt, tasks: &Tasks) {
        if rt.name() == "sim" {
            assert!(self.guards.made() > 0 && self.polls.load(SeqCst) > 0, "the run had begun");
        } else {
            // Another thread may be in a poll that had begun before.
            rt.sleep(MS * 20).await;
        }
        let polls = self.polls.load(SeqCst);
        rt.sleep(MS * 10).await;
        assert_eq!(self.polls.load(SeqCst), polls, "a body was polled after the drop");
        let limit = rt.now() + Duration::from_secs(10);
        while tasks.left() + self.witness.left() + self.guards.left() > 0 {
            let left = (tasks.left(), self.witness.left(), self.guards.left());
            assert!(rt.now() < limit, "tasks, items and bodies that are left: {left:?}");
            rt.sleep(MS).await;
        }
    }
}

#[test]
fn a_dropped_run_is_gone() {
    everywhere(|rt| async move {
        let (rt, tasks) = counted(rt);
        for wait in 0..5 {
            let endless = Endless::default();
            let running = endless.flow().sink(|item: Item| async move { drop(item) }).start_on(&rt);
            rt.sleep(MS * (2 * wait + 1)).await;
            assert!(!running.is_over());
            drop(running);
            endless.is_gone(&rt, &tasks).await;
        }
    });
}

#[test]
fn a_run_whose_time_is_over_is_gone() {
    everywhere(|rt| async move {
        let (rt, tasks) = counted(rt);
        for wait in 0..5 {
            let endless = Endless::default();
            let run = endless.flow().count().run_on(&rt);
            assert!(taktline::timeout(MS * (2 * wait + 1), run).await.is_err());
            endless.is_gone(&rt, &tasks).await;
        }
    });
}

#[test]
fn a_started_flow_that_is_dropped_in_its_loop_is_gone() {
    everywhere(|rt| async move {
        let (rt, tasks) = counted(rt);
        for reads in 0..5 {
            let endless = Endless::default();
            let mut xs = endless.flow().start_on(&rt);
            rt.sleep(MS * 2).await;
            for _ in 0..reads {
                assert!(xs.next().await.expect("nothing fails").is_some());
            }
            drop(xs);
            endless.is_gone(&rt, &tasks).await;
        }
    });
}

#[test]
fn a_cancelled_run_is_gone_when_the_cancel_returns() {
    everywhere(|rt| async move {
        for wait in 0..5 {
            let endless = Endless::default();
            let running = endless.flow().count().start_on(&rt);
            rt.sleep(MS * (2 * wait + 1)).await;
            let error = running.cancel().await.expect_err("it had not ended");
            let (polls, items) = (endless.polls.load(SeqCst), endless.witness.left());
            assert_eq!((endless.guards.left(), items), (0, 0), "guards and items are dropped before it returns");
            assert!(rt.name() != "sim" || endless.guards.made() > 0, "the run had begun");
            assert!(error.is_cancelled());
            let report = error.report().expect("it was started");
            assert!(report.balances(), "{report}");
            rt.sleep(MS * 5).await;
            assert_eq!(endless.polls.load(SeqCst), polls);
        }
    });
}

#[test]
fn a_cancelled_loop_is_gone_when_the_cancel_returns() {
    everywhere(|rt| async move {
        let endless = Endless::default();
        let mut xs = endless.flow().start_on(&rt);
        for _ in 0..3 {
            assert!(xs.next().await.expect("nothing fails").is_some());
        }
        let error = xs.cancel().await.expect_err("it had not ended");
        assert_eq!((endless.guards.left(), endless.witness.left()), (0, 0));
        assert!(error.is_cancelled());
        let report = error.report().expect("it was started");
        assert!(report.balances(), "{report}");
        assert_eq!(report.stage("next").expect("the loop has a row").done, 3);
    });
}

#[test]
fn a_cancel_of_a_run_that_is_over_gives_its_value() {
    everywhere(|rt| async move {
        let running = iter(0..10u64).then(|x| async move { x + 1 }).collect::<Vec<_>>().start_on(&rt);
        running.wait().await;
        assert!(running.is_over());
        let done = running.cancel().await.expect("it had ended");
        assert!(done.report.balances(), "{}", done.report);
        assert_eq!(done.value, (1..=10).collect::<Vec<_>>());
        let mut xs = iter(0..3u64).start_on(&rt);
        while xs.next().await.expect("nothing fails").is_some() {}
        let report = xs.cancel().await.expect("it had ended");
        assert!(report.balances(), "{report}");
    });
}

#[stage]
async fn twice(item: Item, guards: &Guards, out: Out<Item>) {
    let _guard = guards.enter();
    out.send(item.clone()).await;
    out.send(item).await;
}

#[source]
async fn items(witness: &Witness, guards: &Guards, out: Out<Item>) {
    let _guard = guards.enter();
    for id in 0..50 {
        out.send(witness.item(id)).await;
    }
}

#[test]
fn a_cancel_cuts_a_body_that_waits_in_a_send() {
    everywhere(|rt| async move {
        for workers in [1, 3] {
            for ends_by_drop in [false, true] {
                let (rt, tasks) = counted(rt.clone());
                let (witness, guards) = (Arc::new(Witness::new()), Arc::new(Guards::default()));
                let stage = twice(guards.clone()).concurrency(workers).buffer(1);
                let xs = items(witness.clone(), guards.clone()).then(stage).buffer(1).start_on(&rt);
                // Nobody reads: the source and the stage wait for room.
                while guards.left() < 2 {
                    rt.sleep(MS).await;
                }
                rt.sleep(MS * 3).await;
                assert!(guards.left() >= 2, "the source and a body are in a send");
                if ends_by_drop {
                    drop(xs);
                    while tasks.left() > 0 {
                        rt.sleep(MS).await;
                    }
                } else {
                    let error = xs.cancel().await.expect_err("it had not ended");
                    assert!(error.is_cancelled());
                    let report = error.report().expect("it was started");
                    assert!(report.balances(), "{report}");
                }
                assert_eq!((guards.left(), witness.left()), (0, 0));
            }
        }
    });
}

#[test]
fn guards_in_bodies_run_at_a_cancel() {
    for seed in 0..100 {
        for workers in [1, 4] {
            let guards = Arc::new(Guards::default());
            let seen = guards.clone();
            on_sim(seed, |rt| {
                let stage = held_long(guards.clone()).concurrency(workers);
                async move {
                    let running = iter(0..100u64).then(stage).count().start_on(&rt);
                    rt.sleep(UNIT).await;
                    assert!(running.cancel().await.is_err_and(|error| error.is_cancelled()));
                }
            });
            assert_eq!((seen.made(), seen.left()), (workers, 0), "seed {seed}");
        }
    }
}

#[stage]
async fn held_long(x: u64, guards: &Guards) -> u64 {
    let _guard = guards.enter();
    taktline::sleep(UNIT * 1000).await;
    x
}

#[stage]
async fn total(input: In<u64>, out: Out<u64>) {
    let mut items = 0;
    while input.next().await.is_some() {
        items += 1;
    }
    out.send(items).await;
}

#[test]
fn a_cancel_is_no_end_of_the_input() {
    for seed in 0..100 {
        on_sim(seed, |rt| async move {
            let slow = stage(|x: u64| async move {
                taktline::sleep(UNIT).await;
                x
            });
            let seen = Arc::new(AtomicUsize::new(0));
            let totals = seen.clone();
            let flow = iter(0..100u64).then(slow).then(total());
            let running = flow
                .for_each(move |_| {
                    totals.fetch_add(1, SeqCst);
                })
                .start_on(&rt);
            rt.sleep(UNIT * 7 / 2).await;
            let error = running.cancel().await.expect_err("it had not ended");
            assert!(error.is_cancelled());
            assert_eq!(seen.load(SeqCst), 0, "seed {seed}: a total of a part");
        });
    }
}

#[test]
fn a_cancel_stops_an_iterator_that_never_ends() {
    everywhere(|rt| async move {
        let running = iter(0..1u64).flat_map(|_| 0u64..).count().start_on(&rt);
        // Yields, since virtual time stands still while a task is ready.
        for _ in 0..100 {
            taktline::yield_now().await;
        }
        let error = running.cancel().await.expect_err("it never ends");
        assert!(error.report().is_some_and(|report| report.balances()));
    });
}

#[test]
fn all_who_wait_for_a_run_are_told() {
    everywhere(|rt| async move {
        let slow = stage(|x: u64| async move {
            taktline::sleep(Duration::from_millis(5)).await;
            x
        });
        let running = Arc::new(iter(0..3u64).then(slow).count().start_on(&rt));
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let running = running.clone();
                rt.spawn(async move { running.wait().await })
            })
            .collect();
        for task in waiting {
            task.await.expect("it is woken");
        }
        let running = Arc::into_inner(running).expect("nobody else has it");
        assert_eq!(running.join().await.expect("nothing fails").value, 3);
    });
}

struct Deaf;

impl std::task::Wake for Deaf {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_wait_that_is_given_up_leaves_no_waker() {
    on_sim(1, |rt| async move {
        let running = iter(0..3u64)
            .then(|x| async move {
                taktline::sleep(UNIT).await;
                x
            })
            .count()
            .start_on(&rt);
        let deaf = Arc::new(Deaf);
        let waker = std::task::Waker::from(deaf.clone());
        assert!(pin!(running.wait()).poll(&mut std::task::Context::from_waker(&waker)).is_pending());
        drop(waker);
        assert_eq!(Arc::strong_count(&deaf), 1);
        assert_eq!(running.join().await.expect("nothing fails").value, 3);
    });
}
