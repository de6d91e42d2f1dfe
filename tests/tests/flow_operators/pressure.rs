//! What is thrown away, put together or kept out where there is no room: exactly as a plain simulation of it says.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use taktline::OnFull;
use taktline::error::Overflow;
use taktline::lineage::Ticket;
use taktline::prelude::*;
use taktline::sim::{End, Fault, audit, explore, marbles};
use tests::{UNIT, Witness, on_sim};

use crate::input::{Input, send};
use crate::is_in_the_guide;

/// How long the reader needs for an item: it never is ready at an instant at which an item comes.
const SERVICE: u64 = 7300;

/// A buffer of so many places before an edge of one place, and a reader.
struct Model {
    places: usize,
    held: VecDeque<String>,
    edge: Option<String>,
    /// When the item in work is done.
    done_at: Option<u64>,
    read: Vec<String>,
    dropped: u64,
}

impl Model {
    fn new(places: usize) -> Model {
        Model { places, held: VecDeque::new(), edge: None, done_at: None, read: Vec::new(), dropped: 0 }
    }

    /// Everything that happens before `now`.
    fn run_until(&mut self, now: u64) {
        while let Some(done_at) = self.done_at.filter(|done_at| *done_at < now) {
            self.done_at = None;
            let waited = self.edge.take();
            self.start(done_at, waited);
            self.edge = self.held.pop_front();
        }
    }

    fn start(&mut self, now: u64, item: Option<String>) {
        if let Some(item) = item {
            self.read.push(item);
            self.done_at = Some(now + SERVICE);
        }
    }

    /// False if there is no room.
    fn add(&mut self, now: u64, item: &str) -> bool {
        self.run_until(now);
        if self.done_at.is_none() {
            self.start(now, Some(item.to_owned()));
        } else if self.edge.is_none() {
            self.edge = Some(item.to_owned());
        } else if self.held.len() < self.places {
            self.held.push_back(item.to_owned());
        } else {
            return false;
        }
        true
    }
}

/// Items that come one at a time.
fn spread(random: impl FnMut() -> u64) -> Input {
    let mut input = Input::draw(random);
    let mut last = 0;
    for (at, _) in &mut input.events {
        *at = (*at).max(last + 2) | 1;
        last = *at;
    }
    input.end = input.end.max(last + 2);
    input
}

async fn serve(text: String) -> String {
    taktline::sleep(Duration::from_millis(SERVICE)).await;
    text
}

/// What a reader gets behind `flow`, and what was dropped before it.
async fn read(rt: &taktline::Rt, flow: BoxFlow<String>, row: &str) -> (Vec<String>, u64) {
    let done = flow.then(stage(serve).buffer(1)).collect::<Vec<_>>().run_on(rt).await.expect("nothing fails");
    audit(&done.report);
    let row = done.report.stage(row).expect("it has a row");
    assert_eq!(row.items_in, row.done + row.dropped, "{}", done.report);
    (done.value, row.dropped)
}

#[test]
fn policies_throw_away_exactly_what_they_say() {
    for seed in 0..200 {
        on_sim(seed, |rt| async move {
            let input = spread(|| rt.random());
            let places = 1 + (rt.random() % 3) as usize;
            let texts = || send(input.clone(), false).map(String::from);
            for policy in [OnFull::DropOldest, OnFull::DropNewest] {
                let mut model = Model::new(places);
                for (at, letter) in &input.events {
                    if !model.add(at * 1000, &letter.to_string()) {
                        model.dropped += 1;
                        if policy == OnFull::DropOldest {
                            model.held.pop_front();
                            model.held.push_back(letter.to_string());
                        }
                    }
                }
                model.run_until(u64::MAX);
                let seen = read(&rt, texts().buffer(places).on_full(policy).boxed(), "buffer").await;
                assert_eq!(seen, (model.read, model.dropped), "seed {seed}, {policy:?} {places}: {input:?}");
            }
        });
    }
}

#[test]
fn latest_and_conflate_keep_one_of_those_that_found_no_room() {
    for seed in 0..200 {
        on_sim(seed, |rt| async move {
            let input = spread(|| rt.random());
            let texts = || send(input.clone(), false).map(String::from);
            let (mut newest, mut joined) = (Model::new(1), Model::new(1));
            for (at, letter) in &input.events {
                let letter = letter.to_string();
                if !newest.add(at * 1000, &letter) {
                    newest.dropped += 1;
                    newest.held = VecDeque::from([letter.clone()]);
                }
                if !joined.add(at * 1000, &letter) {
                    joined.held[0] += &letter;
                }
            }
            newest.run_until(u64::MAX);
            joined.run_until(u64::MAX);
            let seen = read(&rt, texts().latest().boxed(), "latest").await;
            assert_eq!(seen, (newest.read, newest.dropped), "seed {seed}: {input:?}");
            let conflated = texts().conflate(|made, next| made + &next).boxed();
            assert_eq!(read(&rt, conflated, "conflate").await, (joined.read, 0), "seed {seed}: {input:?}");
        });
    }
}

#[test]
fn a_full_buffer_fails_once_what_waits_in_it_has_moved_on() {
    for seed in 0..200 {
        on_sim(seed, |rt| async move {
            let input = spread(|| rt.random());
            let mut model = Model::new(2);
            let refused = input.events.iter().position(|(at, letter)| !model.add(at * 1000, &letter.to_string()));
            model.run_until(u64::MAX);
            let (seen, texts) = (Arc::new(std::sync::Mutex::new(Vec::new())), send(input.clone(), false));
            let note = seen.clone();
            let flow = texts.map(String::from).buffer(2).on_full(OnFull::Fail).then(stage(serve).buffer(1));
            let plan = flow.for_each(move |text| note.lock().expect("nothing panics").push(text));
            match plan.run_on(&rt).await {
                Ok(done) => assert_eq!(refused, None, "{}", done.report),
                Err(error) => {
                    assert!(error.downcast_ref::<Overflow>().is_some(), "{error:?}");
                    let item = error.first().and_then(|failure| failure.item());
                    assert_eq!((error.stage(), item), (Some("buffer"), refused.map(|at| at as u64)));
                    let report = error.report().expect("it was started");
                    audit(report);
                    assert_eq!(report.stage("buffer").map(|row| row.failed), Some(1));
                }
            }
            assert_eq!(*seen.lock().expect("nothing panics"), model.read, "seed {seed}: {input:?}");
        });
    }
}

#[test]
fn an_overflow_whose_turn_does_not_come_fails_no_run() {
    for seed in 0..50 {
        on_sim(seed, |rt| async move {
            let full = iter(0..9u64).map(|x| x.to_string()).buffer(2).on_full(OnFull::Fail);
            let plan = full.take(3).then(stage(serve).buffer(1)).collect::<Vec<_>>();
            let done = plan.run_on(&rt).await.expect("enough was taken before the overflow");
            audit(&done.report);
            assert_eq!(done.value, ["0", "1", "2"], "seed {seed}");
        });
    }
}

#[test]
fn a_policy_that_waits_is_no_policy() {
    let plain = iter(0..9u64).buffer(3).then(|x| async move { x }).count();
    let waits = iter(0..9u64).buffer(3).on_full(OnFull::Wait).then(|x| async move { x }).count();
    assert_eq!((plain.bound(), waits.bound()), (5, 5));
    let report = taktline::sim::run(1, waits.run()).expect("nothing fails").report;
    assert!(report.stage("buffer").is_none(), "{report}");
    let zero = taktline::sim::run(1, iter(0..9u64).buffer(0).on_full(OnFull::Fail).count().run());
    assert!(zero.expect_err("there is no place").is_invalid());
}

#[test]
fn what_is_upstream_of_a_policy_never_waits() {
    let stuck = |x: u64| async move {
        sleep(UNIT * 1000).await;
        x
    };
    for seed in 0..20 {
        on_sim(seed, |rt| async move {
            let flows = [
                interval(UNIT).latest().boxed(),
                interval(UNIT).conflate(|a, _| a).boxed(),
                interval(UNIT).buffer(2).on_full(OnFull::DropNewest).boxed(),
                interval(UNIT).latest().flat_map(|x| [x; 50]).boxed(),
            ];
            for flow in flows {
                let running = flow.then(stage(stuck).buffer(1)).count().start_on(&rt);
                sleep(UNIT * 100 + UNIT / 2).await;
                let report = running.report().expect("it was started");
                assert_eq!(report.stage("interval").map(|row| row.items_out), Some(100), "{report}");
                drop(running);
            }
        });
    }
}

/// Of so many in flight.
fn counted(now: &Arc<AtomicUsize>, peak: &Arc<AtomicUsize>) -> impl Fn(u64) -> InFlight + Clone + use<> {
    let (now, peak) = (now.clone(), peak.clone());
    move |id| {
        peak.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        InFlight { id, now: now.clone() }
    }
}

struct InFlight {
    id: u64,
    now: Arc<AtomicUsize>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.now.fetch_sub(1, SeqCst);
    }
}

#[stage(concurrency = 4)]
async fn works(item: InFlight) -> InFlight {
    taktline::sleep(UNIT * (1 + item.id as u32 % 3)).await;
    item
}

#[test]
fn no_more_are_in_flight_than_allowed_and_as_many_are() {
    for seed in 0..50 {
        for n in [1, 2, 5] {
            on_sim(seed, |rt| async move {
                let (now, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
                let begin = counted(&now, &peak);
                let flow = iter(0..40u64).max_in_flight(n).map(begin).then(works()).then(works().unordered());
                let slow = |item: InFlight| async move { taktline::sleep(UNIT * (item.id as u32 % 2)).await };
                let done = flow.sink(slow).run_on(&rt).await.expect("nothing fails");
                audit(&done.report);
                assert_eq!((peak.load(SeqCst), now.load(SeqCst)), (n, 0), "seed {seed}");
                assert_eq!(done.report.stage("sink").map(|row| row.done), Some(40));
            });
        }
    }
}

#[test]
fn an_item_leaves_when_all_that_was_made_of_it_has_left() {
    let seconds = |x: u64| async move {
        taktline::sleep(UNIT).await;
        x
    };
    let flow = || marbles::flow("(abc)|").max_in_flight(1);
    // Of each item three, one after the other.
    let three = || {
        flow().flat_map(|x| [x; 3]).then(move |x| async move {
            seconds(0).await;
            x
        })
    };
    marbles::check(three, "-aaabbbcc(c|)");
    // Those that are filtered out have left at once.
    marbles::check(|| flow().filter(|x| *x == 'c'), "c|");
    let held = || flow().batch_within(2, UNIT).map(String::from_iter);
    marbles::check(held, "-a(bc|)");
}

#[test]
fn a_limit_looks_as_its_diagram_shows() {
    let picture = ("(abcdef)|", "----(ab)---(cd)---(ef|)");
    let slow = |x: char| async move {
        taktline::sleep(UNIT * 4).await;
        x
    };
    let flow = |diagram: &str| marbles::flow(diagram).max_in_flight(2).then(stage(slow).concurrency(9));
    marbles::check(|| flow(picture.0), picture.1);
    marbles::check(|| flow("(abc)#"), "----(ab)---(c#)");
    marbles::check(|| flow("a---").take(1), "----(a|)");
    is_in_the_guide("max_in_flight", picture);
}

#[test]
fn limits_within_limits_and_with_receipts_settle() {
    let (receipts, kept) = std::sync::mpsc::channel();
    let ticket = move |_: &u64| {
        let (ticket, receipt) = Ticket::new();
        receipts.send(receipt).expect("it is read");
        ticket
    };
    let inner = |x: u64| async move {
        sleep(UNIT).await;
        x
    };
    let flow = iter(0..20u64).tracked(ticket).max_in_flight(5).then(stage(inner).concurrency(9)).max_in_flight(2);
    let done = taktline::sim::run(1, flow.then(stage(inner).concurrency(9)).count().run()).expect("nothing fails");
    assert_eq!(done.value, 20);
    assert!(kept.iter().all(|receipt| receipt.is_settled()));
    let zero = taktline::sim::run(1, iter(0..9u64).max_in_flight(0).count().run());
    assert!(zero.expect_err("nothing would pass").is_invalid());
}

#[test]
fn a_limit_lets_go_whatever_ends_the_run() {
    explore(0..200, |case| async move {
        let witness = Witness::new();
        let items = case.draw(0..=30);
        let make = witness.clone();
        let slow = stage(|item: tests::Item| async move {
            sleep(UNIT * (item.id as u32 % 3)).await;
            item
        });
        let flow = iter(0..items).max_in_flight(case.size()).map(move |id| make.item(id));
        let pool = slow.concurrency(case.size()).buffer(case.size());
        match case.run(flow.then(pool).filter(|item| item.id % 4 != 0).count()).await {
            End::Well(done) => assert_eq!(done.value, (0..items).filter(|id| id % 4 != 0).count() as u64),
            End::Failed(error) => assert!(error.is_cancelled() && case.has(Fault::Cancel), "{error:?}"),
            End::Dropped => return,
        }
        assert_eq!(witness.left(), 0);
    });
}
