//! The choices of a case, each a number below a bound, in streams that have names.
//!
//! A stream's choices depend on nothing but the seed, its name and how many were made before, so that a fault can be
//! switched off without another number for anything else. A choice that is zero is the simplest one. To make a failing case
//! smaller, its choices are recorded, made smaller, and played back.

use std::collections::BTreeMap;

use crate::random::Random;

/// A stream of a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamId(usize);

/// The stream of what the program draws.
pub(crate) const DRAWS: &str = "draws";

/// What each stream has chosen, by its name.
pub(crate) type Choices = BTreeMap<String, Vec<u64>>;

#[derive(Debug)]
pub(crate) struct Tape {
    seed: u64,
    names: BTreeMap<String, StreamId>,
    streams: Vec<Stream>,
    /// What is played back. A stream that goes on behind it makes the simplest choices.
    played: Option<Choices>,
    /// Of what is played back, streams that are not there are drawn anew, differently for each number.
    salt: Option<u64>,
    is_recording: bool,
}

#[derive(Debug)]
struct Stream {
    random: Random,
    /// Played back, if something is.
    played: Option<Vec<u64>>,
    made: Vec<u64>,
    count: usize,
}

impl Tape {
    /// Choices that come from `seed`.
    pub(crate) fn new(seed: u64) -> Tape {
        Tape { seed, names: BTreeMap::new(), streams: Vec::new(), played: None, salt: None, is_recording: false }
    }

    /// The same, recorded.
    pub(crate) fn recording(seed: u64) -> Tape {
        Tape { is_recording: true, ..Tape::new(seed) }
    }

    /// Plays `choices` back, and records what becomes of them. With a salt, streams that are not there are drawn anew.
    pub(crate) fn playing(seed: u64, choices: Choices, salt: Option<u64>) -> Tape {
        Tape { played: Some(choices), salt, ..Tape::recording(seed) }
    }

    pub(crate) fn stream(&mut self, name: &str) -> StreamId {
        if let Some(id) = self.names.get(name) {
            return *id;
        }
        let id = StreamId(self.streams.len());
        let played = self.played.as_mut().and_then(|choices| choices.remove(name));
        let is_drawn = self.played.is_none() || self.salt.is_some();
        let played = if is_drawn { played } else { Some(played.unwrap_or_default()) };
        let random = Random::new(self.seed.wrapping_add(self.salt.unwrap_or(0)), name);
        self.streams.push(Stream { random, played, made: Vec::new(), count: 0 });
        self.names.insert(name.to_owned(), id);
        id
    }

    /// A number below `bound`, which is not zero.
    pub(crate) fn below(&mut self, stream: StreamId, bound: u64) -> u64 {
        self.choose(stream, bound, |random| random.next() % bound)
    }

    /// One time in so many, yes.
    pub(crate) fn once_in(&mut self, stream: StreamId, times: u64) -> bool {
        self.choose(stream, 2, |random| u64::from(random.next() % times == 0)) == 1
    }

    fn choose(&mut self, StreamId(at): StreamId, bound: u64, fresh: impl FnOnce(&mut Random) -> u64) -> u64 {
        let stream = &mut self.streams[at];
        let choice = match &stream.played {
            None => fresh(&mut stream.random),
            Some(played) => played.get(stream.count).copied().unwrap_or(0).min(bound - 1),
        };
        stream.count += 1;
        if self.is_recording {
            stream.made.push(choice);
        }
        choice
    }

    /// What was chosen, if it was recorded.
    pub(crate) fn choices(&self) -> Choices {
        let made = |(name, StreamId(at)): (&String, &StreamId)| (name.clone(), self.streams[*at].made.clone());
        self.names.iter().map(made).collect()
    }
}
