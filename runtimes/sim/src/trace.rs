//! What happened, as a number that is the same on every machine, and as a list if asked for.

use std::fmt;
use std::time::Duration;

/// The future that a simulation was given.
pub(crate) const MAIN: u64 = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Poll = 1,
    Wake = 2,
    Timer = 3,
    Spawn = 4,
    End = 5,
}

/// What a story tells besides the events.
#[derive(Clone, Debug)]
pub(crate) enum Note {
    /// A task, the one of the event, was given this name.
    Named(String),
    /// A timer was armed by the task that is polled.
    Armed {
        deadline: Duration,
    },
    /// The runtime misbehaved, on purpose, and which task feels it.
    Fault {
        task: Option<u64>,
        what: String,
    },
    Panic(String),
    Said(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) time: Duration,
    /// The task that was polled.
    pub(crate) by: Option<u64>,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Event(Event, u64),
    Note(Note),
}

/// FNV-1a over every event with its task and its time.
pub(crate) struct Trace {
    hash: u64,
    records: Option<Vec<Record>>,
}

impl Trace {
    pub(crate) fn new() -> Trace {
        Trace { hash: 0xcbf2_9ce4_8422_2325, records: None }
    }

    pub(crate) fn record(&mut self) {
        self.records.get_or_insert_default();
    }

    pub(crate) fn is_recorded(&self) -> bool {
        self.records.is_some()
    }

    pub(crate) fn add(&mut self, event: Event, id: u64, by: Option<u64>, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        for word in [event as u64, id, nanos] {
            self.hash = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
            self.hash ^= self.hash >> 29;
        }
        if let Some(records) = &mut self.records {
            records.push(Record { time, by, what: What::Event(event, id) });
        }
    }

    /// Told in the story, and not a part of the number.
    pub(crate) fn note(&mut self, note: Note, by: Option<u64>, time: Duration) {
        if let Some(records) = &mut self.records {
            records.push(Record { time, by, what: What::Note(note) });
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn records(&self) -> &[Record] {
        self.records.as_deref().unwrap_or_default()
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Event(event, id) => write!(f, "{:?} {event:?} {id}", self.time),
            What::Note(note) => write!(f, "{:?} {note:?}", self.time),
        }
    }
}
