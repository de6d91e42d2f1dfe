//! Sinks that cannot await: they are fused into the task before them and make the value of the run.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::edge::DEFAULT_BUFFER;
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::op::FusedCount;
use crate::plan::Build;
use crate::push::{Flowing, Push};
use crate::run::{Node, Value};

/// A sink without an edge. It is cloned for each run.
pub(crate) trait FusedSink<T>: Clone + Send + 'static {
    type Value: Send + 'static;
    const NAME: &'static str;

    /// Takes an item. False if it wants no more.
    fn take(&mut self, item: T) -> bool;

    fn value(self) -> Self::Value;
}

pub(crate) struct FusedSinkPush<S, V> {
    sink: Option<S>,
    is_over: bool,
    value: Value<V>,
    count: FusedCount,
}

impl<S, V> FusedSinkPush<S, V> {
    pub(crate) fn new<T>(sink: S, value: Value<V>, build: &Build) -> Self
    where
        S: FusedSink<T, Value = V>,
    {
        let node = build.site(S::NAME, Kind::Sink).node;
        FusedSinkPush { sink: Some(sink), is_over: false, value, count: FusedCount::of(node) }
    }
}

impl<T: Send + 'static, L: Lineage, S: FusedSink<T>> Push<T, L> for FusedSinkPush<S, S::Value> {
    fn poll_room(&mut self, _: &mut Context<'_>) -> Poll<Flowing> {
        Poll::Ready(if self.is_over { Flowing::Over } else { Flowing::On })
    }

    fn push(&mut self, item: T, _: L) {
        if let Some(sink) = &mut self.sink {
            let goes_on = self.count.call(|| sink.take(item));
            self.is_over = !goes_on;
        }
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        <Self as Push<T, L>>::poll_room(self, cx)
    }

    fn flush(&mut self) {
        self.count.flush();
    }

    fn own_up(&mut self) {
        self.count.own_up();
    }

    fn end(&mut self) {
        // Also set when the run has failed, in which case nobody asks for it.
        if let Some(sink) = self.sink.take() {
            self.value.set(sink.value());
        }
    }

    fn bind(&mut self, _: &Arc<Node>) {}

    fn take_woken(&mut self) -> bool {
        false
    }

    fn room_behind(&self) -> usize {
        DEFAULT_BUFFER
    }
}

#[derive(Clone)]
pub(crate) struct ForEach<F> {
    f: F,
}

impl<F> ForEach<F> {
    pub(crate) fn new(f: F) -> Self {
        ForEach { f }
    }
}

impl<T, F: FnMut(T) + Clone + Send + 'static> FusedSink<T> for ForEach<F> {
    type Value = ();
    const NAME: &'static str = "for_each";

    fn take(&mut self, item: T) -> bool {
        (self.f)(item);
        true
    }

    fn value(self) {}
}

/// The collection itself is made by the run: a plan need not be able to clone one.
pub(crate) struct Collect<C> {
    collection: Option<C>,
}

impl<C> Collect<C> {
    pub(crate) fn new() -> Self {
        Collect { collection: None }
    }
}

impl<C> Clone for Collect<C> {
    fn clone(&self) -> Self {
        Collect::new()
    }
}

impl<T, C: Default + Extend<T> + Send + 'static> FusedSink<T> for Collect<C> {
    type Value = C;
    const NAME: &'static str = "collect";

    fn take(&mut self, item: T) -> bool {
        self.collection.get_or_insert_default().extend([item]);
        true
    }

    fn value(self) -> C {
        self.collection.unwrap_or_default()
    }
}

#[derive(Clone)]
pub(crate) struct Fold<A, F> {
    value: Option<A>,
    f: F,
}

impl<A, F> Fold<A, F> {
    pub(crate) fn new(init: A, f: F) -> Self {
        Fold { value: Some(init), f }
    }
}

impl<T, A, F> FusedSink<T> for Fold<A, F>
where
    A: Clone + Send + 'static,
    F: FnMut(A, T) -> A + Clone + Send + 'static,
{
    type Value = A;
    const NAME: &'static str = "fold";

    fn take(&mut self, item: T) -> bool {
        if let Some(value) = self.value.take() {
            self.value = Some((self.f)(value, item));
        }
        true
    }

    fn value(self) -> A {
        self.value.expect("a fold whose closure has panicked never ends well")
    }
}

#[derive(Clone)]
pub(crate) struct Count {
    items: u64,
}

impl Count {
    pub(crate) fn new() -> Self {
        Count { items: 0 }
    }
}

impl<T> FusedSink<T> for Count {
    type Value = u64;
    const NAME: &'static str = "count";

    fn take(&mut self, _: T) -> bool {
        self.items += 1;
        true
    }

    fn value(self) -> u64 {
        self.items
    }
}

pub(crate) struct First<T> {
    item: Option<T>,
}

impl<T> First<T> {
    pub(crate) fn new() -> Self {
        First { item: None }
    }
}

impl<T> Clone for First<T> {
    fn clone(&self) -> Self {
        First::new()
    }
}

impl<T: Send + 'static> FusedSink<T> for First<T> {
    type Value = Option<T>;
    const NAME: &'static str = "first";

    fn take(&mut self, item: T) -> bool {
        self.item = Some(item);
        false
    }

    fn value(self) -> Option<T> {
        self.item
    }
}
