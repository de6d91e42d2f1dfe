//! What plain lists say of operators that go by the clock.

use crate::input::{Input, Output};

fn output(at: u64, letter: char) -> Output {
    (at, letter.to_string())
}

pub(crate) fn same(input: &Input) -> Vec<Output> {
    input.events.iter().map(|(at, letter)| output(*at, *letter)).collect()
}

/// One item each `time`, up to `burst` at once.
pub(crate) fn throttle(input: &Input, time: u64, burst: u64) -> Vec<Output> {
    // When the whole burst can be spent again.
    let (mut full, mut last) = (0, 0);
    let mut pass = |at: u64| {
        last = at.max(last).max(u64::saturating_sub(full, (burst - 1) * time));
        full = full.max(last) + time;
        last
    };
    input.events.iter().map(|(at, letter)| output(pass(*at), *letter)).collect()
}

pub(crate) fn debounce(input: &Input, time: u64) -> Vec<Output> {
    let next = input.events.iter().skip(1).map(|(at, _)| *at).chain([u64::MAX]);
    let pauses = input.events.iter().zip(next).filter(|((at, _), next)| at + time < *next);
    pauses.map(|((at, letter), _)| output((at + time).min(input.end), *letter)).collect()
}

pub(crate) fn sample(input: &Input, period: u64) -> Vec<Output> {
    let periods = input.events.chunk_by(|(a, _), (b, _)| a / period == b / period);
    let last = periods.filter_map(|events| events.last());
    last.map(|(at, letter)| output(((at / period + 1) * period).min(input.end), *letter)).collect()
}

/// Holds so many items as there are places.
pub(crate) fn delay(input: &Input, time: u64, places: usize) -> Vec<Output> {
    let mut outputs: Vec<Output> = Vec::new();
    for (n, (at, letter)) in input.events.iter().enumerate() {
        let has_place = n.checked_sub(places).map_or(0, |former| outputs[former].0);
        outputs.push(output(at.max(&has_place) + time, *letter));
    }
    outputs
}
