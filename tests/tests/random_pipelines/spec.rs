//! What a seed draws.

use std::ops::Range;

/// Ids are below this prime, so that a linear map of them is one to one.
pub(crate) const PRIME: u64 = 1009;

/// The item behind the last one of a source.
pub(crate) const END: u64 = u64::MAX;

/// Numbers that come from a seed: SplitMix64.
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    fn size(&mut self) -> usize {
        self.one(&[1, 1, 2, 3, 16])
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Part {
    Iter,
    Generator,
    /// A generator that fills permits.
    Filler,
    Stream,
}

/// How the parts of the source are put together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Join {
    Chain,
    Merge,
    /// All but the last are merged, and the last one follows.
    MergeThenChain,
    /// All but the last are chained, and merged with a merge of the last one.
    ChainThenMerge,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    Map,
    Filter,
    FilterMap,
    FlatMap,
    Inspect,
    Take(u64),
    TakeWhile(u64),
    Skip(u64),
    Enumerate,
    /// Running sums, at most that many.
    Scan(u64),
    /// Several fused steps without a box between them.
    Fused,
    Buffer,
    Boxed,
    Plain,
    PlainWorkers(usize),
    Closure,
    Many,
    ManyOrdered {
        workers: usize,
        window: usize,
    },
    ManyUnordered(usize),
    /// One to many, by permits.
    Fill,
    FillOrdered {
        workers: usize,
        window: usize,
    },
    FillUnordered(usize),
    /// Stream to stream, by permits.
    Refill,
    /// Each item twice, by a stage that is boxed.
    BoxedStage(usize),
    Sum,
    Pairs,
    Blocking(usize),
    Ordered {
        workers: usize,
        window: usize,
    },
    Unordered(usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sink {
    Collect,
    ForEach,
    Count,
    Fold,
    First,
    Workers(usize),
    /// A plain function.
    Plain,
    /// A sink that reads a stream.
    Stream,
    /// The user's own loop: its longest pause, how long it waits for an item, after how many it breaks off.
    Loop {
        pause: u64,
        patience: Option<u64>,
        stop: Option<u64>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum How {
    Error,
    Panic,
    /// A panic in a destructor.
    Destructor,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    Source(usize),
    Step(usize),
    Sink,
}

/// Something fails at the first item of that id.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) how: How,
    pub(crate) id: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ending {
    Well,
    Fails(Fault),
    /// After so many ticks.
    Cancel(u64),
    Drop(u64),
    /// After so many polls of who has started it.
    CancelAtStep(u64),
    DropAtStep(u64),
}

impl Ending {
    pub(crate) fn is_cancel(self) -> bool {
        matches!(self, Ending::Cancel(_) | Ending::CancelAtStep(_))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) parts: Vec<(Part, Range<u64>)>,
    pub(crate) join: Join,
    /// Each with the places of its edge, if it has one.
    pub(crate) steps: Vec<(Step, usize)>,
    pub(crate) sink: Sink,
    pub(crate) ending: Ending,
    /// A body sleeps for less than that.
    pub(crate) pace: u64,
}

impl Step {
    fn draw(draw: &mut Draw) -> Step {
        let workers = 1 + draw.below(5) as usize;
        let n = draw.below(20);
        let window = workers + draw.below(4) as usize;
        match draw.below(34) {
            0 => Step::Map,
            1 => Step::Filter,
            2 => Step::FilterMap,
            3 => Step::FlatMap,
            4 => Step::Inspect,
            5 => Step::Take(n),
            6 => Step::TakeWhile(n),
            7 => Step::Skip(n % 4),
            8 => Step::Enumerate,
            9 => Step::Scan(n * 3),
            10 => Step::Fused,
            11 => Step::Buffer,
            12 => Step::Boxed,
            13 => Step::Plain,
            14 => Step::PlainWorkers(workers),
            15 | 16 => Step::Closure,
            17 | 18 => Step::Many,
            19 => Step::Sum,
            20 => Step::Pairs,
            21 => Step::Blocking(workers),
            22 | 23 => Step::Ordered { workers, window },
            24 | 25 => Step::Unordered(workers),
            26 => Step::ManyOrdered { workers, window },
            27 => Step::ManyUnordered(workers),
            28 => Step::Fill,
            29 => Step::FillOrdered { workers, window },
            30 => Step::FillUnordered(workers),
            31 | 32 => Step::Refill,
            _ => Step::BoxedStage(workers),
        }
    }

    /// How many bodies of the stage may be in work, if it is one that tells errors and keeps its own counts.
    pub(crate) fn workers(self) -> Option<usize> {
        match self {
            Step::Plain | Step::Closure | Step::Many | Step::Fill => Some(1),
            Step::Sum | Step::Pairs | Step::Refill => Some(1),
            Step::PlainWorkers(n) | Step::Blocking(n) | Step::BoxedStage(n) => Some(n),
            Step::Unordered(n) | Step::ManyUnordered(n) | Step::FillUnordered(n) => Some(n),
            Step::Ordered { workers, .. } | Step::ManyOrdered { workers, .. } | Step::FillOrdered { workers, .. } => {
                Some(workers)
            }
            _ => None,
        }
    }

    /// The name under which a panic in a closure of the step is told, if it has one that may panic.
    pub(crate) fn fused_name(self) -> Option<&'static str> {
        match self {
            Step::Map => Some("map"),
            Step::Filter => Some("filter"),
            Step::FilterMap => Some("filter_map"),
            Step::FlatMap => Some("flat_map"),
            Step::Inspect => Some("inspect"),
            Step::Scan(_) => Some("scan"),
            _ => None,
        }
    }

    /// Whether it sends each item up to three times.
    pub(crate) fn sends(self) -> bool {
        matches!(
            self,
            Step::Many
                | Step::ManyOrdered { .. }
                | Step::ManyUnordered(_)
                | Step::Fill
                | Step::FillOrdered { .. }
                | Step::FillUnordered(_)
        )
    }

    /// Whether it has no body for each item.
    pub(crate) fn is_stream(self) -> bool {
        matches!(self, Step::Sum | Step::Pairs | Step::Refill)
    }

    /// Whether what it makes leaves in any order.
    pub(crate) fn is_unordered(self) -> bool {
        matches!(self, Step::Unordered(_) | Step::ManyUnordered(_) | Step::FillUnordered(_))
    }

    fn multiplies(self) -> bool {
        matches!(self, Step::FlatMap | Step::Fused | Step::BoxedStage(_)) || self.sends()
    }
}

impl Spec {
    pub(crate) fn draw(seed: u64) -> Spec {
        let draw = &mut Draw(seed);
        let items = if draw.below(10) == 0 { draw.below(3) } else { 3 + draw.below(30) };
        let inputs = draw.one(&[1, 1, 1, 2, 2, 3, 4]);
        let bound = |part| items * part / inputs;
        let part = |draw: &mut Draw| draw.one(&[Part::Iter, Part::Generator, Part::Filler, Part::Stream]);
        let mut spec = Spec {
            parts: (0..inputs).map(|at| (part(draw), bound(at)..bound(at + 1))).collect(),
            join: draw.one(&[Join::Chain, Join::Merge, Join::MergeThenChain, Join::ChainThenMerge]),
            steps: Vec::new(),
            sink: Sink::draw(draw),
            ending: Ending::Well,
            pace: draw.one(&[1, 3, 7]),
        };
        for _ in 0..1 + draw.below(6) {
            let (step, size) = (Step::draw(draw), draw.size());
            let multiplied = spec.steps.iter().filter(|(step, _)| step.multiplies()).count();
            spec.steps.push((if multiplied > 1 && step.multiplies() { Step::Map } else { step }, size));
        }
        let at = draw.below(25);
        spec.ending = match draw.below(10) {
            0 => Ending::Cancel(at),
            1 => Ending::Drop(at),
            2 => Ending::CancelAtStep(at * 3),
            3 => Ending::DropAtStep(at * 3),
            4..7 => spec.fault(draw).map_or(Ending::Well, Ending::Fails),
            _ => Ending::Well,
        };
        spec
    }

    /// A fault that the plan will meet, if all that is before it gives one result.
    fn fault(&self, draw: &mut Draw) -> Option<Fault> {
        let how = draw.one(&[How::Error, How::Panic, How::Destructor]);
        let mut places = Vec::new();
        let generators =
            self.parts.iter().enumerate().filter(|(_, (part, _))| matches!(part, Part::Generator | Part::Filler));
        places.extend(generators.map(|(at, _)| Place::Source(at)));
        let can_fail = |step: Step| step.workers().is_some() || (how != How::Error && step.fused_name().is_some());
        places.extend((0..self.steps.len()).filter(|at| can_fail(self.steps[*at].0)).map(Place::Step));
        match self.sink {
            Sink::Workers(_) | Sink::Plain | Sink::Stream => places.push(Place::Sink),
            Sink::ForEach if how != How::Error => places.push(Place::Sink),
            _ => {}
        }
        if places.is_empty() {
            return None;
        }
        let place = draw.one(&places);
        let ids: Vec<_> = match place {
            Place::Source(at) => self.parts[at].1.clone().chain([END]).collect(),
            // The last one that it takes is the one at which it ends.
            Place::Step(at) => match self.steps[at].0 {
                Step::Scan(n) => self.reaches(at).into_iter().take(n as usize + 1).collect(),
                _ => self.reaches(at),
            },
            Place::Sink => self.model(),
        };
        (!ids.is_empty()).then(|| Fault { place, how, id: draw.one(&ids) })
    }

    pub(crate) fn fault_at(&self, place: Place) -> Option<Fault> {
        match self.ending {
            Ending::Fails(fault) if fault.place == place => Some(fault),
            _ => None,
        }
    }
}

impl Sink {
    fn draw(draw: &mut Draw) -> Sink {
        match draw.below(12) {
            10 => Sink::Plain,
            11 => Sink::Stream,
            0 => Sink::Collect,
            1 | 2 => Sink::ForEach,
            3 => Sink::Count,
            4 => Sink::Fold,
            5 => Sink::First,
            6 | 7 => Sink::Workers(draw.one(&[1, 2, 5])),
            _ => Sink::Loop {
                pause: draw.one(&[1, 2, 5]),
                patience: draw.one(&[None, Some(1), Some(3)]),
                stop: draw.one(&[None, None, Some(1), Some(6)]),
            },
        }
    }
}
