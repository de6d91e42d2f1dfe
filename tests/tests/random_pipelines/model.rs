//! What plain lists say of a spec.

use std::ops::Range;

use crate::spec::{Fault, Join, PRIME, Place, Sink, Spec, Step};

/// What `map` makes of an id.
pub(crate) fn mapped(id: u64) -> u64 {
    (3 * id + 1) % PRIME
}

fn running_sums(ids: impl Iterator<Item = u64>) -> impl Iterator<Item = u64> {
    ids.scan(0, |sum, id| {
        *sum = (*sum + id) % PRIME;
        Some(*sum)
    })
}

impl Step {
    /// Whether it may end before its input does.
    fn cuts(self) -> bool {
        matches!(self, Step::Take(_) | Step::TakeWhile(_) | Step::Scan(_))
    }

    /// Whether what it makes of an item depends on the items before.
    fn goes_by_place(self) -> bool {
        self.cuts() || self.sums() || matches!(self, Step::Skip(_))
    }

    fn sums(self) -> bool {
        matches!(self, Step::Scan(_) | Step::Sum | Step::Pairs)
    }

    /// What a plain list gives.
    fn model(self, list: Vec<u64>) -> Vec<u64> {
        let ids = list.into_iter();
        match self {
            Step::Map => ids.map(mapped).collect(),
            Step::Filter => ids.filter(|id| id % 3 != 0).collect(),
            Step::FilterMap => ids.filter(|id| id % 4 != 1).map(mapped).collect(),
            Step::FlatMap => ids.flat_map(|id| vec![id; (id % 3) as usize]).collect(),
            step if step.sends() => ids.flat_map(|id| vec![id; (id % 4) as usize]).collect(),
            Step::Fused => {
                ids.map(mapped).filter(|id| id % 5 != 0).flat_map(|id| vec![id; (id % 3) as usize]).collect()
            }
            Step::Take(n) => ids.take(n as usize).collect(),
            Step::TakeWhile(n) => ids.take_while(|id| id % 20 != n).collect(),
            Step::BoxedStage(_) => ids.flat_map(|id| [id; 2]).collect(),
            Step::Skip(n) => ids.skip(n as usize).collect(),
            Step::Scan(n) => running_sums(ids).take(n as usize).collect(),
            Step::Sum => running_sums(ids).collect(),
            Step::Pairs => ids.collect::<Vec<_>>().chunks(2).map(|pair| pair.iter().sum::<u64>() % PRIME).collect(),
            _ => ids.collect(),
        }
    }
}

impl Spec {
    fn is_merged(&self) -> bool {
        match self.join {
            Join::Chain => false,
            Join::Merge => self.parts.len() > 1,
            Join::MergeThenChain => self.parts.len() > 2,
            Join::ChainThenMerge => self.parts.len() > 1,
        }
    }

    fn is_ordered_before(&self, at: usize) -> bool {
        !self.is_merged() && !self.steps[..at].iter().any(|(step, _)| step.is_unordered())
    }

    /// Whether the items arrive in one order only.
    pub(crate) fn keeps_order(&self) -> bool {
        self.is_ordered_before(self.steps.len()) && !matches!(self.sink, Sink::Workers(2..))
    }

    /// Whether which items arrive does not depend on their order.
    pub(crate) fn has_one_result(&self) -> bool {
        (0..self.steps.len()).all(|at| !self.steps[at].0.goes_by_place() || self.is_ordered_before(at))
    }

    /// Whether something behind `place` may end before its input does.
    pub(crate) fn is_cut_behind(&self, place: Place) -> bool {
        let from = match place {
            Place::Source(_) => 0,
            Place::Step(at) => at + 1,
            Place::Sink => return false,
        };
        let sink_cuts = matches!(self.sink, Sink::First | Sink::Loop { stop: Some(_), .. });
        sink_cuts || self.steps[from..].iter().any(|(step, _)| step.cuts())
    }

    /// The list that arrives.
    pub(crate) fn model(&self) -> Vec<u64> {
        self.reaches(self.steps.len())
    }

    /// The list that reaches the step.
    pub(crate) fn reaches(&self, at: usize) -> Vec<u64> {
        let ids = self.parts.iter().flat_map(|(_, ids)| ids.clone()).collect();
        self.steps[..at].iter().fold(ids, |list, (step, _)| step.model(list))
    }

    /// The list that arrives if `fault` takes its item's place and what is before it is finished. In order only.
    pub(crate) fn model_until(&self, fault: Fault) -> Vec<u64> {
        let before = |list: Vec<u64>| list.into_iter().take_while(|id| *id != fault.id).collect::<Vec<_>>();
        match fault.place {
            Place::Sink => before(self.model()),
            Place::Step(at) => {
                let mut list = before(self.reaches(at));
                if self.steps[at].0 == Step::Pairs {
                    list.truncate(list.len() / 2 * 2);
                }
                self.steps[at..].iter().fold(list, |list, (step, _)| step.model(list))
            }
            Place::Source(at) => {
                let sent = self.parts[..=at].iter().flat_map(|(_, ids)| ids.clone());
                self.steps.iter().fold(before(sent.collect()), |list, (step, _)| step.model(list))
            }
        }
    }

    /// What arrives from each part of the source, if that can be told.
    pub(crate) fn models_of_parts(&self) -> Option<Vec<Vec<u64>>> {
        let is_told = |(step, _): &(Step, usize)| !step.goes_by_place() && !step.is_unordered();
        let of = |ids: &Range<u64>| self.steps.iter().fold(ids.clone().collect(), |list, (step, _)| step.model(list));
        let can_be_told = self.steps.iter().all(is_told) && !matches!(self.sink, Sink::Workers(2..));
        can_be_told.then(|| self.parts.iter().map(|(_, ids)| of(ids)).collect())
    }

    /// All that may arrive in whatever order the items come, if that can be told.
    pub(crate) fn superset(&self) -> Option<Vec<u64>> {
        if self.steps.iter().any(|(step, _)| matches!(step, Step::Sum | Step::Pairs | Step::Scan(_))) {
            return None;
        }
        let kept = self.steps.iter().filter(|(step, _)| !step.goes_by_place());
        let ids = self.parts.iter().flat_map(|(_, ids)| ids.clone()).collect();
        Some(kept.fold(ids, |list, (step, _)| step.model(list)))
    }
}
