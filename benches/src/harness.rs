//! Contenders, and the rounds in which they take turns: A B C, A B C, and so on.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::allocator;
use crate::host::{Kind, Lane};
use crate::stats::Spread;

/// How the rows are to be run.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) rounds: usize,
    pub(crate) is_quick: bool,
    /// Parts of names; none means all.
    pub(crate) contenders: Vec<String>,
}

impl Bench {
    /// How many items a sample has: `full`, or a few in quick mode.
    pub(crate) fn items(&self, full: u64) -> u64 {
        if self.is_quick { full.min((full / 500).max(40)) } else { full }
    }

    /// A table whose samples have `items` items each and give a value for each of `columns`.
    pub(crate) fn table(&self, title: impl Into<String>, items: u64, columns: &[&'static str]) -> Table<'_> {
        Table { bench: self, title: title.into(), items, columns: columns.to_vec(), contenders: Vec::new() }
    }

    /// A table of nanoseconds an item, on one runtime.
    pub(crate) fn throughput(&self, title: &str, kind: Kind, items: u64, answer: u64) -> Timed<'_> {
        let title = format!("{title} ({})", kind.name());
        Timed { table: self.table(title, items, &["ns/item"]), kind, ns_per_unit: items as f64, answer }
    }

    /// A table of milliseconds a run, on one runtime.
    pub(crate) fn duration(&self, title: &str, kind: Kind, items: u64, answer: u64) -> Timed<'_> {
        let title = format!("{title} ({})", kind.name());
        Timed { table: self.table(title, items, &["ms"]), kind, ns_per_unit: 1e6, answer }
    }
}

/// What a contender is to the targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Ours,
    /// May be the best peer.
    Peer,
    /// Does less than what is compared, such as a plain loop. Shown, and never the best peer.
    Reference,
}

struct Contender {
    name: &'static str,
    role: Role,
    sample: Box<dyn FnMut() -> Vec<f64>>,
}

/// Contenders that are measured together.
pub(crate) struct Table<'a> {
    bench: &'a Bench,
    title: String,
    items: u64,
    columns: Vec<&'static str>,
    contenders: Vec<Contender>,
}

impl Table<'_> {
    /// Adds a contender: each call of `sample` gives a value for each column.
    pub(crate) fn add(&mut self, role: Role, name: &'static str, sample: impl FnMut() -> Vec<f64> + 'static) {
        let asked = &self.bench.contenders;
        if asked.is_empty() || asked.iter().any(|part| name.contains(part)) {
            self.contenders.push(Contender { name, role, sample: Box::new(sample) });
        }
    }

    /// Items a sample.
    pub(crate) fn items(&self) -> u64 {
        self.items
    }

    /// Runs the rounds. The first one warms up and is not measured: there the allocations are counted, so that counting
    /// costs the others nothing.
    pub(crate) fn measure(self) -> Measured {
        let Table { bench, title, items, columns, mut contenders } = self;
        let mut series: Vec<Series> = contenders
            .iter_mut()
            .map(|contender| {
                let (_, usage) = allocator::counted(|| (contender.sample)());
                let allocations = usage.allocations as f64 / items as f64;
                Series { name: contender.name, role: contender.role, allocations, rounds: Vec::new() }
            })
            .collect();
        for _ in 0..bench.rounds {
            for (contender, series) in contenders.iter_mut().zip(&mut series) {
                series.rounds.push((contender.sample)());
            }
        }
        Measured { title, items, columns, series }
    }
}

/// A [`Table`] of times, whose contenders give an answer that is checked every time.
pub(crate) struct Timed<'a> {
    table: Table<'a>,
    kind: Kind,
    ns_per_unit: f64,
    answer: u64,
}

impl Timed<'_> {
    /// Adds a contender that runs in a task of its own, on a warm runtime of its own.
    pub(crate) fn add<Fut>(&mut self, role: Role, name: &'static str, work: impl Fn(Lane) -> Fut + 'static)
    where
        Fut: Future<Output = u64> + Send + 'static,
    {
        let host = self.kind.host();
        self.add_by(role, name, move || {
            host.run(|lane| {
                let work = work(lane);
                async move {
                    let start = Instant::now();
                    let given = work.await;
                    (start.elapsed(), given)
                }
            })
        });
    }

    /// Adds a contender that needs no runtime.
    pub(crate) fn add_plain(&mut self, role: Role, name: &'static str, work: impl Fn() -> u64 + 'static) {
        self.add_by(role, name, move || {
            let start = Instant::now();
            let given = work();
            (start.elapsed(), given)
        });
    }

    fn add_by(&mut self, role: Role, name: &'static str, mut run: impl FnMut() -> (Duration, u64) + 'static) {
        let (ns_per_unit, answer) = (self.ns_per_unit, self.answer);
        self.table.add(role, name, move || {
            let (time, given) = run();
            assert_eq!(given, answer, "{name} gives a wrong answer");
            vec![time.as_nanos() as f64 / ns_per_unit]
        });
    }

    pub(crate) fn measure(self) -> Measured {
        self.table.measure()
    }
}

/// What the rounds of one contender gave.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    /// Allocations an item.
    pub(crate) allocations: f64,
    /// One entry a round, with a value for each column.
    pub(crate) rounds: Vec<Vec<f64>>,
}

/// A table that was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) title: String,
    pub(crate) items: u64,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) series: Vec<Series>,
}

impl Measured {
    fn series(&self, name: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.name == name)
    }

    /// The values of a contender; none if it was left out.
    pub(crate) fn value(&self, name: &str, column: usize) -> Option<Spread> {
        Spread::of(self.series(name)?.rounds.iter().map(|values| values[column]))
    }

    /// `a / b`, round by round.
    pub(crate) fn ratio(&self, a: &str, b: &str, column: usize) -> Option<Spread> {
        self.paired(a, b, column, |a, b| a / b)
    }

    /// `a - b`, round by round.
    pub(crate) fn difference(&self, a: &str, b: &str, column: usize) -> Option<Spread> {
        self.paired(a, b, column, |a, b| a - b)
    }

    fn paired(&self, a: &str, b: &str, column: usize, of: fn(f64, f64) -> f64) -> Option<Spread> {
        let (a, b) = (self.series(a)?, self.series(b)?);
        Spread::of(a.rounds.iter().zip(&b.rounds).map(|(a, b)| of(a[column], b[column])))
    }

    /// The peer with the least median.
    pub(crate) fn best_peer(&self, column: usize) -> Option<&'static str> {
        let peers = self.series.iter().filter(|series| series.role == Role::Peer);
        peers.map(|series| series.name).min_by(|a, b| {
            let median = |name| self.value(name, column).map_or(f64::INFINITY, |spread| spread.median);
            median(a).total_cmp(&median(b))
        })
    }

    pub(crate) fn allocations(&self, name: &str) -> Option<f64> {
        Some(self.series(name)?.allocations)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bench, Measured, Role};
    use crate::host::Kind;

    fn bench(contenders: &[&str]) -> Bench {
        Bench { rounds: 2, is_quick: true, contenders: contenders.iter().map(|name| (*name).to_owned()).collect() }
    }

    /// Contenders whose rounds give these values, after a warm-up of -1.
    fn measured(bench: &Bench, series: &[(Role, &'static str, [f64; 2])]) -> Measured {
        let mut table = bench.table("a table", 1, &["ns"]);
        for (role, name, values) in series {
            let mut values = [-1.0].into_iter().chain(*values);
            table.add(*role, name, move || values.next().into_iter().collect());
        }
        table.measure()
    }

    #[test]
    fn ratios_are_those_of_the_same_round() {
        let rounds = [(Role::Ours, "ours", [1.0, 10.0]), (Role::Peer, "peer", [2.0, 20.0])];
        let ratio = measured(&bench(&[]), &rounds).ratio("ours", "peer", 0).expect("both are there");
        assert_eq!((ratio.lower, ratio.median, ratio.upper), (0.5, 0.5, 0.5));
    }

    #[test]
    fn a_reference_is_never_the_best_peer() {
        let rounds =
            [(Role::Reference, "loop", [1.0; 2]), (Role::Peer, "slow", [3.0; 2]), (Role::Peer, "fast", [2.0; 2])];
        assert_eq!(measured(&bench(&[]), &rounds).best_peer(0), Some("fast"));
    }

    #[test]
    fn what_was_left_out_was_not_measured() {
        let rounds = [(Role::Ours, "ours", [1.0; 2]), (Role::Peer, "peer", [2.0; 2])];
        let measured = measured(&bench(&["our"]), &rounds);
        assert!(measured.value("ours", 0).is_some() && measured.ratio("ours", "peer", 0).is_none());
    }

    #[test]
    #[should_panic(expected = "liar gives a wrong answer")]
    fn a_wrong_answer_is_refused() {
        let bench = bench(&[]);
        let mut table = bench.throughput("a table", Kind::TokioCurrent, 1, 42);
        table.add(Role::Peer, "liar", |_| async { 41 });
        table.measure();
    }
}
