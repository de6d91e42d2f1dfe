//! `group_by` gives each key a flow of its own, forgets idle keys, and never stops in silence when there are too many.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use taktline::lineage::Ticket;
use taktline::op::{Branch, KeysFull};
use taktline::prelude::*;
use taktline::sim::{End, Fault, audit, explore, marbles};
use tests::{Item, UNIT, Witness, everywhere, on_sim};

const LONG: Duration = Duration::from_secs(3600);

/// A key and a number.
type Numbered = (u64, u64);

fn numbered(items: u64, keys: u64) -> BoxFlow<Numbered> {
    iter(0..items).map(move |x| (x * x % 7 % keys, x)).boxed()
}

/// The numbers of each key, in the order in which they came.
fn by_key(items: impl IntoIterator<Item = Numbered>) -> BTreeMap<u64, Vec<u64>> {
    let mut keys = BTreeMap::<_, Vec<_>>::new();
    items.into_iter().for_each(|(key, x)| keys.entry(key).or_default().push(x));
    keys
}

#[test]
fn items_of_a_key_keep_their_order_from_one_flow_of_it_to_the_next() {
    everywhere(|rt| async move {
        for max_keys in [1, 2, 9] {
            let work = stage(|(key, x): Numbered| async move {
                taktline::sleep(Duration::from_micros(300 * (x % 3))).await;
                (key, x)
            });
            let flow = numbered(60, 5).group_by(|(key, _)| *key, max_keys, Duration::from_millis(2)).wait_when_full();
            let flow = flow.to(move |_, f| f.buffer(1).then(work.clone()));
            let done = flow.buffer(1).collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
            audit(&done.report);
            let expected = by_key((0..60).map(|x| (x * x % 7 % 5, x)));
            assert_eq!(by_key(done.value), expected, "{max_keys} keys");
        }
    });
}

/// How many flows there are, and how many there were at most.
#[derive(Clone, Default)]
struct Open {
    now: Arc<AtomicUsize>,
    peak: Arc<AtomicUsize>,
}

impl Open {
    fn one(&self) -> Opened {
        self.peak.fetch_max(self.now.fetch_add(1, SeqCst) + 1, SeqCst);
        Opened(self.now.clone())
    }
}

/// Counts until its flow has dropped it.
struct Opened(Arc<AtomicUsize>);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[test]
fn there_are_never_more_flows_than_keys_allowed_and_as_many_are_reached() {
    for seed in 0..100 {
        for max_keys in [1, 2, 3] {
            on_sim(seed, |rt| async move {
                let open = Open::default();
                let counts = open.clone();
                // A flow that takes longer to end than its key takes to be idle.
                let slow = |x: Numbered| async move {
                    taktline::sleep(UNIT * (1 + x.1 as u32 % 9)).await;
                    x
                };
                let flow = numbered(40, 5).group_by(|(key, _)| *key, max_keys, UNIT * 2).wait_when_full();
                let flow = flow.to(move |_, f| {
                    let opened = Arc::new(counts.one());
                    f.then(slow).inspect(move |_| assert!(opened.0.load(SeqCst) > 0))
                });
                let done = flow.collect::<Vec<_>>().run_on(&rt).await.expect("nothing fails");
                audit(&done.report);
                assert_eq!(done.value.len(), 40);
                assert_eq!((open.peak.load(SeqCst), open.now.load(SeqCst)), (max_keys, 0), "seed {seed}");
            });
        }
    }
}

#[test]
fn one_key_too_many_fails_behind_what_came_before_it() {
    for seed in 0..50 {
        on_sim(seed, |rt| async move {
            let (batches, seen) = std::sync::mpsc::channel();
            let keyed = iter([1u64, 2, 1, 2, 1, 3, 1]).group_by(|x| *x, 2, LONG);
            // The last batch of 1 is open when 3 comes.
            let plan = keyed.to(|_, f| f.batch(2)).for_each(move |batch| batches.send(batch).expect("it is read"));
            let error = plan.run_on(&rt).await.expect_err("3 is one too many");
            let item = error.first().and_then(|failure| failure.item());
            assert_eq!((error.stage(), item), (Some("group_by"), Some(5)), "{error:?}");
            assert_eq!(error.downcast_ref::<KeysFull>().map(KeysFull::max_keys), Some(2));
            let report = error.report().expect("it was started");
            audit(report);
            let row = report.stage("group_by").expect("it has a row");
            assert_eq!((row.done, row.failed, row.items_out), (5, 1, 5), "{report}");
            let mut seen: Vec<_> = seen.iter().collect();
            seen.sort();
            assert_eq!(seen, [vec![1], vec![1, 1], vec![2, 2]], "seed {seed}");
        });
    }
}

#[test]
fn a_key_that_was_idle_makes_room_for_another_one() {
    // Each letter comes when the one before it has been idle for long enough.
    let flow =
        |input: &str| marbles::flow(input).group_by(|x| *x, 1, UNIT * 3).to(|_, f| f.batch(9)).map(String::from_iter);
    marbles::check(|| flow("a----b----a|"), "---a----b--(a|)");
    marbles::check(|| flow("a-b"), "--(a#)");
    let waits = |input: &str| {
        let keyed = marbles::flow(input).group_by(|x| *x, 1, UNIT * 3).wait_when_full();
        keyed.to(|_, f| f.batch(9)).map(String::from_iter)
    };
    marbles::check(|| waits("a-ba|"), "---a--(ba|)");
}

#[test]
fn a_flow_that_is_still_ending_is_waited_for_also_where_one_key_too_many_fails() {
    let slow = |x: char| async move {
        taktline::sleep(UNIT * 9).await;
        x
    };
    let flow = || marbles::flow("a----b|").group_by(|x| *x, 1, UNIT * 3).to(move |_, f| f.then(slow));
    marbles::check(flow, "---------a--------(b|)");
}

#[test]
fn a_key_in_use_is_not_forgotten() {
    let flow = || marbles::flow("a-a-a-a|").group_by(|x| *x, 1, UNIT * 3).to(|_, f| f.batch(9)).map(String::from_iter);
    marbles::check(flow, "-------([aaaa]|)");
}

#[test]
fn what_a_flow_that_ended_early_does_not_take_is_abandoned_until_its_key_is_idle() {
    let flow = || marbles::flow("aaa-a------a-|").group_by(|x| *x, 9, UNIT * 4).to(|_, f| f.take(1));
    marbles::check(flow, "a----------a-|");
    let done = taktline::sim::run(1, iter([7u64; 5]).group_by(|x| *x, 9, UNIT).to(|_, f| f.take(2)).count().run());
    let done = done.expect("nothing fails");
    audit(&done.report);
    let row = done.report.stage("group_by").expect("it has a row");
    assert_eq!((done.value, row.done, row.abandoned), (2, 2, 3), "{}", done.report);
}

#[stage]
async fn refuse(x: Numbered) -> Result<Numbered, String> {
    if x == (1, 4) { Err("4 is bad".to_owned()) } else { Ok(x) }
}

#[test]
fn a_flow_that_fails_fails_the_run_and_the_others_finish_what_they_have() {
    for seed in 0..50 {
        on_sim(seed, |rt| async move {
            let (sends, seen) = std::sync::mpsc::channel();
            let slow = |x: Numbered| async move {
                taktline::sleep(UNIT * 9).await;
                x
            };
            let items = [(0, 0), (1, 1), (0, 2), (1, 3), (1, 4)];
            let open = iter(items).chain(iter([(0, 5)]).then(slow)).chain(after(LONG).map(|()| (9, 9)));
            let flow = open.group_by(|(key, _)| *key, 9, LONG).to(move |key, f| match key {
                0 => f.then(slow),
                _ => f.then(refuse()),
            });
            let error = flow.for_each(move |x| sends.send(x).expect("it is read")).run_on(&rt).await;
            let error = error.expect_err("4 is refused");
            assert_eq!(error.stage(), Some("group_by"), "{error:?}");
            let inner = error.downcast_ref::<taktline::Error>().expect("it is that of the inner run");
            assert_eq!(inner.to_string(), "stage `refuse` failed on item 2: 4 is bad");
            let report = error.report().expect("it was started");
            audit(report);
            assert!(report.elapsed() < LONG, "nobody waits for the source");
            let seen = by_key(seen.iter());
            assert_eq!((&seen[&0], &seen[&1]), (&vec![0, 2], &vec![1, 3]), "seed {seed}");
        });
    }
}

#[test]
fn closures_that_panic_fail_the_run() {
    let key = |x: &u64| if *x == 3 { panic!("no key") } else { *x };
    let branch = |key: u64, f: Branch<u64>| if key == 3 { panic!("no flow") } else { f };
    let plans = [
        iter(0..9u64).group_by(key, 9, UNIT).to(|_, f| f).count(),
        iter(0..9u64).group_by(|x| *x, 9, UNIT).to(branch).count(),
    ];
    for plan in plans {
        let error = taktline::sim::run(1, plan.run()).expect_err("it panics");
        assert_eq!((error.stage(), error.is_panic()), (Some("group_by"), true), "{error:?}");
        let report = error.report().expect("it was started");
        audit(report);
        let row = report.stage("group_by").expect("it has a row");
        assert_eq!((row.done, row.failed), (3, 1), "{report}");
    }
}

#[test]
fn a_closure_in_a_flow_of_a_key_that_panics_is_to_blame() {
    let flow = iter(0..9u64).group_by(|x| *x % 2, 9, UNIT).to(|_, f| f.map(|x| 1 / (3 - x)));
    let error = taktline::sim::run(1, flow.count().run()).expect_err("3 - 3 is zero");
    assert_eq!((error.stage(), error.is_panic()), (Some("map"), true), "{error:?}");
    audit(error.report().expect("it was started"));
}

#[test]
fn plans_that_cannot_run_say_so() {
    let plans = [
        iter(0..9u64).group_by(|x| *x, 0, UNIT).to(|_, f| f).count(),
        iter(0..9u64).group_by(|x| *x, 9, Duration::ZERO).to(|_, f| f).count(),
    ];
    for plan in plans {
        let error = taktline::sim::run(1, plan.run()).expect_err("it cannot run");
        assert!(error.is_invalid() && error.to_string().contains("group_by"), "{error}");
    }
    // What a flow of a key is made of is known when the key comes.
    type Closure = fn(u64, Branch<u64>) -> BoxFlow<u64>;
    let inner: [Closure; 2] = [|_, f| f.batch(0).unbatch().boxed(), |_, _| iter([1u64]).boxed()];
    for branch in inner {
        let plan = iter(0..9u64).group_by(|x| *x, 9, UNIT).to(branch).count();
        let error = taktline::sim::run(1, plan.run()).expect_err("it cannot run");
        let inner = error.downcast_ref::<taktline::Error>().expect("it is that of the inner run");
        assert_eq!((error.stage(), inner.is_invalid()), (Some("group_by"), true), "{error:?}");
        audit(error.report().expect("it was started"));
    }
}

#[test]
fn flows_of_keys_end_with_whatever_ends_the_run() {
    explore(0..400, |case| async move {
        let witness = Witness::new();
        let (items, max_keys) = (case.draw(0..=20), case.size());
        let make = witness.clone();
        let work = stage(|item: Item| async move {
            taktline::sleep(UNIT * (item.id as u32 % 3)).await;
            item
        });
        let (concurrency, buffer) = (case.size(), case.size());
        let keyed = iter(0..items).map(move |id| make.item(id)).buffer(case.size());
        let keyed = keyed.group_by(|item| item.id % 4, max_keys, UNIT).wait_when_full();
        let flow = keyed.to(move |_, f| f.then(work.clone().concurrency(concurrency).buffer(buffer)));
        match case.run(flow.buffer(case.size()).map(|item| item.id).collect::<Vec<_>>()).await {
            End::Well(done) => {
                let mut seen = done.value;
                seen.sort_unstable();
                assert_eq!(seen, (0..items).collect::<Vec<_>>(), "{}", done.report);
            }
            End::Failed(error) => assert!(error.is_cancelled() && case.has(Fault::Cancel), "{error:?}"),
            End::Dropped => return,
        }
        assert_eq!(witness.left(), 0);
    });
}

#[test]
fn a_drain_gives_what_open_batches_hold() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let flow = interval(UNIT).group_by(|x| *x % 3, 3, LONG).to(|_, f| f.batch(100));
            let running = flow.unbatch().collect::<Vec<_>>().start_on(&rt);
            taktline::sleep(UNIT * 10 + UNIT / 2).await;
            let mut done = running.drain(UNIT).await.expect("it ends in time");
            done.value.sort_unstable();
            assert_eq!(done.value, (0..10).collect::<Vec<_>>(), "seed {seed}");
            audit(&done.report);
        });
    }
}

#[test]
fn no_key_starves_beside_a_busy_one_and_a_full_one() {
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let slow = |x: Numbered| async move {
                taktline::sleep(UNIT).await;
                x
            };
            // Each flow has always something: three come for one that goes.
            let ready = iter(0..300u64).map(|x| (x % 3, x)).group_by(|(key, _)| *key, 3, LONG);
            let flow = ready.to(|_, f| f.flat_map(|x| [x; 3]).buffer(4));
            let read = flow.then(stage(slow).buffer(1)).take(90).collect::<Vec<_>>();
            let keys = by_key(read.run_on(&rt).await.expect("nothing fails").value);
            assert!(keys.len() == 3 && keys.values().all(|items| items.len() >= 27), "seed {seed}: {keys:?}");
            // A flow that stands still keeps the others back only when its edge is full.
            let work = |x: Numbered| async move {
                taktline::sleep(if x.0 == 0 { LONG } else { UNIT }).await;
                x
            };
            let flow = iter(0..40u64).map(|x| (u64::from(x % 4 != 0), x)).group_by(|(key, _)| *key, 2, LONG);
            let flow = flow.to(move |_, f| f.then(stage(work).buffer(9)));
            let begin = rt.now();
            let others = flow.filter(|(key, _)| *key == 1).take(29).count().run_on(&rt).await.expect("nothing fails");
            assert_eq!((others.value, rt.now().duration_since(begin)), (29, UNIT * 29), "seed {seed}");
        });
    }
}

#[test]
fn receipts_settle_when_what_was_made_of_their_items_has_left() {
    let (receipts, kept) = std::sync::mpsc::channel();
    let ticket = move |_: &u64| {
        let (ticket, receipt) = Ticket::new();
        receipts.send(receipt).expect("it is read");
        ticket
    };
    let peak = Arc::new(Mutex::new((0usize, 0usize)));
    let (enters, leaves) = (peak.clone(), peak.clone());
    let enter = move |x: u64| {
        let mut peak = enters.lock().expect("nothing panics");
        peak.0 += 1;
        peak.1 = peak.0.max(peak.1);
        x
    };
    let work = |x: u64| async move {
        taktline::sleep(UNIT).await;
        x
    };
    let flow = iter(0..20u64).tracked(ticket).max_in_flight(4).map(enter).group_by(|x| *x % 5, 5, LONG);
    let flow = flow.to(move |_, f| f.then(work)).map(move |x| {
        leaves.lock().expect("nothing panics").0 -= 1;
        x
    });
    let done = taktline::sim::run(1, flow.count().run()).expect("nothing fails");
    assert_eq!((done.value, peak.lock().expect("nothing panics").1), (20, 4));
    assert!(kept.iter().all(|receipt| receipt.is_settled()));
}

#[test]
fn a_plan_tells_its_keys_before_it_runs() {
    let plan = iter(0..9u64).buffer(3).group_by(|x| *x, 7, UNIT).to(|_, f| f.then(|x| async move { x })).count();
    let told = plan.describe().to_string();
    assert!(told.contains("up to 7 keys, each until it is idle for 1s; one more fails"), "{told}");
    assert!(told.contains("-> merge") && told.contains("group_by (split)"), "{told}");
    // The edge, one in the hand of each of source, split and join; the flows of the keys are not known.
    assert_eq!(plan.bound(), 3 + 3);
}
