//! The operators, each with what plain lists say of it, and what it looks like.
//!
//! A new operator is one more entry. `main.rs` puts all of them through the same tests, and fails if one of the methods of
//! `Flow` is neither here nor in [`ELSEWHERE`], or has no row in the guide.

use taktline::prelude::*;
use taktline::{OnFull, Rate};

use tests::UNIT;

use crate::input::{Input, Output};
use crate::{nesting, order, shape, time};

pub(crate) struct Operator {
    /// That of the method.
    pub(crate) name: &'static str,
    pub(crate) attach: Attach,
    /// The same before a slow reader, for diagrams of what happens where there is no room.
    pub(crate) pictured: Option<Attach>,
    pub(crate) model: Model,
    /// Pairs of diagrams: what goes in, and what comes out. The guide shows the first.
    pub(crate) marbles: &'static [(&'static str, &'static str)],
    pub(crate) meaning: Meaning,
}

type Attach = fn(BoxFlow<char>) -> BoxFlow<String>;

impl Operator {
    /// The name of its row in the ledger.
    pub(crate) fn row(&self) -> &'static str {
        if self.name == "on_full" { "buffer" } else { self.name }
    }
}

/// What plain lists say of an operator whose edge has so many places.
pub(crate) enum Model {
    /// What comes, and when, in units of time.
    Timed(fn(&Input, usize) -> Vec<Output>),
    /// What comes, one after the other: how it is cut into batches depends on the schedule.
    Joined,
}

/// What becomes of the items, as the ledger counts them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Meaning {
    /// Each output is made of one item, and each item is in an output.
    Keeps,
    /// An output may be made of several items, or of a part of one; each item is in an output.
    Regroups,
    /// Items that do not pass are filtered out.
    Filters,
    /// Items that do not pass are dropped: it was not their time, or there was no room.
    Drops,
    /// Ends before its input does.
    Ends,
    /// Makes flows of the items. What those give at one instant comes in any order.
    Nests,
}

pub(crate) const OPERATORS: &[Operator] = &[
    Operator {
        name: "batch",
        attach: |flow| flow.batch(3).map(String::from_iter).boxed(),
        pictured: None,
        model: Model::Timed(|input, _| shape::batch(input, 3)),
        marbles: &[
            ("a-b-c-d-|", "----[abc]---(d|)"),
            ("(abcdef)|", "([abc][def])|"),
            ("|", "|"),
            ("ab--", "----"),
            ("a-bc--d#", "---[abc]---(d#)"),
        ],
        meaning: Meaning::Regroups,
    },
    Operator {
        name: "unbatch",
        attach: |flow| flow.map(|x| vec![x; x as usize % 4]).unbatch().map(String::from).boxed(),
        pictured: None,
        model: Model::Timed(|input, _| shape::unbatch(input)),
        marbles: &[("abcd-|", "a(bb)(ccc)--|"), ("d-d|", "---|"), ("b-#", "(bb)-#")],
        meaning: Meaning::Regroups,
    },
    Operator {
        name: "dedup",
        attach: |flow| flow.dedup().map(String::from).boxed(),
        pictured: None,
        model: Model::Timed(|input, _| shape::dedup(input)),
        marbles: &[("a-a-b-a-|", "a---b-a-|"), ("aaa|", "a--|"), ("aab#", "a-b#")],
        meaning: Meaning::Filters,
    },
    Operator {
        name: "distinct",
        attach: |flow| flow.distinct(2).map(String::from).boxed(),
        pictured: None,
        model: Model::Timed(|input, _| shape::distinct(input, 2)),
        marbles: &[("ab-a-b-|", "ab-----|"), ("abcabc|", "abcabc|"), ("aba#", "ab-#")],
        meaning: Meaning::Filters,
    },
    Operator {
        name: "skip_while",
        attach: |flow| flow.skip_while(|x| *x < 'c').map(String::from).boxed(),
        pictured: None,
        model: Model::Timed(|input, _| shape::skip_while(input, |x| x < 'c')),
        marbles: &[("a-b-c-a-|", "----c-a-|"), ("ab|", "--|"), ("acb#", "-cb#")],
        meaning: Meaning::Filters,
    },
    Operator {
        name: "batch_within",
        attach: |flow| flow.batch_within(3, UNIT * 3).map(String::from_iter).boxed(),
        pictured: None,
        model: Model::Timed(|input, _| shape::batch_within(input, 3, 3)),
        marbles: &[
            ("ab---cdef-|", "---[ab]---[cde]--(f|)"),
            ("ab|", "--([ab]|)"),
            ("abcd|", "--[abc]-(d|)"),
            ("-a-b---c-d-", "----[ab]-----[cd]"),
            ("|", "|"),
            ("-----", "-----"),
            ("a-#", "--(a#)"),
        ],
        meaning: Meaning::Regroups,
    },
    Operator {
        name: "batch_weighted",
        attach: |flow| flow.batch_weighted(4, UNIT * 3, |x| u64::from(*x) - 97).map(String::from_iter).boxed(),
        pictured: None,
        model: Model::Timed(|input, _| shape::batch_weighted(input, 4, 3)),
        marbles: &[
            ("cb-d-|", "---[cb]-(d|)"),
            ("aaa-a-|", "---[aaa]--(a|)"),
            ("ae|", "-(ae)|"),
            ("fb|", "f-(b|)"),
            ("b-#", "--(b#)"),
        ],
        meaning: Meaning::Regroups,
    },
    Operator {
        name: "batch_ready",
        attach: |flow| flow.batch_ready(3).map(String::from_iter).boxed(),
        pictured: None,
        model: Model::Joined,
        marbles: &[("a-b-|", "a-b-|"), ("|", "|"), ("a#", "a#")],
        meaning: Meaning::Regroups,
    },
    Operator {
        name: "batch_every",
        attach: |flow| flow.batch_every(UNIT * 4).map(String::from_iter).boxed(),
        pictured: None,
        model: Model::Timed(|input, places| shape::batch_every(input, 4, places)),
        marbles: &[
            ("-a-b-c---d-|", "----[ab]---c--(d|)"),
            ("ab|", "--([ab]|)"),
            ("-a-bcd---", "----[ab]---[cd]"),
            ("---------|", "---------|"),
            ("-a#", "--(a#)"),
        ],
        meaning: Meaning::Regroups,
    },
    Operator {
        name: "take_until",
        attach: |flow| {
            let end = async { taktline::sleep(UNIT * 10).await };
            flow.take_until(end).map(String::from).boxed()
        },
        pictured: None,
        model: Model::Timed(|input, _| shape::take_until(input, 10)),
        marbles: &[("a-b-c-|", "a-b-c-|"), ("a--b#", "a--b#"), ("-a-------b-c-|", "-a-------b|")],
        meaning: Meaning::Ends,
    },
    Operator {
        name: "throttle",
        attach: |flow| flow.throttle(Rate::new(1, UNIT * 3), 2).map(String::from).boxed(),
        pictured: None,
        model: Model::Timed(|input, _| time::throttle(input, 3, 2)),
        marbles: &[
            ("(abcde)|", "(ab)--c--d--(e|)"),
            ("a-b-c-|", "a-b-c-|"),
            ("(ab)---(cd)|", "(ab)---c-(d|)"),
            ("(abc)#", "(ab)--(c#)"),
        ],
        meaning: Meaning::Keeps,
    },
    Operator {
        name: "debounce",
        attach: |flow| flow.debounce(UNIT * 3).map(String::from).boxed(),
        pictured: None,
        model: Model::Timed(|input, _| time::debounce(input, 3)),
        marbles: &[("a-b-c-----d-|", "-------c----(d|)"), ("a-----|", "---a--|"), ("|", "|"), ("abc#", "---(c#)")],
        meaning: Meaning::Drops,
    },
    Operator {
        name: "sample",
        attach: |flow| flow.sample(UNIT * 4).map(String::from).boxed(),
        pictured: None,
        model: Model::Timed(|input, _| time::sample(input, 4)),
        marbles: &[("-a-b-c---d-|", "----b---c--(d|)"), ("-a----------|", "----a-------|"), ("-ab#", "---(b#)")],
        meaning: Meaning::Drops,
    },
    Operator {
        name: "delay",
        attach: |flow| flow.delay(UNIT * 3).map(String::from).boxed(),
        pictured: None,
        model: Model::Timed(|input, places| time::delay(input, 3, places)),
        marbles: &[("ab-c|", "---ab-(c|)"), ("|", "|"), ("ab#", "---a(b#)")],
        meaning: Meaning::Keeps,
    },
    Operator {
        name: "timeout_idle",
        attach: |flow| flow.timeout_idle(UNIT * 20).map(String::from).boxed(),
        pictured: None,
        model: Model::Timed(|input, _| time::same(input)),
        marbles: &[("a-b-|", "a-b-|"), ("a-b--------------------", "a-b-------------------#"), ("a#", "a#")],
        meaning: Meaning::Keeps,
    },
    Operator {
        name: "on_full",
        attach: |flow| flow.buffer(2).on_full(OnFull::DropOldest).map(String::from).boxed(),
        pictured: Some(|flow| flow.map(String::from).buffer(2).on_full(OnFull::DropOldest).then(seven_seconds)),
        model: Model::Timed(|input, _| time::same(input)),
        marbles: &[("a-b-c-d-e-f-g|", "-------a------b------c------f------(g|)"), ("a#", "-------(a#)"), ("|", "|")],
        meaning: Meaning::Drops,
    },
    Operator {
        name: "latest",
        attach: |flow| flow.latest().map(String::from).boxed(),
        pictured: Some(|flow| flow.map(String::from).latest().then(seven_seconds)),
        model: Model::Timed(|input, _| time::same(input)),
        marbles: &[("a-b-c-d-e-f-g|", "-------a------b------d------(g|)"), ("a#", "-------(a#)"), ("|", "|")],
        meaning: Meaning::Drops,
    },
    Operator {
        name: "conflate",
        attach: |flow| flow.map(String::from).conflate(|made, next| made + &next).boxed(),
        pictured: Some(|flow| flow.map(String::from).conflate(|made, next| made + &next).then(seven_seconds)),
        model: Model::Timed(|input, _| time::same(input)),
        marbles: &[
            ("a-b-c-d-e-f-g|", "-------a------b------[cd]------([efg]|)"),
            ("a-b-c-d-#", "-------a------b------([cd]#)"),
            ("|", "|"),
        ],
        meaning: Meaning::Regroups,
    },
    Operator {
        name: "resequence",
        attach: |flow| in_order(flow).map(|(_, letter)| letter.to_string()).boxed(),
        // Swapped in pairs before, they come out as they were: the first of a pair with the second one.
        pictured: Some(|flow| flow.buffer(3).resequence(|x| u64::from(*x) - 97).map(String::from).boxed()),
        model: Model::Timed(|input, _| order::pairs(input)),
        marbles: &[
            ("b-c-a-d-|", "----(abc)-d-|"),
            ("bc|", "--(bc|)"),
            ("c-b#", "---(bc#)"),
            ("cdeb-|", "---#"),
            ("abac|", "ab#"),
        ],
        meaning: Meaning::Keeps,
    },
    Operator {
        name: "flat_map_flow",
        attach: |flow| {
            let inner = |x: char| interval(UNIT * 3).take(nesting::times(x)).map(move |_| x.to_string());
            flow.flat_map_flow(2, inner)
        },
        pictured: Some(|flow| flow.flat_map_flow(2, twice)),
        model: Model::Timed(|input, _| nesting::flat(input, 2, 3)),
        marbles: &[("abc|", "--ababc-(c|)"), ("|", "|"), ("a#", "--a-(a#)"), ("-a---", "---a-a")],
        meaning: Meaning::Nests,
    },
    Operator {
        name: "switch_map",
        attach: |flow| flow.switch_map(|x| after(UNIT * 3).map(move |()| x.to_string())),
        pictured: Some(|flow| flow.switch_map(twice)),
        model: Model::Timed(|input, _| nesting::newest(input, 3)),
        marbles: &[("a----b--c|", "--a-a--b--c-(c|)"), ("|", "|"), ("a#", "--a-(a#)"), ("abc---", "----c-c")],
        meaning: Meaning::Nests,
    },
    Operator {
        name: "group_by",
        attach: |flow| flow.group_by(|x| *x, 5, UNIT * 5).to(|_, f| f.batch(2).map(String::from_iter)),
        pictured: None,
        model: Model::Timed(|input, _| nesting::grouped(input, 2, 5)),
        marbles: &[
            ("abab-a------|", "--[aa][bb]------a-|"),
            ("a-aa--|", "--[aa]---(a|)"),
            ("|", "|"),
            ("a#", "-(a#)"),
            ("a---------", "-----a----"),
        ],
        meaning: Meaning::Nests,
    },
];

/// The letter, after two seconds and after four.
fn twice(letter: char) -> impl Flow<Item = String> {
    interval(UNIT * 2).take(2).map(move |_| letter.to_string())
}

/// Numbers the letters, and swaps each with its neighbour. An item that is left over keeps its place.
fn in_order(flow: BoxFlow<char>) -> impl Flow<Item = (u64, char), Lineage = ()> {
    let swapped = flow.enumerate().batch(2).flat_map(|mut pair| {
        pair.reverse();
        pair
    });
    swapped.buffer(2).resequence(|(number, _)| *number)
}

async fn seven_seconds(text: String) -> String {
    taktline::sleep(7 * UNIT).await;
    text
}

/// Methods of `Flow` that are tested in files of their own.
pub(crate) const ELSEWHERE: &[(&str, &str)] = &[
    ("describe", "describing.rs"),
    ("then", "operators.rs"),
    ("try_then", "last_poll.rs"),
    ("map", "operators.rs"),
    ("filter", "operators.rs"),
    ("filter_map", "operators.rs"),
    ("flat_map", "operators.rs"),
    ("inspect", "operators.rs"),
    ("take", "operators.rs"),
    ("take_while", "operators.rs"),
    ("skip", "operators.rs"),
    ("enumerate", "operators.rs"),
    ("scan", "operators.rs"),
    ("chain", "operators.rs"),
    ("buffer", "bounds.rs"),
    ("tracked", "tickets.rs"),
    ("max_in_flight", "flow_operators/pressure.rs"),
    ("boxed", "operators.rs"),
    ("sink", "bounds.rs"),
    ("for_each", "ending.rs"),
    ("collect", "operators.rs"),
    ("fold", "operators.rs"),
    ("count", "operators.rs"),
    ("first", "operators.rs"),
    ("bound", "bounds.rs"),
    ("start_on", "bounds.rs"),
];
