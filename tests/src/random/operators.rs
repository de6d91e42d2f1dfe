//! The operators and forms of stages that pipelines are drawn from, each with what a plain list says of it.
//!
//! A new one is one more entry of [`OPERATORS`].

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use taktline::OnFull;
use taktline::lineage::{Lineage, Ticket};
use taktline::op::Branch;
use taktline::prelude::*;
use taktline::stages::BoxStage;

use super::bodies::{
    AGAIN, Desk, Twice, at_last, block, but_some, each, fill, hooked, many, pairs, plain, refill, sum,
};
use super::spec::{How, PRIME, Params};
use crate::Item;

/// What an operator is put together with.
pub(super) struct Site {
    pub(super) params: Params,
    pub(super) name: String,
    pub(super) desk: Arc<Desk>,
}

pub(super) struct Operator<L: Lineage = ()> {
    pub(super) name: &'static str,
    /// The name of its row and of its failures, if it is not its place's.
    pub(super) told_as: Option<&'static str>,
    pub(super) bodies: Bodies,
    /// May end before its input does.
    pub(super) cuts: bool,
    /// What it makes of an item depends on which came before.
    pub(super) goes_by_place: bool,
    /// What it makes of the items of a subset is no subset.
    pub(super) sums: bool,
    pub(super) multiplies: bool,
    pub(super) unorders: bool,
    /// How many branches it splits its input into, each with one row, to merge them again.
    pub(super) branches: Option<usize>,
    /// Goes on without some items, on which it fails before its body keeps any count. So no other error of it fails the run.
    pub(super) skips: bool,
    pub(super) model: fn(&Params, Vec<u64>) -> Vec<u64>,
    pub(super) attach: Attach<L>,
}

/// The bodies of an operator, as far as they keep counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bodies {
    /// None that could fail.
    None,
    /// A closure that cannot tell an error, but may panic.
    Fused,
    /// A closure that is fused, and can fail.
    Plain,
    /// So many workers, each with an edge before it, and so many items in work or finished.
    Workers(fn(&Params) -> Limits),
    /// One for all items.
    Stream,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limits {
    pub(super) workers: usize,
    pub(super) window: usize,
}

pub(super) type Attach<L> = fn(Site, BoxFlow<Item, L>) -> BoxFlow<Item, L>;
type Model = fn(&Params, Vec<u64>) -> Vec<u64>;

const fn operator<L: Lineage>(name: &'static str, bodies: Bodies, model: Model, attach: Attach<L>) -> Operator<L> {
    let (cuts, goes_by_place, sums, multiplies, unorders, skips) = (false, false, false, false, false, false);
    Operator {
        name,
        told_as: None,
        bodies,
        cuts,
        goes_by_place,
        sums,
        multiplies,
        unorders,
        branches: None,
        skips,
        model,
        attach,
    }
}

const fn silent<L: Lineage>(name: &'static str, model: Model, attach: Attach<L>) -> Operator<L> {
    operator(name, Bodies::None, model, attach)
}

const fn fused<L: Lineage>(name: &'static str, model: Model, attach: Attach<L>) -> Operator<L> {
    Operator { told_as: Some(name), ..operator(name, Bodies::Fused, model, attach) }
}

const fn workers<L: Lineage>(
    name: &'static str,
    limits: fn(&Params) -> Limits,
    model: Model,
    attach: Attach<L>,
) -> Operator<L> {
    operator(name, Bodies::Workers(limits), model, attach)
}

const fn streams<L: Lineage>(name: &'static str, model: Model, attach: Attach<L>) -> Operator<L> {
    operator(name, Bodies::Stream, model, attach).by_place().sums()
}

/// Splits its input into branches that are merged again.
const fn split<L: Lineage>(name: &'static str, branches: usize, model: Model, attach: Attach<L>) -> Operator<L> {
    let bodies = Bodies::Workers(|_| Limits { workers: 1, window: 1 });
    let unorders = true;
    Operator { branches: Some(branches), unorders, ..operator(name, bodies, model, attach).told_as("branch") }
}

impl<L: Lineage> Operator<L> {
    const fn told_as(self, name: &'static str) -> Self {
        Operator { told_as: Some(name), ..self }
    }

    const fn cuts(self) -> Self {
        Operator { cuts: true, goes_by_place: true, ..self }
    }

    const fn by_place(self) -> Self {
        Operator { goes_by_place: true, ..self }
    }

    const fn sums(self) -> Self {
        Operator { goes_by_place: true, sums: true, ..self }
    }

    const fn multiplies(self) -> Self {
        Operator { multiplies: true, ..self }
    }

    const fn unorders(self) -> Self {
        Operator { unorders: true, ..self }
    }

    const fn skips(self) -> Self {
        Operator { skips: true, ..self }
    }

    pub(super) fn can_fail(&self, how: How) -> bool {
        match self.bodies {
            _ if self.skips && how == How::Error => false,
            Bodies::None => false,
            Bodies::Fused => how != How::Error,
            Bodies::Plain | Bodies::Workers(_) | Bodies::Stream => true,
        }
    }

    /// Which items of its input a body looks at. One that is limited ends at the first that it does not take.
    pub(super) fn looked_at(&self, params: &Params, ids: Vec<u64>) -> Vec<u64> {
        let ids: Vec<_> = ids.into_iter().filter(|id| !self.skips || !is_skipped(*id)).collect();
        let most = if self.cuts { params.n as usize + 1 } else { ids.len() };
        ids.into_iter().take(most).collect()
    }
}

impl<L: Lineage> fmt::Debug for Operator<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The same entries for flows that are tracked and for those that are not.
macro_rules! tables {
    ($($operator:expr),+ $(,)?) => {
        /// The simplest first.
        pub(super) const OPERATORS: &[&Operator] = &[$($operator),+];
        const TRACKED: &[&Operator<Ticket>] = &[$($operator),+];
    };
}

tables![
    &silent("boxed", same, |_, flow| flow.boxed()),
    &silent("buffer", same, |site, flow| flow.buffer(site.params.buffer).boxed()),
    &silent(
        "take",
        |params, ids| ids.into_iter().take(params.n as usize).collect(),
        |site, flow| {
            // Counted, so that it is known when it has cut its input.
            flow.take(site.params.n).inspect(move |item| _ = site.desk.looks_at(item)).boxed()
        },
    )
    .cuts(),
    &silent(
        "take_while",
        |params, ids| ids.into_iter().take_while(|id| id % 20 != params.n).collect(),
        |site, flow| flow.take_while(move |item| item.id % 20 != site.params.n).boxed(),
    )
    .cuts(),
    &silent(
        "skip",
        |params, ids| ids.into_iter().skip(params.n as usize % 4).collect(),
        |site, flow| flow.skip(site.params.n % 4).boxed(),
    )
    .by_place(),
    &silent("enumerate", same, numbered),
    &silent(
        "skip_while",
        |params, ids| ids.into_iter().skip_while(|id| id % 5 != params.n % 5).collect(),
        |site, flow| flow.skip_while(move |item| item.id % 5 != site.params.n % 5).boxed(),
    )
    .by_place(),
    &silent("dedup", |_, ids| deduped(ids), |_, flow| Kept::dedup(flow)).by_place(),
    &silent(
        "distinct",
        |params, ids| distinct(ids, params.workers),
        |site, flow| Kept::distinct(flow, site.params.workers),
    )
    .by_place(),
    &silent("batch", same, |site, flow| in_a_task(flow).batch(site.params.window).unbatch().boxed()),
    &silent("batch_within", same, |site, flow| {
        flow.buffer(site.params.buffer).batch_within(site.params.window, site.desk.tick() * 3).unbatch().boxed()
    }),
    &silent("batch_weighted", same, |site, flow| {
        let weigh = |item: &Item| item.id % 4;
        flow.batch_weighted(1 + site.params.n, site.desk.tick() * 3, weigh).unbatch().boxed()
    }),
    &silent("batch_ready", same, |site, flow| {
        flow.buffer(site.params.buffer).batch_ready(site.params.window).unbatch().boxed()
    }),
    &silent("batch_every", same, |site, flow| {
        flow.buffer(site.params.buffer).batch_every(site.desk.tick() * 3).unbatch().boxed()
    }),
    &silent("throttle", same, |site, flow| {
        let rate = taktline::Rate::new(1 + site.params.n, site.desk.tick());
        flow.buffer(site.params.buffer).throttle(rate, site.params.workers as u64).cost(|item| item.id % 3).boxed()
    }),
    &silent("delay", same, |site, flow| flow.buffer(site.params.buffer).delay(site.desk.tick()).boxed()),
    &silent("timeout_idle", same, |site, flow| flow.buffer(site.params.buffer).timeout_idle(Duration::MAX).boxed()),
    &silent("conflate", same, |site, flow| {
        // What found no room goes on together.
        let listed = flow.map(|item| vec![item]).buffer(site.params.buffer);
        listed
            .conflate(|mut made, next| {
                made.extend(next);
                made
            })
            .unbatch()
            .boxed()
    }),
    &silent("on_full", same, |site, flow| flow.buffer(site.params.buffer).on_full(OnFull::Wait).boxed()),
    &silent("resequence", same, |site, flow| {
        // Each pair comes the other way round.
        let pairs = in_a_task(flow).enumerate().batch(2);
        let swapped = pairs.flat_map(|mut pair| {
            pair.reverse();
            pair
        });
        swapped.buffer(site.params.buffer).resequence(|(number, _)| *number).map(|(_, item)| item).boxed()
    }),
    &silent(
        "flat_map_flow",
        |_, ids| copied(ids, 3),
        |site, flow| flow.flat_map_flow(site.params.workers, |item| once(copies(item, 3))),
    )
    .multiplies()
    .unorders(),
    &silent("take_until", same, |site, flow| {
        flow.buffer(site.params.buffer).take_until(std::future::pending::<()>()).boxed()
    }),
    &silent("fused", |_, ids| copied(kept(ids.into_iter().map(mapped), |id| id % 5 != 0), 3), several_fused)
        .multiplies(),
    &fused(
        "map",
        |_, ids| ids.into_iter().map(mapped).collect(),
        |site, flow| flow.map(move |item| changed(site.desk.sees(item))).boxed(),
    ),
    &fused(
        "filter",
        |_, ids| kept(ids, |id| id % 3 != 0),
        |site, flow| flow.filter(move |item| site.desk.looks_at(item) % 3 != 0).boxed(),
    ),
    &fused(
        "filter_map",
        |_, ids| kept(ids, |id| id % 4 != 1).into_iter().map(mapped).collect(),
        |site, flow| {
            flow.filter_map(move |item| Some(site.desk.sees(item)).filter(|item| item.id % 4 != 1).map(changed)).boxed()
        },
    ),
    &fused("inspect", same, |site, flow| flow.inspect(move |item| _ = site.desk.looks_at(item)).boxed()),
    &fused(
        "flat_map",
        |_, ids| copied(ids, 3),
        |site, flow| flow.flat_map(move |item| copies(site.desk.sees(item), 3)).boxed(),
    )
    .multiplies(),
    &fused("scan", |params, ids| sums(ids).take(params.n as usize).collect(), running_sums).cuts().sums(),
    &operator("plain", Bodies::Plain, same, |site, flow| flow.then(plain(site.desk).name(site.name)).boxed()),
    &workers("plain_workers", ordered_default, same, |Site { params, name, desk }, flow| {
        flow.then(plain(desk).name(name).concurrency(params.workers).buffer(params.buffer))
    }),
    &workers("closure", |_| Limits { workers: 1, window: 1 }, same, closure).told_as("try_then"),
    &workers("blocking", ordered_default, same, |Site { params, name, desk }, flow| {
        flow.then(block(desk).name(name).concurrency(params.workers).buffer(params.buffer))
    }),
    &workers(
        "each",
        |_| Limits { workers: 1, window: 1 },
        same,
        |Site { params, name, desk }, flow| flow.then(each(desk).name(name).buffer(params.buffer)),
    ),
    &workers("each_ordered", drawn_window, same, |Site { params, name, desk }, flow| {
        let Params { workers, window, buffer, .. } = params;
        flow.then(each(desk).name(name).concurrency(workers).window(window).buffer(buffer))
    }),
    &workers("retried", drawn_window, same, |Site { params, name, desk }, flow| {
        let Params { workers, window, buffer, .. } = params;
        let tick = desk.tick();
        let tried = at_last(desk, None).retry(1).backoff(tick).retry_if(|error| error.to_string() == AGAIN);
        let tried = tried.without_retry_budget().timeout(100_000 * tick);
        flow.then(tried.name(name).concurrency(workers).window(window).buffer(buffer))
    }),
    &workers(
        "skips",
        drawn_window,
        |_, ids| kept(ids, |id| !is_skipped(*id)),
        |Site { params, name, desk }, flow| {
            let Params { workers, window, buffer, .. } = params;
            let skips = but_some(desk).on_error(OnError::Skip).name(name);
            flow.then(skips.concurrency(workers).window(window).buffer(buffer))
        },
    )
    .skips(),
    &workers(
        "skips_unordered",
        unordered_window,
        |_, ids| kept(ids, |id| !is_skipped(*id)),
        |Site { params, name, desk }, flow| {
            let skips = but_some(desk).on_error(OnError::Skip).name(name);
            flow.then(skips.concurrency(params.workers).unordered().buffer(params.buffer))
        },
    )
    .skips()
    .unorders(),
    &workers(
        "dead_letters",
        drawn_window,
        |_, ids| kept(ids, |id| !is_skipped(*id)),
        |Site { params, name, desk }, flow| {
            let Params { workers, window, buffer, .. } = params;
            let skips = but_some(desk).dead_letters(|letters| letters.for_each(drop)).name(name);
            flow.then(skips.concurrency(workers).window(window).buffer(buffer))
        },
    )
    .skips(),
    &workers(
        "dead_letters_unordered",
        unordered_window,
        |_, ids| kept(ids, |id| !is_skipped(*id)),
        |Site { params, name, desk }, flow| {
            let tick = desk.tick();
            let rests = move |letter| async move {
                taktline::sleep(tick).await;
                drop::<DeadLetter<Item>>(letter);
            };
            let skips = but_some(desk).dead_letters(|letters| letters.sink(rests)).name(name);
            flow.then(skips.concurrency(params.workers).unordered().buffer(params.buffer))
        },
    )
    .skips()
    .unorders(),
    &workers("hooked", drawn_window, same, |Site { params, name, desk }, flow| {
        let Params { workers, window, buffer, .. } = params;
        flow.then(hooked(desk, false).name(name).concurrency(workers).window(window).buffer(buffer))
    }),
    &workers("each_unordered", unordered_window, same, |Site { params, name, desk }, flow| {
        flow.then(each(desk).name(name).concurrency(params.workers).unordered().buffer(params.buffer))
    })
    .unorders(),
    &workers("each_by_key", unordered_window, same, |Site { params, desk, .. }, flow| {
        let stage = each(desk).name("each_by_key").concurrency(params.workers).buffer(params.buffer);
        flow.then(stage.by_key(|item| item.id % 3))
    })
    .told_as("each_by_key")
    .unorders(),
    &workers(
        "many",
        |_| Limits { workers: 1, window: 1 },
        |_, ids| copied(ids, 4),
        |Site { params, name, desk }, flow| flow.then(many(desk).name(name).buffer(params.buffer)),
    )
    .multiplies(),
    &workers(
        "many_ordered",
        drawn_window,
        |_, ids| copied(ids, 4),
        |Site { params, name, desk }, flow| {
            let Params { workers, window, buffer, .. } = params;
            flow.then(many(desk).name(name).concurrency(workers).window(window).buffer(buffer))
        },
    )
    .multiplies(),
    &workers(
        "many_unordered",
        unordered_window,
        |_, ids| copied(ids, 4),
        |Site { params, name, desk }, flow| {
            flow.then(many(desk).name(name).concurrency(params.workers).unordered().buffer(params.buffer))
        },
    )
    .multiplies()
    .unorders(),
    &workers(
        "fill",
        |_| Limits { workers: 1, window: 1 },
        |_, ids| copied(ids, 4),
        |Site { params, name, desk }, flow| flow.then(fill(desk).name(name).buffer(params.buffer)),
    )
    .multiplies(),
    &workers(
        "fill_ordered",
        drawn_window,
        |_, ids| copied(ids, 4),
        |Site { params, name, desk }, flow| {
            let Params { workers, window, buffer, .. } = params;
            flow.then(fill(desk).name(name).concurrency(workers).window(window).buffer(buffer))
        },
    )
    .multiplies(),
    &workers(
        "fill_unordered",
        unordered_window,
        |_, ids| copied(ids, 4),
        |Site { params, name, desk }, flow| {
            flow.then(fill(desk).name(name).concurrency(params.workers).unordered().buffer(params.buffer))
        },
    )
    .multiplies()
    .unorders(),
    &workers("twice", ordered_default, twice, |site, flow| {
        let Site { params, name, desk } = site;
        flow.then(stage(BoxStage::of(Twice(desk))).name(name).concurrency(params.workers).buffer(params.buffer))
    })
    .multiplies(),
    &operator("refill", Bodies::Stream, same, |Site { params, name, desk }, flow| {
        flow.then(refill(desk).name(name).buffer(params.buffer))
    }),
    &streams(
        "sum",
        |_, ids| sums(ids).collect(),
        |Site { params, name, desk }, flow| flow.then(sum(desk).name(name).buffer(params.buffer)),
    ),
    &streams(
        "pairs",
        |_, ids| ids.chunks(2).map(|pair| pair.iter().sum::<u64>() % PRIME).collect(),
        |site, flow| flow.then(pairs(site.desk).name(site.name).buffer(site.params.buffer)),
    ),
    &split("broadcast", 2, twice, |site, flow| {
        let branch = each_branch(site);
        flow.broadcast().to(&branch).to(&branch).merge()
    })
    .multiplies(),
    &split("balance", 3, same, |site, flow| {
        let branch = each_branch(site);
        flow.balance(3, |_, flow| branch(flow)).merge()
    }),
    &split("partition", 2, same, |site, flow| {
        let branch = each_branch(site);
        flow.partition(2, |item| item.id % 5, |_, flow| branch(flow)).merge()
    }),
    &split("route", 2, same, |site, flow| {
        let branch = each_branch(site);
        let is_third = |item: Item| if item.id % 3 == 0 { Ok(item) } else { Err(item) };
        flow.route().case(is_third, &branch).rest(&branch).merge()
    }),
    &split("unzip", 2, twice, |site, flow| {
        let branch = each_branch(site);
        flow.map(|item| (item.clone(), item)).unzip(&branch, &branch).merge()
    })
    .multiplies(),
    &silent("group_by", same, |site, flow| {
        let (keys, idle) = (site.params.workers, site.desk.tick() * 3);
        let buffer = site.params.buffer;
        let keyed = flow.buffer(buffer).group_by(|item| item.id % 5, keys, idle).wait_when_full();
        keyed.to(move |_, flow| flow.batch(2).unbatch().buffer(buffer).then(|item| async move { item }))
    })
    .unorders(),
    &silent("feedback", same, Kept::round),
    &silent("tap", same, |site, flow| flow.tap(site.params.buffer, |flow| flow.for_each(drop)).boxed()),
];

impl Operator {
    /// The same for a flow that is tracked.
    pub(super) fn tracked(&self) -> &'static Operator<Ticket> {
        TRACKED.iter().find(|other| other.name == self.name).expect("both tables have the same entries")
    }
}

/// What is another thing for a flow that is tracked: a loop takes none, and an item whose copy is kept to be compared with
/// others would not be gone when its receipt is settled.
trait Kept: Lineage {
    fn round(site: Site, flow: BoxFlow<Item, Self>) -> BoxFlow<Item, Self>;
    fn dedup(flow: BoxFlow<Item, Self>) -> BoxFlow<Item, Self>;
    fn distinct(flow: BoxFlow<Item, Self>, limit: usize) -> BoxFlow<Item, Self>;
}

impl Kept for () {
    fn round(site: Site, flow: BoxFlow<Item>) -> BoxFlow<Item> {
        flow.buffer(site.params.buffer).feedback(1000, |flow| flow.map(twice_round)).boxed()
    }

    fn dedup(flow: BoxFlow<Item>) -> BoxFlow<Item> {
        flow.dedup().boxed()
    }

    fn distinct(flow: BoxFlow<Item>, limit: usize) -> BoxFlow<Item> {
        flow.distinct(limit).boxed()
    }
}

impl Kept for Ticket {
    fn round(_: Site, flow: BoxFlow<Item, Ticket>) -> BoxFlow<Item, Ticket> {
        flow
    }

    fn dedup(flow: BoxFlow<Item, Ticket>) -> BoxFlow<Item, Ticket> {
        let mut last = None;
        flow.filter(move |item| last.replace(item.id) != Some(item.id)).boxed()
    }

    fn distinct(flow: BoxFlow<Item, Ticket>, limit: usize) -> BoxFlow<Item, Ticket> {
        let mut known = VecDeque::new();
        flow.filter(move |item| passes(item.id, &mut known, limit)).boxed()
    }
}

/// One worker in each branch of a split.
fn each_branch<L: Lineage>(Site { params, desk, .. }: Site) -> impl Fn(Branch<Item, L>) -> BoxFlow<Item, L> {
    move |flow| flow.then(each(desk.clone()).name("branch").buffer(params.buffer))
}

/// A fused step that panics abandons what another one in its task keeps back; so there is none before it in the task.
fn in_a_task<L: Lineage>(flow: BoxFlow<Item, L>) -> BoxFlow<Item, L> {
    flow.then(|item| async move { item })
}

fn deduped(mut ids: Vec<u64>) -> Vec<u64> {
    ids.dedup();
    ids
}

fn passes(id: u64, known: &mut VecDeque<u64>, limit: usize) -> bool {
    let is_new = !known.contains(&id);
    if is_new {
        known.push_back(id);
    }
    if known.len() > limit {
        known.pop_front();
    }
    is_new
}

fn distinct(mut ids: Vec<u64>, limit: usize) -> Vec<u64> {
    let mut known = VecDeque::new();
    ids.retain(|id| passes(*id, &mut known, limit));
    ids
}

fn drawn_window(params: &Params) -> Limits {
    Limits { workers: params.workers, window: params.window }
}

fn ordered_default(params: &Params) -> Limits {
    let window = if params.workers == 1 { 1 } else { 2 * params.workers };
    Limits { workers: params.workers, window }
}

fn unordered_window(params: &Params) -> Limits {
    Limits { workers: params.workers, window: params.workers }
}

/// Which items a step that skips goes on without.
pub(super) fn is_skipped(id: u64) -> bool {
    id % 4 == 2
}

fn same(_: &Params, ids: Vec<u64>) -> Vec<u64> {
    ids
}

fn twice(_: &Params, ids: Vec<u64>) -> Vec<u64> {
    ids.into_iter().flat_map(|id| [id; 2]).collect()
}

/// Sends an item through a loop once more, the first time.
fn twice_round(mut item: Item) -> Again<Item, Item> {
    if item.id < PRIME {
        item.id += PRIME;
        return Again::Back(item);
    }
    item.id -= PRIME;
    Again::On(item)
}

fn mapped(id: u64) -> u64 {
    (3 * id + 1) % PRIME
}

fn changed(mut item: Item) -> Item {
    item.id = mapped(item.id);
    item
}

fn kept(ids: impl IntoIterator<Item = u64>, is_kept: impl Fn(&u64) -> bool) -> Vec<u64> {
    ids.into_iter().filter(is_kept).collect()
}

/// Each so often as its remainder says.
fn copied(ids: Vec<u64>, modulus: u64) -> Vec<u64> {
    ids.into_iter().flat_map(|id| vec![id; (id % modulus) as usize]).collect()
}

fn copies(item: Item, modulus: u64) -> Vec<Item> {
    let clone = item.clone();
    // Its destructor may panic: the copies are made afterwards, since a value that is being returned then would leak.
    drop(item);
    let times = clone.id % modulus;
    vec![clone; times as usize]
}

fn sums(ids: impl IntoIterator<Item = u64>) -> impl Iterator<Item = u64> {
    ids.into_iter().scan(0, |sum, id| {
        *sum = (*sum + id) % PRIME;
        Some(*sum)
    })
}

fn numbered<L: Lineage>(_: Site, flow: BoxFlow<Item, L>) -> BoxFlow<Item, L> {
    let mut expected = 0;
    let number = move |(number, item)| {
        assert_eq!(number, expected, "items are numbered");
        expected += 1;
        item
    };
    flow.enumerate().map(number).boxed()
}

/// Several steps without a box between them.
fn several_fused<L: Lineage>(_: Site, flow: BoxFlow<Item, L>) -> BoxFlow<Item, L> {
    let in_range = |item: &Item| assert!(item.id < PRIME);
    flow.map(changed).inspect(in_range).filter(|item| item.id % 5 != 0).flat_map(|item| copies(item, 3)).boxed()
}

fn running_sums<L: Lineage>(site: Site, flow: BoxFlow<Item, L>) -> BoxFlow<Item, L> {
    let most = site.params.n;
    flow.scan((0, 0), move |(sum, number), item: Item| {
        let mut item = site.desk.sees(item);
        *number += 1;
        *sum = (*sum + item.id) % PRIME;
        item.id = *sum;
        (*number <= most).then_some(item)
    })
    .boxed()
}

fn closure<L: Lineage>(site: Site, flow: BoxFlow<Item, L>) -> BoxFlow<Item, L> {
    let desk = site.desk;
    flow.buffer(site.params.buffer).try_then(move |item: Item| {
        let desk = desk.clone();
        async move { desk.serve(item).await }
    })
}
