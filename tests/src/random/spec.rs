//! What a seed draws.

use std::fmt;
use std::ops::Range;

use taktline::sim::{Case, Fault};

use super::joins::{JOINS, Join, SOURCES, Source};
use super::operators::{OPERATORS, Operator};

/// Ids are below this prime, so that a linear map of them is one to one.
pub(super) const PRIME: u64 = 1009;

/// The item behind the last one of a source.
pub(super) const END: u64 = u64::MAX;

/// A tree, each node behind its inputs; the last one is read by the sink.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) nodes: Vec<Node>,
    pub(super) sink: Sink,
    /// Whether each item has a ticket.
    pub(super) is_tracked: bool,
    /// A body sleeps for less than that.
    pub(super) pace: u64,
    pub(super) troubles: Vec<Trouble>,
    pub(super) stops: Stops,
    pub(super) slow: Slow,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) form: Form,
    pub(super) inputs: Vec<usize>,
    /// The node that reads this one, unless the sink does.
    pub(super) reader: Option<usize>,
    pub(super) params: Params,
}

#[derive(Clone, Debug)]
pub(super) enum Form {
    Source(&'static Source, Range<u64>),
    Step(&'static Operator),
    Join(&'static Join),
}

/// The numbers of a step. Each operator takes what it needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Params {
    pub(super) n: u64,
    pub(super) workers: usize,
    pub(super) window: usize,
    pub(super) buffer: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sink {
    Collect,
    ForEach,
    Count,
    Fold,
    First,
    Workers {
        workers: usize,
        buffer: usize,
    },
    /// A plain function.
    Plain,
    /// A sink that reads a stream.
    Stream {
        buffer: usize,
    },
    /// The user's own loop: its longest pause, how long it waits for an item, after how many it breaks off.
    Loop {
        pause: u64,
        patience: Option<u64>,
        stop: Option<u64>,
    },
}

/// A node, or the sink.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    Node(usize),
    Sink,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum How {
    Error,
    Panic,
    /// What the body holds panics when it is dropped.
    Destructor,
    /// The item itself does, wherever it is dropped.
    Bomb,
}

/// Something goes wrong at the items of that id.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trouble {
    pub(super) place: Place,
    pub(super) how: How,
    pub(super) id: u64,
}

/// When the run is cancelled, drained, dropped or paused, in ticks; without a tick, at a step of the simulation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stops {
    pub(super) cancel: Option<Option<u64>>,
    pub(super) drop: Option<Option<u64>>,
    pub(super) drain: Option<Option<u64>>,
    pub(super) pause: Option<Option<u64>>,
    /// How many ticks a pause takes.
    pub(super) paused_for: u64,
    /// After how many ticks a drain becomes a cancel, if there is a limit.
    pub(super) within: Option<u64>,
}

/// Which items take long, by the remainder of their id, and how many ticks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slow {
    pub(super) worker: Option<(u64, u64)>,
    pub(super) consumer: Option<(u64, u64)>,
    pub(super) source: Option<(u64, u64)>,
    /// Which items of a source come without a pause.
    pub(super) burst: Option<(u64, u64)>,
}

impl Spec {
    pub(super) fn draw(case: &Case) -> Spec {
        let mut nodes = Nodes { case, list: Vec::new(), multiplied: 0 };
        let items = if case.draw(0..=9) == 9 { case.draw(0..=2) } else { 3 + case.draw(0..=37) };
        let root = nodes.tree(0..items, case.one_of(&[0, 0, 1, 1, 2]));
        nodes.steps(root, 6);
        let mut spec = Spec {
            nodes: nodes.list,
            sink: Sink::draw(case),
            is_tracked: case.draw(0..=2) == 2,
            pace: case.one_of(&[1, 3, 7]),
            troubles: Vec::new(),
            stops: Stops::draw(case),
            slow: Slow::draw(case),
        };
        let troubles =
            [(Fault::Error, How::Error), (Fault::Panic, How::Panic), (Fault::DestructorPanic, How::Destructor)];
        spec.troubles = troubles.into_iter().filter_map(|(fault, how)| spec.trouble(case, fault, how)).collect();
        spec
    }

    /// Something that the plan will meet, if all that is before it gives one result.
    fn trouble(&self, case: &Case, fault: Fault, how: How) -> Option<Trouble> {
        let draw = |bound: usize| case.draw_for(fault.name(), 0..=bound as u64 - 1) as usize;
        if !case.has(fault) {
            return None;
        }
        // What a sink has collected is dropped by whoever reads it.
        let is_kept = matches!(self.sink, Sink::Collect | Sink::First);
        if how == How::Destructor && !is_kept && draw(2) == 1 {
            let at = draw(PRIME as usize) as u64;
            return Some(Trouble { place: Place::Node(0), how: How::Bomb, id: at % 40 });
        }
        let mut places: Vec<_> = (0..self.nodes.len()).map(Place::Node).chain([Place::Sink]).collect();
        places.retain(|place| self.can_fail(*place, how) && !self.ids_at(*place).is_empty());
        if places.is_empty() {
            return None;
        }
        let place = places[draw(places.len())];
        let mut ids = self.ids_at(place);
        // Behind its last item a source holds nothing.
        ids.retain(|id| how != How::Destructor || *id != END);
        (!ids.is_empty()).then(|| Trouble { place, how, id: ids[draw(ids.len())] })
    }

    fn can_fail(&self, place: Place, how: How) -> bool {
        match (place, self.sink) {
            (Place::Sink, Sink::Workers { .. } | Sink::Plain | Sink::Stream { .. }) => true,
            (Place::Sink, Sink::ForEach) => how != How::Error,
            (Place::Sink, _) => false,
            (Place::Node(at), _) => match &self.nodes[at].form {
                Form::Source(source, _) => source.can_fail,
                Form::Step(op) => op.can_fail(how),
                Form::Join(_) => false,
            },
        }
    }

    /// The ids at which a body of the place may fail.
    fn ids_at(&self, place: Place) -> Vec<u64> {
        let Place::Node(at) = place else { return self.model() };
        let Node { form, inputs, params, .. } = &self.nodes[at];
        match form {
            Form::Source(_, ids) => ids.clone().chain([END]).collect(),
            Form::Step(op) => op.looked_at(params, self.list(inputs[0])),
            Form::Join(_) => Vec::new(),
        }
    }

    pub(super) fn troubles_at(&self, place: Place) -> Vec<Trouble> {
        self.troubles.iter().copied().filter(|trouble| trouble.place == place).collect()
    }

    /// Whether something may panic where no body is to blame.
    pub(super) fn is_wild(&self) -> bool {
        self.troubles.iter().any(|trouble| matches!(trouble.how, How::Destructor | How::Bomb))
    }

    pub(super) fn bombs(&self) -> Option<u64> {
        self.troubles.iter().find(|trouble| trouble.how == How::Bomb).map(|trouble| trouble.id)
    }

    /// The name of the place's row, and of its failures.
    pub(super) fn name(&self, place: Place) -> String {
        match (place, self.sink) {
            (Place::Sink, Sink::ForEach) => "for_each".to_owned(),
            (Place::Sink, _) => "sink".to_owned(),
            (Place::Node(at), _) => match &self.nodes[at].form {
                Form::Source(..) => format!("source{at}"),
                Form::Step(op) => op.told_as.map_or_else(|| format!("step{at}"), str::to_owned),
                Form::Join(join) => join.name.to_owned(),
            },
        }
    }
}

/// Nodes that are being drawn.
struct Nodes<'a> {
    case: &'a Case,
    list: Vec<Node>,
    multiplied: u64,
}

impl Nodes<'_> {
    /// A tree of sources, steps and joins for those ids, at most so many joins deep. Gives its last node.
    fn tree(&mut self, ids: Range<u64>, depth: u64) -> usize {
        if depth == 0 {
            let source = self.case.one_of(SOURCES);
            return self.add(Form::Source(source, ids), Vec::new());
        }
        let join = self.case.one_of(JOINS);
        let inputs = self.case.draw(*join.inputs.start()..=*join.inputs.end());
        let items = ids.end - ids.start;
        let bound = |part| ids.start + items * part / inputs.max(1);
        let mut read = Vec::new();
        for part in 0..inputs {
            let depth = self.case.draw(0..=depth - 1);
            let mut node = self.tree(bound(part)..bound(part + 1), depth);
            node = self.steps(node, 2);
            read.push(node);
        }
        self.add(Form::Join(join), read)
    }

    /// Puts up to so many steps behind a node.
    fn steps(&mut self, mut node: usize, most: u64) -> usize {
        for _ in 0..self.case.draw(0..=most) {
            let op = self.case.one_of(OPERATORS);
            let is_too_much = op.multiplies && self.multiplied > 1;
            self.multiplied += u64::from(op.multiplies);
            node = self.add(Form::Step(if is_too_much { OPERATORS[0] } else { op }), vec![node]);
        }
        node
    }

    fn add(&mut self, form: Form, inputs: Vec<usize>) -> usize {
        let at = self.list.len();
        inputs.iter().for_each(|input| self.list[*input].reader = Some(at));
        let params = Params::draw(self.case);
        self.list.push(Node { form, inputs, reader: None, params });
        at
    }
}

impl Params {
    fn draw(case: &Case) -> Params {
        let workers = 1 + case.draw(0..=4) as usize;
        let window = workers + case.draw(0..=3) as usize;
        Params { n: case.draw(0..=19), workers, window, buffer: case.size() }
    }
}

impl Sink {
    fn draw(case: &Case) -> Sink {
        match case.draw(0..=11) {
            0 => Sink::Collect,
            1 | 2 => Sink::ForEach,
            3 => Sink::Count,
            4 => Sink::Fold,
            5 => Sink::First,
            6 | 7 => Sink::Workers { workers: case.one_of(&[1, 2, 5]), buffer: case.size() },
            8 => Sink::Plain,
            9 => Sink::Stream { buffer: case.size() },
            _ => Sink::Loop {
                pause: case.one_of(&[1, 2, 5]),
                patience: case.one_of(&[None, Some(1), Some(3)]),
                stop: case.one_of(&[None, None, Some(1), Some(6)]),
            },
        }
    }
}

impl Stops {
    fn draw(case: &Case) -> Stops {
        let stop = |fault: Fault| {
            let ticks = |fault| case.draw_for(fault, 0..=24);
            // Without a simulation there are no steps.
            case.has(fault).then(|| (case.draw_for(fault.name(), 0..=3) == 3).then(|| ticks(fault.name())))
        };
        let is_short = case.has(Fault::Drain) && case.draw_for(Fault::Drain.name(), 0..=2) == 2;
        let within = is_short.then(|| case.draw_for(Fault::Drain.name(), 0..=24));
        let paused_for = if case.has(Fault::Pause) { case.draw_for(Fault::Pause.name(), 0..=24) } else { 0 };
        let (cancel, drop, drain) = (stop(Fault::Cancel), stop(Fault::DropRun), stop(Fault::Drain));
        Stops { cancel, drop, drain, pause: stop(Fault::Pause), paused_for, within }
    }
}

impl Slow {
    fn draw(case: &Case) -> Slow {
        let slow = |fault: Fault, ticks| {
            case.has(fault).then(|| (case.draw_for(fault.name(), 0..=6), 1 + case.draw_for(fault.name(), 0..=ticks)))
        };
        Slow {
            worker: slow(Fault::SlowWorker, 60),
            consumer: slow(Fault::ConsumerStall, 60),
            source: slow(Fault::SourceStall, 300),
            burst: slow(Fault::SourceBurst, 30),
        }
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Node { form, inputs, params, .. }) in self.nodes.iter().enumerate() {
            let Params { n, workers, window, buffer } = params;
            match form {
                Form::Source(source, ids) => write!(f, "{at}: {} of {ids:?}; ", source.name)?,
                Form::Step(op) => {
                    write!(f, "{at}: {}({n}, workers {workers}/{window}, buffer {buffer}) of {inputs:?}; ", op.name)?;
                }
                Form::Join(join) => write!(f, "{at}: {}(buffer {buffer}) of {inputs:?}; ", join.name)?,
            }
        }
        let tracked = if self.is_tracked { "tracked, " } else { "" };
        write!(
            f,
            "{tracked}into {:?}, pace {}, {:?}, {:?}, {:?}",
            self.sink, self.pace, self.troubles, self.stops, self.slow
        )
    }
}
