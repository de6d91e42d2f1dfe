//! What goes into an operator, at times that differ by seed, and what comes out.

use std::sync::{Arc, Mutex};

use taktline::prelude::*;
use taktline::runtime::Rt;
use tests::{Item, UNIT, Witness};

/// When, in units of time, and what.
pub(crate) type Output = (u64, String);

/// What a source sends, and when it ends.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) events: Vec<(u64, char)>,
    pub(crate) end: u64,
}

impl Input {
    /// Up to 20 of five letters, often several at one instant, sometimes with long pauses.
    ///
    /// They come at odd times. The operators of the table do something by themselves at even ones only, so that it is
    /// certain what comes first.
    pub(crate) fn draw(mut random: impl FnMut() -> u64) -> Input {
        let mut at = 1;
        let mut pause = |random: &mut dyn FnMut() -> u64| {
            at += 2 * [0, 0, 1, 1, 2, 7][(random() % 6) as usize];
            at
        };
        let events = (0..random() % 21).map(|_| (pause(&mut random), letter(random() % 5))).collect();
        Input { events, end: pause(&mut random) }
    }

    pub(crate) fn letters(&self) -> impl Iterator<Item = char> {
        self.events.iter().map(|(_, letter)| *letter)
    }
}

fn letter(n: u64) -> char {
    char::from(b'a' + n as u8)
}

/// Sends what the input says; then it ends, or fails.
#[source]
pub(crate) async fn send(input: Input, fails: bool, out: Out<char>) -> Result<(), String> {
    let begin = taktline::now();
    for (at, letter) in input.events {
        taktline::sleep_until(begin + UNIT * at as u32).await;
        out.send(letter).await;
    }
    taktline::sleep_until(begin + UNIT * input.end as u32).await;
    if fails { Err("the input fails".to_owned()) } else { Ok(()) }
}

/// A flow whose items are counted until they are dropped.
pub(crate) fn witnessed(flow: BoxFlow<char>, witness: &Witness) -> BoxFlow<(char, Item)> {
    let witness = witness.clone();
    flow.map(move |letter| (letter, witness.item(letter.into()))).boxed()
}

/// What comes, and when.
pub(crate) struct Seen(Arc<Mutex<Vec<Output>>>);

impl Seen {
    pub(crate) fn outputs(&self) -> Vec<Output> {
        self.0.lock().expect("nothing panics").clone()
    }
}

/// The pipeline that reads `flow` as fast as it can.
pub(crate) fn watch(rt: &Rt, flow: BoxFlow<String>) -> (Seen, Pipeline<()>) {
    let (seen, rt, begin) = (Arc::new(Mutex::new(Vec::new())), rt.clone(), rt.now());
    let note = seen.clone();
    let pipeline = flow.for_each(move |text| {
        let at = rt.now().duration_since(begin).as_secs();
        note.lock().expect("nothing panics").push((at, text));
    });
    (Seen(seen), pipeline)
}
