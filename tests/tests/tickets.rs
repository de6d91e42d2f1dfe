//! A ticket follows everything that is made from its item, through every operator, and settles with the last of it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use taktline::ledger::Report;
use taktline::lineage::{Receipt, Ticket};
use taktline::prelude::*;
use taktline::sim::Sim;
use taktline::stages::{BoxStage, Stage};
use tests::{everywhere, on_sim};

const _: () = assert!(size_of::<(u64, ())>() == 8, "a slot of an untracked edge is as large as its item");

const ITEMS: usize = 12;
const MS: Duration = Duration::from_millis(1);

/// What became of each item: how much is alive of what was made from it, and its receipt once it is tracked.
#[derive(Clone, Default)]
struct Book(Arc<Mutex<Vec<Entry>>>);

#[derive(Default)]
struct Entry {
    alive: Arc<AtomicUsize>,
    receipt: Option<Receipt>,
}

impl Book {
    fn live(&self) -> Live {
        let mut entries = self.0.lock().expect("no test panics with it");
        let alive = Arc::new(AtomicUsize::new(1));
        entries.push(Entry { alive: alive.clone(), receipt: None });
        Live { id: entries.len() - 1, alive }
    }

    fn ticket(&self, live: &Live) -> Ticket {
        let (ticket, receipt) = Ticket::new();
        self.0.lock().expect("no test panics with it")[live.id].receipt = Some(receipt);
        ticket
    }

    fn is_settled(&self, id: usize) -> bool {
        let entries = self.0.lock().expect("no test panics with it");
        entries[id].receipt.as_ref().is_some_and(Receipt::is_settled)
    }

    fn poll_settled(&self, id: usize, cx: &mut std::task::Context<'_>) -> Poll<()> {
        let mut entries = self.0.lock().expect("no test panics with it");
        match &mut entries[id].receipt {
            Some(receipt) => Pin::new(receipt).poll(cx),
            None => Poll::Ready(()),
        }
    }

    /// No receipt may be settled while anything made from its item is alive.
    fn look(&self, what: &str) {
        for (id, entry) in self.0.lock().expect("no test panics with it").iter().enumerate() {
            let is_settled = entry.receipt.as_ref().is_some_and(Receipt::is_settled);
            let alive = entry.alive.load(SeqCst);
            assert!(alive == 0 || !is_settled, "{what}: item {id} is settled, and {alive} of it are alive");
        }
    }

    /// Waits a while, and until something is tracked.
    async fn begun(&self, rt: &taktline::Rt) {
        rt.sleep(MS * 4).await;
        while self.0.lock().expect("no test panics with it").iter().all(|entry| entry.receipt.is_none()) {
            rt.sleep(MS).await;
        }
    }

    /// Waits until nothing is alive. A drop of a run waits for nobody.
    async fn gone(&self, rt: &taktline::Rt) {
        while self.0.lock().expect("no test panics with it").iter().any(|entry| {
            entry.alive.load(SeqCst) > 0 || entry.receipt.as_ref().is_some_and(|receipt| !receipt.is_settled())
        }) {
            rt.sleep(MS).await;
        }
    }

    /// The run has ended: all is settled, and something was tracked.
    fn close(&self, what: &str) {
        let entries = self.0.lock().expect("no test panics with it");
        let mut tracked = 0;
        for (id, entry) in entries.iter().enumerate() {
            assert_eq!(entry.alive.load(SeqCst), 0, "{what}: item {id} is alive");
            let Some(receipt) = &entry.receipt else { continue };
            assert!(receipt.is_settled(), "{what}: item {id} is not settled");
            tracked += 1;
        }
        assert!(tracked > 0, "{what}: nothing was tracked");
    }
}

/// Counts in its book until it is dropped, and so does each of its clones.
struct Live {
    id: usize,
    alive: Arc<AtomicUsize>,
}

impl Clone for Live {
    fn clone(&self) -> Live {
        self.alive.fetch_add(1, SeqCst);
        Live { id: self.id, alive: self.alive.clone() }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, SeqCst);
    }
}

#[source]
async fn made(book: Book, is_patient: bool, out: Out<Live>) {
    for i in 0..ITEMS {
        let live = book.live();
        let id = live.id;
        out.send(live).await;
        if is_patient {
            poll_fn(|cx| book.poll_settled(id, cx)).await;
        } else {
            sleep(MS * (i as u32 % 3)).await;
        }
    }
}

/// A tracked source. One that is patient sends an item only when the one before is settled.
fn tracked(book: &Book, is_patient: bool) -> BoxFlow<Live, Ticket> {
    let tickets = book.clone();
    made(book.clone(), is_patient).tracked(move |live| tickets.ticket(live)).boxed()
}

#[stage]
async fn slow(live: Live) -> Live {
    sleep(MS * (live.id as u32 % 4)).await;
    live
}

#[stage]
async fn three(live: Live, out: Out<Live>) {
    out.send(live.clone()).await;
    sleep(MS).await;
    out.send(live.clone()).await;
    out.send(live).await;
}

#[stage]
async fn none_or_one(live: Live, out: Out<Live>) {
    if live.id % 2 == 0 {
        out.send(live).await;
    }
}

#[stage]
async fn stream(input: In<Live>, out: Out<Live>) {
    while let Some(live) = input.next().await {
        sleep(MS).await;
        out.send(live).await;
    }
}

#[stage]
fn plain(live: Live) -> Live {
    live
}

#[stage(blocking)]
fn block(live: Live) -> Live {
    live
}

#[sink]
async fn slow_sink(live: Live, book: &Book) {
    assert!(!book.is_settled(live.id), "item {} is settled before it is read", live.id);
    sleep(MS * (live.id as u32 % 3)).await;
    assert!(!book.is_settled(live.id), "item {} is settled while it is read", live.id);
}

#[derive(Clone)]
struct Same;

impl Stage for Same {
    type In = Live;
    type Out = Live;

    async fn call(&mut self, live: Live, _: Out<'_, Live>) -> Result<Option<Live>, taktline::BoxError> {
        Ok(Some(live))
    }
}

type Way = fn(BoxFlow<Live, Ticket>) -> BoxFlow<Live, Ticket>;

/// Everything through which an item may pass. The ways marked true let an item go before they are given the next.
const WAYS: [(&str, bool, Way); 30] = [
    ("map", true, |flow| flow.map(|live| live).boxed()),
    ("filter", true, |flow| flow.filter(|live| live.id % 2 == 0).boxed()),
    ("filter_map", true, |flow| flow.filter_map(|live| (live.id % 3 > 0).then_some(live)).boxed()),
    ("flat_map", true, |flow| flow.flat_map(|live| vec![live; 3]).boxed()),
    ("flat_map to nothing", true, |flow| flow.flat_map(|live| vec![live; 0]).boxed()),
    ("inspect", true, |flow| flow.inspect(|_| ()).boxed()),
    ("take", true, |flow| flow.take(5).boxed()),
    ("take_while", true, |flow| flow.take_while(|live| live.id < 5).boxed()),
    ("skip", true, |flow| flow.skip(5).boxed()),
    ("enumerate", true, |flow| flow.enumerate().map(|(_, live)| live).boxed()),
    ("scan", true, |flow| flow.scan((), |(), live| Some(live)).boxed()),
    ("buffer", true, |flow| flow.buffer(1).boxed()),
    ("then", true, |flow| flow.then(|live: Live| async move { live }).boxed()),
    ("a stage", true, |flow| flow.then(slow()).boxed()),
    ("a narrow stage", true, |flow| flow.then(slow().buffer(1)).boxed()),
    ("an ordered pool", true, |flow| flow.then(slow().concurrency(3)).boxed()),
    ("a wide window", true, |flow| flow.then(slow().concurrency(2).window(8).buffer(2)).boxed()),
    ("an unordered pool", true, |flow| flow.then(slow().concurrency(3).unordered()).boxed()),
    ("one to many", true, |flow| flow.then(three()).boxed()),
    ("one to many, a pool", true, |flow| flow.then(three().concurrency(3)).boxed()),
    ("one to many, unordered", true, |flow| flow.then(three().concurrency(3).unordered()).boxed()),
    ("one to none or one", true, |flow| flow.then(none_or_one()).boxed()),
    ("one to none or one, a pool", true, |flow| flow.then(none_or_one().concurrency(2)).boxed()),
    ("stream to stream", false, |flow| flow.then(stream()).boxed()),
    ("a plain stage", true, |flow| flow.then(plain()).boxed()),
    ("a plain stage with workers", true, |flow| flow.then(plain().concurrency(2)).boxed()),
    ("blocking", true, |flow| flow.then(block()).boxed()),
    ("a blocking pool", true, |flow| flow.then(block().concurrency(3)).boxed()),
    ("a boxed stage", true, |flow| flow.then(BoxStage::of(Same)).boxed()),
    ("boxed, and all of it", true, |flow| {
        let flow = flow.map(|live| live).boxed().then(slow().concurrency(2)).flat_map(|live| [live.clone(), live]);
        flow.then(three()).then(plain()).then(slow()).buffer(2).boxed()
    }),
];

fn checked(report: &Report, what: &str) {
    assert!(report.balances(), "{what}\n{report}");
}

/// Runs what `plan` makes on sim, and looks at the book after each poll.
fn watched(what: &str, plan: impl Fn(&Book) -> Pipeline<()>) {
    for seed in 0..20 {
        let book = Book::default();
        let sim = Sim::new(seed);
        let (seen, name) = (book.clone(), format!("{what}, seed {seed}"));
        sim.after_each_poll(move || seen.look(&name));
        let done = sim.block_on(plan(&book).run_on(&sim.rt())).expect("nothing fails");
        checked(&done.report, what);
        book.close(what);
    }
}

#[test]
fn a_receipt_is_settled_by_the_last_of_what_was_made_from_its_item() {
    for (what, _, way) in WAYS {
        watched(what, |book| way(tracked(book, false)).for_each(drop));
        watched(what, |book| way(tracked(book, false)).sink(slow_sink(book.clone())));
        watched(what, |book| way(tracked(book, false)).sink(slow_sink(book.clone()).concurrency(3).buffer(2)));
    }
}

#[test]
fn a_receipt_is_settled_through_joins() {
    watched("chain", |book| {
        let flow = tracked(book, false).chain(tracked(book, false).then(slow()));
        flow.sink(slow_sink(book.clone()))
    });
    watched("merge", |book| {
        let flow = merge([tracked(book, false), tracked(book, false).then(slow())]);
        flow.then(three()).sink(slow_sink(book.clone()))
    });
    watched("merge of a tuple", |book| {
        let flow = merge((tracked(book, false).map(|live| live), tracked(book, false).then(three())));
        flow.sink(slow_sink(book.clone()))
    });
    watched("merge with an untracked flow", |book| {
        let untracked = made(book.clone(), false);
        merge((untracked, tracked(book, false).then(three()))).sink(slow_sink(book.clone()))
    });
}

#[test]
fn a_receipt_is_settled_on_every_runtime() {
    everywhere(|rt| async move {
        for (what, _, way) in WAYS {
            let book = Book::default();
            let plan = way(tracked(&book, false)).sink(slow_sink(book.clone()));
            let done = plan.run_on(&rt).await.expect("nothing fails");
            checked(&done.report, what);
            book.close(what);
        }
        let book = Book::default();
        let flow = merge((tracked(&book, false), tracked(&book, false).then(three())));
        let done = flow.sink(slow_sink(book.clone())).run_on(&rt).await.expect("nothing fails");
        checked(&done.report, "merge");
        book.close("merge");
    });
}

/// Whoever sends an item only when the one before is settled must not wait for a ticket that a stage still holds.
#[test]
fn a_source_that_waits_for_each_receipt_goes_on() {
    everywhere(|rt| async move {
        let mut stuck = Vec::new();
        for (what, is_prompt, way) in WAYS {
            if !is_prompt {
                continue;
            }
            let book = Book::default();
            let run = way(tracked(&book, true)).for_each(drop).run_on(&rt);
            match rt.timeout(Duration::from_secs(2), run).await {
                Ok(outcome) => {
                    checked(&outcome.expect("nothing fails").report, what);
                    book.close(what);
                }
                Err(_) => stuck.push(what),
            }
        }
        assert!(stuck.is_empty(), "receipts of items of which nothing is left: {stuck:?}");
    });
}

#[test]
fn a_filtered_item_is_settled_at_once() {
    everywhere(|rt| async move {
        let book = Book::default();
        let seen = book.clone();
        let flow = tracked(&book, false).then(slow()).filter(move |live| {
            assert!(live.id == 0 || seen.is_settled(live.id - 1), "item {} is not settled", live.id - 1);
            false
        });
        let done = flow.count().run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, 0);
        checked(&done.report, "filter");
        book.close("filter");
    });
}

#[derive(Debug)]
struct Bad;

impl std::fmt::Display for Bad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bad")
    }
}

impl std::error::Error for Bad {}

#[sink]
async fn fails_late(live: Live, seen: &AtomicUsize) -> Result<(), Bad> {
    sleep(MS).await;
    drop(live);
    if seen.fetch_add(1, SeqCst) == 3 { Err(Bad) } else { Ok(()) }
}

#[test]
fn a_failed_run_settles_every_receipt() {
    everywhere(|rt| async move {
        for (what, _, way) in WAYS {
            for workers in [1, 3] {
                let book = Book::default();
                let sink = fails_late(Arc::default()).concurrency(workers).buffer(2);
                match way(tracked(&book, false)).sink(sink).run_on(&rt).await {
                    Ok(done) => {
                        checked(&done.report, what);
                        let row = done.report.stage("fails_late").expect("the sink has a row");
                        assert_eq!(row.done, 0, "{what}");
                    }
                    Err(error) => checked(error.report().expect("it has started"), what),
                }
                book.close(what);
            }
        }
    });
}

#[test]
fn a_cancelled_run_settles_every_receipt() {
    everywhere(|rt| async move {
        for (what, _, way) in WAYS {
            let book = Book::default();
            let running = way(tracked(&book, false)).sink(slow_sink(book.clone()).buffer(1)).start_on(&rt);
            book.begun(&rt).await;
            match running.cancel().await {
                Ok(done) => checked(&done.report, what),
                Err(error) => {
                    assert!(error.is_cancelled(), "{what}: {error:?}");
                    checked(error.report().expect("it has started"), what);
                }
            }
            book.close(&format!("{} {what}", rt.name()));
        }
    });
}

/// How often a blocking call has found the receipt of its item settled, and how often not.
#[derive(Default)]
struct Looks {
    begun: AtomicUsize,
    settled: AtomicUsize,
    open: AtomicUsize,
}

#[stage(blocking)]
fn look_late(live: Live, book: &Book, looks: &Looks) -> Live {
    looks.begun.fetch_add(1, SeqCst);
    std::thread::sleep(MS * 60);
    let count = if book.is_settled(live.id) { &looks.settled } else { &looks.open };
    count.fetch_add(1, SeqCst);
    live
}

#[test]
fn a_blocking_call_that_is_waited_for_at_a_cancel_keeps_its_ticket() {
    let check = || async {
        for workers in [1, 2] {
            let (book, looks) = (Book::default(), Arc::new(Looks::default()));
            let stage = look_late(book.clone(), looks.clone()).concurrency(workers);
            let running = tracked(&book, false).then(stage).for_each(drop).start();
            while looks.begun.load(SeqCst) == 0 {
                sleep(MS).await;
            }
            let error = running.cancel().await.expect_err("it had not ended");
            checked(error.report().expect("it has started"), "blocking");
            book.close("blocking");
            assert_eq!(looks.settled.load(SeqCst), 0, "settled while the call holds the item; {workers} workers");
            assert!(looks.open.load(SeqCst) > 0);
        }
    };
    taktline_tokio::block_on_current_thread(check());
    taktline_tokio::block_on(check());
    taktline_smol::block_on(check());
}

#[test]
fn a_dropped_run_settles_every_receipt() {
    everywhere(|rt| async move {
        for (what, _, way) in WAYS {
            let book = Book::default();
            let running = way(tracked(&book, false)).sink(slow_sink(book.clone()).buffer(1)).start_on(&rt);
            book.begun(&rt).await;
            assert!(running.report().expect("it has started").balances(), "{what}");
            drop(running);
            book.gone(&rt).await;
            book.close(what);
        }
    });
}

#[sink]
async fn read_all(input: In<u64>) {
    while input.next().await.is_some() {}
}

/// A line of joined tickets as long as the run would overflow the stack when it is dropped.
#[test]
fn a_sink_that_reads_a_stream_settles_as_it_reads() {
    everywhere(|rt| async move {
        let receipts = Arc::new(Mutex::new(Vec::new()));
        let issued = receipts.clone();
        let flow = iter(0..20_000u64).tracked(move |_| {
            let (ticket, receipt) = Ticket::new();
            issued.lock().expect("no holder panics").push(receipt);
            ticket
        });
        flow.sink(read_all()).run_on(&rt).await.expect("nothing fails");
        assert!(receipts.lock().expect("no holder panics").iter().all(Receipt::is_settled));
    });
}

#[stage]
async fn count_all(input: In<u64>, out: Out<u64>) {
    let mut items = 0;
    while input.next().await.is_some() {
        items += 1;
    }
    out.send(items).await;
}

#[test]
fn a_long_line_of_joined_tickets_is_dropped_without_a_deep_stack() {
    on_sim(1, |rt| async move {
        let flow = iter(0..300_000u64).tracked(|_| Ticket::new().0).then(count_all());
        let done = flow.fold(0, |_, items| items).run_on(&rt).await.expect("nothing fails");
        assert_eq!(done.value, 300_000);
    });
}
