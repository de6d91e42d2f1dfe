//! Marble diagrams: what comes when, as one line of text, for tests of operators.
//!
//! | mark | meaning |
//! | --- | --- |
//! | `-` | a [unit](UNIT) of time in which nothing comes |
//! | `a` | an item: a letter or a digit |
//! | `[ab]` | an item whose text is longer than one character |
//! | `(abc)` | several marks at one instant |
//! | `\|` | the end |
//! | `#` | a failure |
//!
//! The first mark is at time zero, each later one a unit after the one before it; spaces mean nothing, so diagrams can be
//! aligned. The notation is that of RxJS, with one difference: a group takes one unit, whatever its length, so that
//! whatever happens can be written down.
//!
//! ```
//! use taktline::prelude::*;
//! use taktline::sim::marbles::{check, flow};
//!
//! check(|| flow("a-b-c-|").skip(1).filter(|x| *x != 'x'), "--b-c-|");
//! check(|| flow("ab-(cde)|").batch(2).map(String::from_iter), "-[ab]-[cd]([e]|)");
//! // It stays open.
//! check(|| flow("a-b").map(|x| x.to_ascii_uppercase()), "A-B");
//! check(|| flow("a-b-#").take(2), "a-(b|)");
//! ```

use std::fmt::{Display, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use taktline_core::error::BoxError;
use taktline_core::flow::Flow;
use taktline_core::private::{Generate, Generator};
use taktline_core::runtime::{Instant, Rt, now, sleep_until};
use taktline_core::stage::Out;

use crate::Sim;

/// The time from one mark to the next.
pub const UNIT: Duration = Duration::from_secs(1);

/// How many schedules [`check`] tries.
const SEEDS: u64 = 20;

/// How long a flow is looked at that ought to be quiet.
const QUIET: u32 = 20;

/// A flow of what a diagram shows, each item a `char`. Without an end it stays open; `#` fails with the name `marbles`.
///
/// The source waits for room like any other: an item that finds none comes later than drawn.
///
/// # Panics
/// If the diagram cannot be read: a character that is no mark, an item of more than one character, something behind the end.
#[track_caller]
pub fn flow(diagram: &str) -> Generator<Marbles> {
    let events = read(diagram);
    let is_short = |(_, mark): &Event| !matches!(mark, Mark::Item(text) if text.chars().count() != 1);
    assert!(events.iter().all(is_short), "`{diagram}`: an item that is sent is one character");
    Generator::new("marbles", Marbles { events })
}

/// Asserts that the flow gives what the diagram shows, at exactly those times, with several schedules. The flow is read as
/// fast as it gives.
///
/// ```should_panic
/// use taktline::prelude::*;
/// use taktline::sim::marbles::{check, flow};
///
/// check(|| flow("a-b|").map(|x| x), "a--b|");
/// ```
///
/// # Panics
/// If it gives something else: the message shows both. If the diagram cannot be read.
#[track_caller]
pub fn check<F>(plan: impl Fn() -> F, expected: &str)
where
    F: Flow,
    F::Item: Display,
{
    let events = read(expected);
    let horizon = UNIT * (events.last().map_or(0, |(at, _)| *at) + QUIET);
    for seed in 0..SEEDS {
        let seen = watch(seed, plan(), horizon);
        let is_same = seen.iter().map(|(at, mark)| (*at, mark)).eq(events.iter().map(|(at, mark)| (UNIT * *at, mark)));
        assert!(is_same, "seed {seed}\nexpected: {expected}\n   drawn: {}", draw(&seen));
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Mark {
    Item(String),
    End,
    Failure,
}

/// A mark, and the unit at which it is.
type Event = (u32, Mark);

#[track_caller]
fn read(diagram: &str) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    let mut marks = diagram.chars();
    let (mut at, mut in_group) = (0, false);
    while let Some(mark) = marks.next() {
        let is_over = events.last().is_some_and(|(_, last)| !matches!(last, Mark::Item(_)));
        let event = match mark {
            ' ' => continue,
            '(' if !in_group => {
                in_group = true;
                continue;
            }
            ')' if in_group => {
                in_group = false;
                None
            }
            '-' if !in_group => None,
            '|' => Some(Mark::End),
            '#' => Some(Mark::Failure),
            '[' => Some(Mark::Item(marks.by_ref().take_while(|mark| *mark != ']').collect())),
            item if item.is_alphanumeric() => Some(Mark::Item(item.into())),
            other => panic!("`{diagram}`: `{other}` is no mark there"),
        };
        assert!(event.is_none() || !is_over, "`{diagram}`: something follows the end");
        events.extend(event.map(|event| (at, event)));
        at += u32::from(!in_group);
    }
    assert!(!in_group, "`{diagram}`: a group is open");
    events
}

/// What the flow of a diagram sends.
#[derive(Clone, Debug)]
pub struct Marbles {
    events: Vec<Event>,
}

impl Generate for Marbles {
    type Ret = Result<(), BoxError>;
    type Out = char;

    async fn run(&mut self, mut out: Out<'_, char>) -> Self::Ret {
        let begin = now();
        for (at, mark) in &self.events {
            sleep_until(begin + UNIT * *at).await;
            match mark {
                Mark::Item(text) => out.send(text.chars().next().expect("it is one character")).await,
                Mark::End => return Ok(()),
                Mark::Failure => return Err("the diagram fails here".into()),
            }
        }
        std::future::pending().await
    }

    fn outcome(ret: Self::Ret) -> Result<(), BoxError> {
        ret
    }
}

/// What comes out, and when.
fn watch<F>(seed: u64, flow: F, horizon: Duration) -> Vec<(Duration, Mark)>
where
    F: Flow,
    F::Item: Display,
{
    let sim = Sim::new(seed);
    let rt = sim.rt();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = {
        let (seen, rt) = (seen.clone(), rt.clone());
        move |mark| seen.lock().unwrap_or_else(PoisonError::into_inner).push((since_zero(&rt), mark))
    };
    let note_item = note.clone();
    let running = flow.for_each(move |item| note_item(Mark::Item(item.to_string()))).start_on(&rt);
    sim.block_on(async {
        if rt.timeout(horizon, running.wait()).await.is_ok() {
            let end = if running.join().await.is_ok() { Mark::End } else { Mark::Failure };
            note(end);
        }
    });
    std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner))
}

fn since_zero(rt: &Rt) -> Duration {
    rt.now().duration_since(Instant::default())
}

fn draw(events: &[(Duration, Mark)]) -> String {
    let (mut text, mut at) = (String::new(), Duration::ZERO);
    for group in events.chunk_by(|(a, _), (b, _)| a == b) {
        let time = group[0].0;
        while at + UNIT <= time {
            text.push('-');
            at += UNIT;
        }
        let is_one = group.len() == 1;
        text.push_str(if is_one { "" } else { "(" });
        group.iter().for_each(|(_, mark)| text.push_str(&shown(mark)));
        text.push_str(if is_one { "" } else { ")" });
        if at < time {
            let _ = write!(text, " at {time:?}, between two marks ");
        }
        at += UNIT;
    }
    text
}

fn shown(mark: &Mark) -> String {
    match mark {
        Mark::End => "|".to_owned(),
        Mark::Failure => "#".to_owned(),
        Mark::Item(text) if text.chars().count() == 1 => text.clone(),
        Mark::Item(text) => format!("[{text}]"),
    }
}
