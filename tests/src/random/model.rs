//! What plain lists say of a spec.

use super::operators::Operator;
use super::spec::{Form, Node, Place, Sink, Spec, Trouble};

impl Spec {
    /// The list that a node gives, in one of the orders in which it may come.
    pub(super) fn list(&self, at: usize) -> Vec<u64> {
        let Node { form, inputs, params, .. } = &self.nodes[at];
        match form {
            Form::Source(_, ids) => ids.clone().collect(),
            Form::Step(op) => (op.model)(params, self.list(inputs[0])),
            Form::Join(join) => join.model(inputs.iter().map(|input| self.list(*input)).collect()),
        }
    }

    /// The list that arrives, in one of the orders in which it may.
    pub(super) fn model(&self) -> Vec<u64> {
        self.list(self.nodes.len() - 1)
    }

    /// Whether the items of a node come in one order only.
    fn is_ordered(&self, at: usize) -> bool {
        let Node { form, inputs, .. } = &self.nodes[at];
        let unorders = match form {
            Form::Source(..) => false,
            Form::Step(op) => op.unorders,
            Form::Join(join) => !join.keeps_order && inputs.len() > 1,
        };
        !unorders && inputs.iter().all(|input| self.is_ordered(*input))
    }

    /// Whether the items arrive in one order only.
    pub(super) fn keeps_order(&self) -> bool {
        self.is_ordered(self.nodes.len() - 1) && !matches!(self.sink, Sink::Workers { workers: 2.., .. })
    }

    fn steps(&self) -> impl Iterator<Item = (&Node, &'static Operator)> {
        self.nodes.iter().filter_map(|node| match node.form {
            Form::Step(op) => Some((node, op)),
            _ => None,
        })
    }

    pub(super) fn has_step(&self, name: &str) -> bool {
        self.steps().any(|(_, op)| op.name == name)
    }

    /// Whether which items arrive does not depend on their order.
    pub(super) fn has_one_result(&self) -> bool {
        self.steps().all(|(node, op)| !op.goes_by_place || self.is_ordered(node.inputs[0]))
    }

    /// Whether something behind `place` may end before its input does.
    pub(super) fn is_cut_behind(&self, place: Place) -> bool {
        let Place::Node(at) = place else { return false };
        match self.nodes[at].reader {
            None => matches!(self.sink, Sink::First | Sink::Loop { stop: Some(_), .. }),
            Some(reader) => {
                let cuts = matches!(self.nodes[reader].form, Form::Step(op) if op.cuts);
                cuts || self.is_cut_behind(Place::Node(reader))
            }
        }
    }

    /// The list that arrives if `trouble` takes its item's place and what is before it is finished. In order only.
    pub(super) fn model_until(&self, trouble: Trouble) -> Vec<u64> {
        let last = self.nodes.len() - 1;
        let list = self.list_until(last, trouble).unwrap_or_else(|cut| cut);
        if trouble.place == Place::Sink { before(list, trouble) } else { list }
    }

    /// The list that a node gives; an error if it is cut short by the trouble.
    fn list_until(&self, at: usize, trouble: Trouble) -> Result<Vec<u64>, Vec<u64>> {
        let is_here = trouble.place == Place::Node(at);
        let Node { form, inputs, params, .. } = &self.nodes[at];
        match form {
            Form::Source(_, ids) if is_here => Err(before(ids.clone().collect(), trouble)),
            Form::Source(_, ids) => Ok(ids.clone().collect()),
            Form::Step(op) => {
                let model = |list| (op.model)(params, list);
                let list = self.list_until(inputs[0], trouble).map_err(model)?;
                if !is_here {
                    return Ok(model(list));
                }
                let mut list = before(list, trouble);
                if op.name == "pairs" {
                    list.truncate(list.len() / 2 * 2);
                }
                Err(model(list))
            }
            Form::Join(join) => {
                let mut lists = Vec::new();
                for input in inputs {
                    match self.list_until(*input, trouble) {
                        Ok(list) => lists.push(list),
                        Err(list) => {
                            lists.push(list);
                            return Err(join.model(lists));
                        }
                    }
                }
                Ok(join.model(lists))
            }
        }
    }

    /// What arrives from each source, if that can be told and its order is kept.
    pub(super) fn models_of_sources(&self) -> Option<Vec<Vec<u64>>> {
        let can_be_told = self.steps().all(|(_, op)| !op.goes_by_place && !op.unorders);
        if !can_be_told || matches!(self.sink, Sink::Workers { workers: 2.., .. }) {
            return None;
        }
        let sources = (0..self.nodes.len()).filter(|at| matches!(self.nodes[*at].form, Form::Source(..)));
        Some(sources.map(|at| self.carried(at, self.list(at), |_| true)).collect())
    }

    /// All that may arrive in whatever order the items come, if that can be told.
    pub(super) fn superset(&self) -> Option<Vec<u64>> {
        if self.steps().any(|(_, op)| op.sums) {
            return None;
        }
        let sources = (0..self.nodes.len()).filter(|at| matches!(self.nodes[*at].form, Form::Source(..)));
        Some(sources.flat_map(|at| self.carried(at, self.list(at), |op| !op.goes_by_place)).collect())
    }

    /// What becomes of a list on its way from a node to the sink, by those steps only.
    fn carried(&self, at: usize, list: Vec<u64>, counts: impl Fn(&Operator) -> bool + Copy) -> Vec<u64> {
        let Some(reader) = self.nodes[at].reader else { return list };
        let list = match &self.nodes[reader] {
            Node { form: Form::Step(op), params, .. } if counts(op) => (op.model)(params, list),
            _ => list,
        };
        self.carried(reader, list, counts)
    }
}

fn before(list: Vec<u64>, trouble: Trouble) -> Vec<u64> {
    list.into_iter().take_while(|id| *id != trouble.id).collect()
}
