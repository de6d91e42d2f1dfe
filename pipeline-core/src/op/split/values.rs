//! The value of a plan with several ends: a tuple, or a `Vec`.

use crate::plan::{Build, Outline};
use crate::run::{Gives, Pipeline, Plan};

/// A tuple to which a value can be added. Programs do not implement it.
pub trait Values<B>: Send + 'static {
    /// The tuple with one more value.
    type And: Send + 'static;

    #[doc(hidden)]
    fn and(self, last: B) -> Self::And;
}

macro_rules! values {
    ($($name:ident)*) => {
        impl<$($name: Send + 'static,)* Last: Send + 'static> Values<Last> for ($($name,)*) {
            type And = ($($name,)* Last,);

            #[allow(non_snake_case, reason = "the fields are named like their types")]
            fn and(self, last: Last) -> Self::And {
                let ($($name,)*) = self;
                ($($name,)* last,)
            }
        }
    };
}

values!();
values!(A);
values!(A B);
values!(A B C);
values!(A B C D);
values!(A B C D E);
values!(A B C D E F);
values!(A B C D E F G);

/// No end yet.
pub(super) fn none() -> Pipeline<()> {
    Pipeline::of(Nothing)
}

/// The ends of `first`, and one more.
pub(super) fn and<V: Values<B>, B: Send + 'static>(first: Pipeline<V>, last: Pipeline<B>) -> Pipeline<V::And> {
    Pipeline::of(And { first, last })
}

/// So many ends of one type.
pub(super) fn all<V: Send + 'static>(ends: Vec<Pipeline<V>>) -> Pipeline<Vec<V>> {
    Pipeline::of(All { ends })
}

#[derive(Clone)]
struct Nothing;

impl Plan<()> for Nothing {
    fn build(self, _: &mut Build) -> Box<dyn Gives<()>> {
        Box::new(self)
    }

    fn outline(&self, _: &mut Outline) {}
}

impl Gives<()> for Nothing {
    fn give(&self) -> Option<()> {
        Some(())
    }
}

struct And<V, B> {
    first: Pipeline<V>,
    last: Pipeline<B>,
}

impl<V, B> Clone for And<V, B> {
    fn clone(&self) -> Self {
        And { first: self.first.clone(), last: self.last.clone() }
    }
}

impl<V: Values<B>, B: Send + 'static> Plan<V::And> for And<V, B> {
    fn build(self, build: &mut Build) -> Box<dyn Gives<V::And>> {
        // The last first: a report tells the rows of a plan in the opposite order.
        let last = self.last.build(build);
        Box::new(Both { first: self.first.build(build), last })
    }

    fn outline(&self, outline: &mut Outline) {
        self.last.outline_into(outline);
        self.first.outline_into(outline);
    }
}

struct Both<V, B> {
    first: Box<dyn Gives<V>>,
    last: Box<dyn Gives<B>>,
}

impl<V: Values<B>, B> Gives<V::And> for Both<V, B> {
    fn give(&self) -> Option<V::And> {
        Some(self.first.give()?.and(self.last.give()?))
    }
}

struct All<V> {
    ends: Vec<Pipeline<V>>,
}

impl<V> Clone for All<V> {
    fn clone(&self) -> Self {
        All { ends: self.ends.clone() }
    }
}

impl<V: Send + 'static> Plan<Vec<V>> for All<V> {
    fn build(self, build: &mut Build) -> Box<dyn Gives<Vec<V>>> {
        let mut gives: Vec<_> = self.ends.into_iter().rev().map(|end| end.build(build)).collect();
        gives.reverse();
        Box::new(Each { gives })
    }

    fn outline(&self, outline: &mut Outline) {
        self.ends.iter().rev().for_each(|end| end.outline_into(outline));
    }
}

struct Each<V> {
    gives: Vec<Box<dyn Gives<V>>>,
}

impl<V> Gives<Vec<V>> for Each<V> {
    fn give(&self) -> Option<Vec<V>> {
        self.gives.iter().map(|gives| gives.give()).collect()
    }
}
