//! What happened, as a number that is the same on every machine, and as lines if asked for.

use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Poll = 1,
    Wake = 2,
    Timer = 3,
    Spawn = 4,
    End = 5,
}

/// FNV-1a over every event with its task and its time.
pub(crate) struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn new() -> Trace {
        Trace { hash: 0xcbf2_9ce4_8422_2325, lines: None }
    }

    pub(crate) fn record(&mut self) {
        self.lines.get_or_insert_default();
    }

    pub(crate) fn add(&mut self, event: Event, id: u64, now: Duration) {
        let time = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        for word in [event as u64, id, time] {
            self.hash = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
            self.hash ^= self.hash >> 29;
        }
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{now:?} {event:?} {id}"));
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.clone().unwrap_or_default()
    }
}

/// SplitMix64, by Steele, Lea and Flood ("Fast splittable pseudorandom number generators", 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Fisher and Yates.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            let other = usize::try_from(self.next() % (at as u64 + 1)).expect("an index fits into usize");
            items.swap(at, other);
        }
    }
}
