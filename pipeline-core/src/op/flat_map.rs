//! Any number of items from each.

use std::task::{Context, Poll, ready};

use crate::flow::Flow;
use crate::lineage::{Deal, Lineage, Same};
use crate::op::fused::pass_on;
use crate::op::{FusedCount, fused_flow};
use crate::plan::{Build, Outline};
use crate::push::{Flowing, Push};
use crate::stage::BUDGET;

fused_flow! {
    /// The flow of [`flat_map`](Flow::flat_map).
    FlatMap<P, F> { f: F }
}

impl<P, I, F> Flow for FlatMap<P, F>
where
    P: Flow,
    I: IntoIterator,
    I::IntoIter: Send + 'static,
    I::Item: Send + 'static,
    F: FnMut(P::Item) -> I + Clone + Send + 'static,
{
    type Item = I::Item;
    type Lineage = P::Lineage;

    fn build<N: Push<I::Item, P::Lineage>>(self, build: &mut Build, next: N) {
        let count = FusedCount::new(build, "flat_map");
        self.upstream.build(build, FlatMapPush::<_, _, Same<P::Lineage>, _>::new(self.f, next, count));
    }

    fn outline(&self, outline: &mut Outline, next: usize) {
        outline.fused("flat_map");
        self.upstream.outline(outline, next);
    }
}

/// `D` gives each item its lineage.
pub(super) struct FlatMapPush<F, I, D, N> {
    f: F,
    /// What is left of the last item.
    current: Option<Current<I, D>>,
    /// Made since the last yield.
    looked_at: u32,
    next: N,
    count: FusedCount,
}

impl<F, I, D, N> FlatMapPush<F, I, D, N> {
    pub(super) fn new(f: F, next: N, count: FusedCount) -> Self {
        FlatMapPush { f, current: None, looked_at: 0, next, count }
    }
}

struct Current<I, D> {
    items: I,
    lineages: D,
    is_empty: bool,
}

impl<T, L, I, F, D, N> Push<T, L> for FlatMapPush<F, I::IntoIter, D, N>
where
    T: Send + 'static,
    L: Lineage,
    I: IntoIterator,
    I::IntoIter: Send + 'static,
    I::Item: Send + 'static,
    F: FnMut(T) -> I + Send + 'static,
    D: Deal<L>,
    N: Push<I::Item, L>,
{
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        match ready!(self.poll_settled(cx)) {
            Flowing::Over => Poll::Ready(Flowing::Over),
            Flowing::On => self.next.poll_room(cx),
        }
    }

    fn push(&mut self, item: T, lineage: L) {
        let items = self.count.call_held(|| (self.f)(item).into_iter());
        let count = &mut self.count;
        let length = || {
            let (least, most) = count.call_more(|| items.size_hint());
            most.filter(|most| *most == least)
        };
        match D::new(lineage, length) {
            Ok(lineages) => self.current = Some(Current { items, lineages, is_empty: true }),
            Err((lineage, error)) => {
                lineage.tell(&self.count.node.name, error);
                self.count.release();
                self.count.skipped();
                self.count.drop(items);
            }
        }
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        while let Some(current) = &mut self.current {
            if self.looked_at == BUDGET {
                self.looked_at = 0;
                self.count.flush();
                self.next.flush();
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.looked_at += 1;
            // Room first: what the iterator gives must not be lost. One that says it is empty needs none.
            let is_over = self.count.call_more(|| current.items.size_hint().1 == Some(0));
            if !is_over && ready!(self.next.poll_room(cx)) == Flowing::Over {
                return Poll::Ready(Flowing::Over);
            }
            let made = if is_over { None } else { self.count.call_more(|| current.items.next()) };
            match made {
                Some(made) => {
                    current.is_empty = false;
                    self.count.out();
                    self.next.push(made, current.lineages.next());
                }
                None => {
                    let is_empty = current.is_empty;
                    self.count.release();
                    let ended = self.current.take();
                    self.count.drop(ended);
                    if is_empty {
                        self.count.filtered();
                    }
                }
            }
        }
        self.next.poll_settled(cx)
    }

    pass_on!(poll_rest offer_end counts end bind take_woken room_behind);
}
