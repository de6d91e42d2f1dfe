//! The split of a `group_by`: it gives each item to the flow of its key, opens flows and ends those that are idle.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::flow::{KeysFull, Limits};
use super::gate::{Gate, Opened};
use super::{JOIN, NAME};
use crate::edge::DEFAULT_BUFFER;
use crate::error::{BoxError, Error};
use crate::flow::Flow;
use crate::ledger::Kind;
use crate::lineage::Lineage;
use crate::op::join::{Fate, input, outline_input};
use crate::op::split::branch::{Branch, branch};
use crate::op::split::exit::{AnyExit, Exit, Given};
use crate::plan::Outline;
use crate::push::{Flowing, Push};
use crate::run::{Inner, Node};
use crate::runtime::{Instant, Sleep};
use crate::stage::Site;

#[allow(clippy::disallowed_types, reason = "the hasher is not random")]
type Places<K> = std::collections::HashMap<K, usize, BuildHasherDefault<DefaultHasher>>;

/// What takes the items of a `group_by`.
pub(super) struct Groups<T, L, K, F, B, G: Flow> {
    site: Site,
    /// The site of the join.
    join: Site,
    gate: Arc<Gate<G::Item, G::Lineage>>,
    limits: Limits,
    key: F,
    branch: B,
    places: Places<K>,
    groups: Vec<Option<Group<T, L, K>>>,
    free: Vec<usize>,
    /// When each open key becomes idle, or earlier, if items have come meanwhile.
    idle_at: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Keys of which an item has come since the last wait.
    touched: Vec<usize>,
    /// Keys that are idle, and whose flows have not ended.
    ending: Vec<usize>,
    /// The item in hand, which waits for the flow of its key.
    hand: Option<(K, T, L)>,
    /// Whose flow has got the last item.
    last: Option<usize>,
    taken: u64,
    timer: Option<Sleep>,
    /// Whether flows and times were looked after since the last wait.
    has_tended: bool,
    is_over: bool,
    has_woken: bool,
    given: Given,
    failed: Option<(u64, BoxError)>,
}

struct Group<T, L, K> {
    key: K,
    exit: Exit<T, L>,
    used: Instant,
    is_touched: bool,
    is_ending: bool,
    /// The flow has ended, and all that it yielded was read.
    is_read: bool,
}

/// Where an item may go.
enum Way {
    To(usize),
    /// To a flow that has to be opened.
    New,
    /// Nowhere before a flow has ended.
    Waits,
    /// There are too many keys.
    Full,
}

impl<T, L, K, F, B, G> Groups<T, L, K, F, B, G>
where
    T: Send + 'static,
    L: Lineage,
    K: Hash + Eq + Clone + Send + 'static,
    B: FnMut(K, Branch<T, L>) -> G + Send + 'static,
    G: Flow,
{
    pub(super) fn new(
        limits: Limits,
        key: F,
        branch: B,
        site: &Site,
        join: Site,
        gate: Arc<Gate<G::Item, G::Lineage>>,
    ) -> Self {
        Groups {
            site: site.clone(),
            join,
            gate,
            limits,
            key,
            branch,
            places: Places::default(),
            groups: Vec::new(),
            free: Vec::new(),
            idle_at: BinaryHeap::new(),
            touched: Vec::new(),
            ending: Vec::new(),
            hand: None,
            last: None,
            taken: 0,
            timer: None,
            has_tended: false,
            is_over: false,
            has_woken: false,
            given: Given::new(site),
            failed: None,
        }
    }

    /// What became of the last item.
    pub(super) fn fate(&mut self) -> Fate {
        match self.failed.take() {
            Some((item, error)) => Fate::Failed(item, error),
            None => self.given.fate(),
        }
    }

    fn way(&self, key: &K) -> Way {
        match self.places.get(key) {
            Some(at) if self.groups[*at].as_ref().is_some_and(|group| group.is_ending) => Way::Waits,
            Some(at) => Way::To(*at),
            None if self.places.len() < self.limits.max_keys => Way::New,
            None if self.limits.waits || !self.ending.is_empty() => Way::Waits,
            None => Way::Full,
        }
    }

    /// Makes the flow of a key, as a run within the run.
    fn open(&mut self, key: K) -> Result<usize, Error> {
        let (socket, flow) = branch();
        let flow = (self.branch)(key.clone(), flow);
        let mut outline = Outline::default();
        let at = outline.reserve();
        outline.branches(at, (NAME, Kind::Split), &[socket.key().clone()], |outline| {
            let at = outline.node(JOIN, Kind::Join);
            outline_input(&flow, at, JOIN, outline);
        });
        outline.check()?;
        let node = Arc::new(Node::new(self.site.node.name.clone(), self.site.node.kind));
        let (run, (rx, exit)) = Inner::start(&self.site.run, |build| {
            let rx = input(flow, build, &self.join);
            (rx, Exit::new(socket.unplug(build), node))
        })?;
        let place = self.free.pop().unwrap_or(self.groups.len());
        if place == self.groups.len() {
            self.groups.push(None);
        }
        let used = self.site.run.rt.now();
        self.places.insert(key.clone(), place);
        self.groups[place] = Some(Group { key, exit, used, is_touched: false, is_ending: false, is_read: false });
        self.idle_at.push(Reverse((used + self.limits.idle, place)));
        self.has_tended = false;
        self.gate.open(Opened { place, rx, run, split: self.site.node.clone() });
        Ok(place)
    }

    /// Looks after what is not about the item in hand, once between two waits.
    fn tend(&mut self, cx: &mut Context<'_>) {
        if std::mem::replace(&mut self.has_tended, true) {
            return;
        }
        let news = self.gate.look_as_split(cx.waker());
        self.is_over |= news.is_over;
        for at in news.ended {
            if let Some(group) = &mut self.groups[at] {
                group.is_read = true;
            }
        }
        self.end_idle(cx);
        let Groups { ending, groups, places, free, .. } = self;
        ending.retain(|at| {
            let Some(group) = &mut groups[*at] else { return false };
            if group.exit.poll_rest(cx).is_pending() || !group.is_read {
                return true;
            }
            if let Some(group) = groups[*at].take() {
                places.remove(&group.key);
            }
            free.push(*at);
            false
        });
    }

    /// Ends the flows of keys that are idle, and sets the timer to the next one.
    fn end_idle(&mut self, cx: &mut Context<'_>) {
        let Groups { groups, idle_at, ending, timer, limits, .. } = self;
        let rt = &self.site.run.rt;
        let mut now = rt.now();
        while let Some(mut next) = idle_at.peek_mut() {
            let Reverse((at, place)) = *next;
            if at > now {
                let timer = timer.get_or_insert_with(|| rt.sleep_until(at));
                if timer.deadline() != at {
                    timer.reset(at);
                }
                if Pin::new(timer).poll(cx).is_pending() {
                    return;
                }
                now = rt.now();
                continue;
            }
            let Some(group) = &mut groups[place] else { unreachable!("a key has its place until it is idle") };
            let is_idle_at = if group.is_touched { now } else { group.used } + limits.idle;
            if is_idle_at > now {
                *next = Reverse((is_idle_at, place));
            } else {
                group.is_ending = true;
                ending.push(place);
                PeekMut::pop(next);
            }
        }
    }

    /// Finds the flow of the item in hand, and gives it to that as soon as there is room. Ready when it has gone, or failed.
    fn poll_hand(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some((key, ..)) = &self.hand else { return Poll::Ready(()) };
        let opened = match self.way(key) {
            Way::To(at) => Ok(at),
            Way::Waits => return Poll::Pending,
            Way::Full => Err(KeysFull::new(self.limits.max_keys).into()),
            Way::New => {
                let key = key.clone();
                self.open(key).map_err(BoxError::from)
            }
        };
        let at = match opened {
            Ok(at) => at,
            Err(error) => {
                self.hand = None;
                self.failed = Some((self.taken - 1, error));
                return Poll::Ready(());
            }
        };
        let Some(group) = &mut self.groups[at] else { return Poll::Pending };
        let room = ready!(group.exit.poll_room(cx));
        if !std::mem::replace(&mut group.is_touched, true) {
            self.touched.push(at);
        }
        if let Some((_, item, lineage)) = self.hand.take() {
            self.last = Some(at);
            self.given.hand_over(&mut group.exit, room, item, lineage);
            self.has_woken |= group.exit.take_woken();
        }
        Poll::Ready(())
    }

    fn exits(&mut self) -> impl Iterator<Item = &mut Exit<T, L>> {
        self.groups.iter_mut().flatten().map(|group| &mut group.exit)
    }
}

impl<T, L, K, F, B, G> Push<T, L> for Groups<T, L, K, F, B, G>
where
    T: Send + 'static,
    L: Lineage,
    K: Hash + Eq + Clone + Send + 'static,
    F: FnMut(&T) -> K + Send + 'static,
    B: FnMut(K, Branch<T, L>) -> G + Send + 'static,
    G: Flow,
{
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        self.tend(cx);
        Poll::Ready(if self.is_over { Flowing::Over } else { Flowing::On })
    }

    fn push(&mut self, item: T, lineage: L) {
        self.taken += 1;
        let key = (self.key)(&item);
        self.hand = Some((key, item, lineage));
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Flowing> {
        self.tend(cx);
        if self.is_over && self.hand.take().is_some() {
            self.given.lose();
        }
        ready!(self.poll_hand(cx));
        if let Some(group) = self.last.and_then(|at| self.groups[at].as_mut()) {
            ready!(group.exit.poll_settled(cx));
        }
        self.last = None;
        Poll::Ready(Flowing::On)
    }

    fn flush(&mut self) {
        self.has_tended = false;
        self.given.flush();
        if self.touched.is_empty() {
            return;
        }
        let now = self.site.run.rt.now();
        for at in self.touched.drain(..) {
            if let Some(group) = &mut self.groups[at] {
                group.used = now;
                group.is_touched = false;
                group.exit.flush();
                self.has_woken |= group.exit.take_woken();
            }
        }
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut rest = Poll::Ready(());
        for exit in self.exits() {
            // All of them, so that none waits for another.
            if exit.poll_rest(cx).is_pending() {
                rest = Poll::Pending;
            }
        }
        rest
    }

    fn own_up(&mut self) {
        self.exits().for_each(AnyExit::own_up);
    }

    fn end(&mut self) {
        self.exits().for_each(AnyExit::end);
    }

    fn take_woken(&mut self) -> bool {
        std::mem::take(&mut self.has_woken)
    }

    // Each exit has bound its own.
    fn bind(&mut self, _: &Arc<Node>) {}

    // A split is behind an edge of its own: nobody holds outputs back for it.
    fn room_behind(&self) -> usize {
        DEFAULT_BUFFER
    }
}

impl<T, L, K, F, B, G: Flow> Drop for Groups<T, L, K, F, B, G> {
    fn drop(&mut self) {
        self.gate.complete();
    }
}
