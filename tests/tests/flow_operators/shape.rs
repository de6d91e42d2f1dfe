//! What plain lists say of batches, and of what is left out.

use std::collections::VecDeque;

use crate::input::{Input, Output};

fn passed(events: impl IntoIterator<Item = (u64, char)>) -> Vec<Output> {
    events.into_iter().map(|(at, letter)| (at, letter.to_string())).collect()
}

fn group(at: u64, events: &[(u64, char)]) -> Output {
    (at, events.iter().map(|(_, letter)| *letter).collect())
}

pub(crate) fn batch(input: &Input, n: usize) -> Vec<Output> {
    let whole = |batch: &[(u64, char)]| if batch.len() == n { batch[n - 1].0 } else { input.end };
    input.events.chunks(n).map(|batch| group(whole(batch), batch)).collect()
}

pub(crate) fn unbatch(input: &Input) -> Vec<Output> {
    passed(input.events.iter().flat_map(|(at, letter)| vec![(*at, *letter); *letter as usize % 4]))
}

pub(crate) fn dedup(input: &Input) -> Vec<Output> {
    let mut events = input.events.clone();
    events.dedup_by_key(|(_, letter)| *letter);
    passed(events)
}

pub(crate) fn distinct(input: &Input, limit: usize) -> Vec<Output> {
    let mut known = VecDeque::new();
    let mut events = input.events.clone();
    events.retain(|(_, letter)| {
        let is_new = !known.contains(letter);
        if is_new {
            known.push_back(*letter);
        }
        if known.len() > limit {
            known.pop_front();
        }
        is_new
    });
    passed(events)
}

pub(crate) fn skip_while(input: &Input, f: fn(char) -> bool) -> Vec<Output> {
    passed(input.events.iter().copied().skip_while(|(_, letter)| f(*letter)))
}

pub(crate) fn batch_within(input: &Input, n: usize, time: u64) -> Vec<Output> {
    let mut outputs = Vec::new();
    let mut left = &input.events[..];
    while let Some((first, _)) = left.first() {
        let in_time = left.iter().take_while(|(at, _)| *at < first + time).count();
        let (batch, rest) = left.split_at(in_time.min(n));
        let out = if batch.len() == n { batch[n - 1].0 } else { (first + time).min(input.end) };
        outputs.push(group(out, batch));
        left = rest;
    }
    outputs
}

pub(crate) fn batch_weighted(input: &Input, max: u64, time: u64) -> Vec<Output> {
    let weigh = |letter: char| (u64::from(letter) - 97).max(1);
    let mut outputs = Vec::new();
    let mut left = &input.events[..];
    while let Some((first, _)) = left.first() {
        let (mut weight, mut n) = (0, 0);
        // Full, too heavy for the next one, too late, or at the end.
        let out = loop {
            let Some((at, letter)) = left.get(n) else { break (first + time).min(input.end) };
            if *at >= first + time {
                break first + time;
            }
            if n > 0 && weight + weigh(*letter) > max {
                break *at;
            }
            weight += weigh(*letter);
            n += 1;
            if weight >= max {
                break *at;
            }
        };
        outputs.push(group(out, &left[..n]));
        left = &left[n..];
    }
    outputs
}

pub(crate) fn batch_every(input: &Input, period: u64, places: usize) -> Vec<Output> {
    let mut outputs = Vec::new();
    let mut left = &input.events[..];
    while let Some((first, _)) = left.first() {
        let beat = (first / period + 1) * period;
        let in_time = left.iter().take_while(|(at, _)| *at < beat).count();
        let (batch, rest) = left.split_at(in_time.min(places));
        let out = if batch.len() == places { batch[places - 1].0 } else { beat.min(input.end) };
        outputs.push(group(out, batch));
        left = rest;
    }
    outputs
}

pub(crate) fn take_until(input: &Input, time: u64) -> Vec<Output> {
    passed(input.events.iter().copied().take_while(|(at, _)| *at < time))
}
