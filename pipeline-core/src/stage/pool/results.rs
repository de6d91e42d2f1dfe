//! What a pool has finished and the next edge has not accepted.
//!
//! Ordered: a ring with an entry for each item that was started, in the order of the starts. Unordered: a queue.

use std::collections::VecDeque;
use std::task::{Poll, Waker};

use crate::edge::arm;
use crate::error::{Failure, Fate};
use crate::lineage::Lineage;

pub(super) enum Results<U, L> {
    Ordered(Ring<U, L>),
    Unordered(Queue<U, L>),
}

/// What the emitter finds next.
pub(super) enum Found<U, L> {
    /// To be pushed, then acknowledged.
    Output(U, L, Ack),
    /// The item at the head had nothing left to give. It is done.
    Done {
        is_filtered: bool,
        /// To be dropped outside of the lock: that may settle a receipt.
        lineage: L,
    },
    /// The item at the head has failed and leaves its place: the run goes on without it.
    PassedOver {
        fate: Fate,
        /// To be dropped outside of the lock: that may settle a receipt.
        lineage: L,
    },
    /// The item at the head has failed, and its turn has come.
    Failed(Failure),
    /// The item at the head was cut: nothing follows.
    Cut,
    /// There is an output, and no room for it.
    Full,
    Nothing,
}

/// What became of an item that has ended well.
pub(super) enum Kept<U> {
    /// Its outputs move on later. With what its body has armed, to be dropped outside of the lock.
    Yes(Option<Waker>),
    /// It is done, and leaves its place.
    Done { is_filtered: bool },
    /// Nothing moves on any more.
    Refused(Option<U>),
}

/// What an acceptance means to others.
pub(super) struct Acknowledged<L> {
    /// The body that waits for it.
    pub(super) sender: Option<Waker>,
    /// It was the last output of its item.
    pub(super) is_done: bool,
    /// To be dropped outside of the lock: that may settle a receipt.
    pub(super) lineage: Option<L>,
}

impl<L> Acknowledged<L> {
    /// Wakes the body, outside of the lock.
    pub(super) fn tell(self) {
        drop(self.lineage);
        if let Some(sender) = self.sender {
            sender.wake();
        }
    }
}

/// What was taken back: an output, and what its body has armed. To be dropped outside of the lock.
pub(super) struct Retracted<U, L> {
    _output: Option<(U, L)>,
    _waker: Option<Waker>,
}

/// Whether the body may go on, and the waker that it has armed before, to be dropped outside of the lock.
type Polled = (Poll<()>, Option<Waker>);

/// Which output was accepted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ack {
    /// One that worker `.0` has sent.
    Sent(usize),
    /// The last one of its item.
    Last,
}

impl<U, L: Lineage> Results<U, L> {
    pub(super) fn new(is_ordered: bool) -> Self {
        if is_ordered {
            Results::Ordered(Ring { base: 0, entries: VecDeque::new(), is_broken: false })
        } else {
            Results::Unordered(Queue { queue: VecDeque::new(), senders: Vec::new(), is_closed: false })
        }
    }

    /// An item was started.
    pub(super) fn open(&mut self, lineage: &L) {
        if let Results::Ordered(ring) = self {
            ring.entries.push_back(Entry {
                held: VecDeque::new(),
                last: None,
                lineage: lineage.clone(),
                status: Status::Working,
                sent: 0,
                sender: None,
            });
        }
    }

    /// Items were started and done elsewhere, while there was nothing here.
    pub(super) fn skip(&mut self, items: u64) {
        if let Results::Ordered(ring) = self {
            ring.base += items;
        }
    }

    /// An item has ended well.
    pub(super) fn finish(&mut self, (seq, id): (u64, usize), last: Option<U>, lineage: &L, sent: u64) -> Kept<U> {
        match self {
            Results::Ordered(ring) => match ring.entry(seq) {
                None => Kept::Refused(last),
                Some(entry) => {
                    entry.last = last;
                    entry.sent = sent;
                    entry.status = Status::Ended;
                    Kept::Yes(None)
                }
            },
            Results::Unordered(queue) => match last {
                None => queue.end(id).unwrap_or(Kept::Done { is_filtered: sent == 0 }),
                Some(_) if queue.is_closed => Kept::Refused(last),
                Some(item) => {
                    queue.queue.push_back(Queued { id, item, lineage: lineage.clone(), is_last: true });
                    Kept::Yes(None)
                }
            },
        }
    }

    /// An item has failed. Gives the failure back if it does not wait for its turn, and says whether the item leaves its
    /// place.
    pub(super) fn fail(&mut self, seq: u64, failure: Failure) -> (Option<Failure>, bool) {
        match self {
            Results::Ordered(ring) if ring.is_broken => (Some(failure), false),
            Results::Ordered(ring) => {
                if let Some(entry) = ring.entry(seq) {
                    entry.status = Status::Failed(failure);
                }
                (None, false)
            }
            Results::Unordered(_) => (Some(failure), true),
        }
    }

    /// An item was cut. Says whether it leaves its place.
    pub(super) fn cut(&mut self, seq: u64) -> bool {
        match self {
            Results::Ordered(ring) => {
                if let Some(entry) = ring.entry(seq) {
                    entry.status = Status::Cut;
                }
                false
            }
            Results::Unordered(_) => true,
        }
    }

    /// Whether [`next`](Self::next) gives an output, or ends an item, if there is room.
    pub(super) fn has_output(&self) -> bool {
        match self {
            Results::Ordered(ring) => ring.entries.front().is_some_and(|head| {
                !head.held.is_empty()
                    || head.last.is_some()
                    || matches!(head.status, Status::Ended | Status::PassedOver(_))
            }),
            Results::Unordered(queue) => !queue.queue.is_empty(),
        }
    }

    /// Whether [`next`](Self::next) gives anything.
    pub(super) fn has_more(&self) -> bool {
        let is_up = |status: &Status| matches!(status, Status::Failed(_) | Status::Cut);
        self.has_output()
            || matches!(self, Results::Ordered(ring) if ring.entries.front().is_some_and(|head| is_up(&head.status)))
    }

    /// An item has failed, and the run goes on without it. Says whether it leaves its place now, and not at its turn.
    pub(super) fn pass_over(&mut self, seq: u64, fate: Fate) -> bool {
        let entry = if let Results::Ordered(ring) = self { ring.entry(seq) } else { None };
        let Some(entry) = entry else { return true };
        entry.status = Status::PassedOver(fate);
        false
    }

    /// The next thing that can move on. What needs no room is not kept back by a want of it.
    pub(super) fn next(&mut self, has_room: bool) -> Found<U, L> {
        match self {
            Results::Ordered(ring) => ring.next(has_room),
            Results::Unordered(queue) if !has_room && !queue.queue.is_empty() => Found::Full,
            Results::Unordered(queue) => match queue.queue.pop_front() {
                None => Found::Nothing,
                Some(Queued { id, item, lineage, is_last }) => {
                    Found::Output(item, lineage, if is_last { Ack::Last } else { Ack::Sent(id) })
                }
            },
        }
    }

    /// An output was accepted.
    pub(super) fn acknowledge(&mut self, ack: Ack) -> Acknowledged<L> {
        match (self, ack) {
            (Results::Ordered(ring), Ack::Last) => {
                // Its place is gone if the run was dropped meanwhile. Then it was counted with what was left.
                let lineage = ring.pop();
                Acknowledged { sender: None, is_done: lineage.is_some(), lineage }
            }
            (Results::Ordered(ring), Ack::Sent(_)) => {
                let head = ring.entries.front_mut().filter(|entry| entry.held.is_empty());
                let sender = head.and_then(|entry| entry.sender.take());
                Acknowledged { sender, is_done: false, lineage: None }
            }
            (Results::Unordered(_), Ack::Last) => Acknowledged { sender: None, is_done: true, lineage: None },
            (Results::Unordered(queue), Ack::Sent(id)) => match queue.senders.iter().position(|one| one.id == id) {
                None => Acknowledged { sender: None, is_done: false, lineage: None },
                Some(at) => {
                    let Sender { waker, has_ended, .. } = queue.senders.remove(at);
                    Acknowledged { sender: waker, is_done: has_ended, lineage: None }
                }
            },
        }
    }

    /// Whether worker `id` may put one more output of item `seq`.
    pub(super) fn poll_room(&mut self, seq: u64, id: usize, held_back: usize, waker: &Waker) -> Polled {
        match self {
            Results::Ordered(ring) => {
                let is_head = ring.base == seq;
                let Some(entry) = ring.entry(seq) else {
                    return (Poll::Pending, None);
                };
                let has_room = if is_head { entry.held.is_empty() } else { entry.held.len() < held_back };
                entry.wait_unless(has_room, waker)
            }
            Results::Unordered(queue) => queue.poll_settled(id, waker),
        }
    }

    /// Whether the outputs that were put for item `seq` need no more waiting for.
    pub(super) fn poll_accepted(&mut self, seq: u64, id: usize, waker: &Waker) -> Polled {
        match self {
            Results::Ordered(ring) => {
                let is_head = ring.base == seq;
                let Some(entry) = ring.entry(seq) else {
                    return (Poll::Pending, None);
                };
                let is_accepted = !is_head || entry.held.is_empty();
                entry.wait_unless(is_accepted, waker)
            }
            Results::Unordered(queue) => queue.poll_settled(id, waker),
        }
    }

    /// Worker `id` sends an output of item `seq`. Says whether the emitter can move it on now.
    ///
    /// # Errors
    /// Gives it back if nothing moves on any more.
    pub(super) fn put(&mut self, seq: u64, id: usize, item: U, lineage: &L) -> Result<bool, U> {
        match self {
            Results::Ordered(ring) => {
                let is_head = ring.base == seq;
                let Some(entry) = ring.entry(seq) else {
                    return Err(item);
                };
                entry.held.push_back(item);
                Ok(is_head)
            }
            Results::Unordered(queue) if queue.is_closed => Err(item),
            Results::Unordered(queue) => {
                queue.senders.push(Sender { id, waker: None, has_ended: false });
                queue.queue.push_back(Queued { id, item, lineage: lineage.clone(), is_last: false });
                Ok(true)
            }
        }
    }

    /// Takes back what worker `id` has put for item `seq`, unless the emitter has taken it: then it was sent.
    pub(super) fn retract(&mut self, seq: u64, id: usize) -> Option<Retracted<U, L>> {
        match self {
            Results::Ordered(ring) => {
                let is_head = ring.base == seq;
                let entry = ring.entry(seq).filter(|_| is_head)?;
                // Its lineage stays with the entry.
                let output = entry.held.pop_back()?;
                Some(Retracted { _output: Some((output, L::default())), _waker: entry.sender.take() })
            }
            Results::Unordered(queue) => queue.retract(id),
        }
    }

    /// Takes back what worker `id` has put and nobody has accepted, if its item has no place in a ring that holds it.
    pub(super) fn retract_unordered(&mut self, id: usize) -> Option<Retracted<U, L>> {
        match self {
            Results::Ordered(_) => None,
            Results::Unordered(queue) => queue.retract(id),
        }
    }

    /// Everything that is left, at an ending. Nothing moves on any more.
    pub(super) fn clear(&mut self) -> Left<U, L> {
        match self {
            Results::Ordered(ring) => {
                ring.is_broken = true;
                ring.base += ring.entries.len() as u64;
                let entries = std::mem::take(&mut ring.entries);
                Left { entries, queue: VecDeque::new(), senders: Vec::new() }
            }
            Results::Unordered(queue) => {
                queue.is_closed = true;
                let (senders, queue) = (std::mem::take(&mut queue.senders), std::mem::take(&mut queue.queue));
                Left { entries: VecDeque::new(), queue, senders }
            }
        }
    }
}

/// What was left at an ending, to be looked at and dropped outside of the lock.
pub(super) struct Left<U, L> {
    entries: VecDeque<Entry<U, L>>,
    queue: VecDeque<Queued<U, L>>,
    senders: Vec<Sender>,
}

impl<U, L> Left<U, L> {
    /// How many items were finished.
    pub(super) fn finished(&self) -> u64 {
        let in_order = self.entries.iter().filter(|entry| matches!(entry.status, Status::Ended)).count();
        let unsettled = self.senders.iter().filter(|sender| sender.has_ended).count();
        let queued = self.queue.iter().filter(|queued| queued.is_last).count();
        (in_order + unsettled + queued) as u64
    }

    /// The items that had failed, without which the run would have gone on.
    pub(super) fn passed_over(&self) -> impl Iterator<Item = Fate> {
        let fate = |status: &Status| if let Status::PassedOver(fate) = status { Some(*fate) } else { None };
        self.entries.iter().filter_map(move |entry| fate(&entry.status))
    }

    /// The failures whose turn did not come.
    pub(super) fn take_failures(&mut self) -> Vec<Failure> {
        let taken = self.entries.iter_mut().map(|entry| std::mem::replace(&mut entry.status, Status::Taken));
        let failure = |status| if let Status::Failed(failure) = status { Some(failure) } else { None };
        taken.filter_map(failure).collect()
    }

    pub(super) fn into_outputs(self) -> impl Iterator<Item = U> {
        let in_order = self.entries.into_iter().flat_map(|entry| entry.held.into_iter().chain(entry.last));
        in_order.chain(self.queue.into_iter().map(|queued| queued.item))
    }
}

pub(super) struct Ring<U, L> {
    /// The number of the item at the head.
    base: u64,
    entries: VecDeque<Entry<U, L>>,
    /// A failure has taken its place: nothing moves on any more.
    is_broken: bool,
}

struct Entry<U, L> {
    /// Sent before the item's turn.
    held: VecDeque<U>,
    last: Option<U>,
    lineage: L,
    status: Status,
    /// Outputs that were sent before the last one.
    sent: u64,
    /// The body, if it waits in a send.
    sender: Option<Waker>,
}

enum Status {
    Working,
    Ended,
    Failed(Failure),
    /// The failure was taken by the emitter.
    Taken,
    Cut,
    /// It has failed, and the run goes on without it.
    PassedOver(Fate),
}

impl<U, L> Entry<U, L> {
    fn wait_unless(&mut self, is_ready: bool, waker: &Waker) -> Polled {
        if is_ready { (Poll::Ready(()), None) } else { (Poll::Pending, arm(&mut self.sender, waker)) }
    }
}

impl<U, L: Lineage> Ring<U, L> {
    fn entry(&mut self, seq: u64) -> Option<&mut Entry<U, L>> {
        let at = usize::try_from(seq.checked_sub(self.base)?).ok()?;
        self.entries.get_mut(at)
    }

    /// The item at the head is done.
    fn pop(&mut self) -> Option<L> {
        let head = self.entries.pop_front()?;
        self.base += 1;
        Some(head.lineage)
    }

    fn next(&mut self, has_room: bool) -> Found<U, L> {
        let Some(head) = self.entries.front_mut() else {
            return Found::Nothing;
        };
        if !has_room && (!head.held.is_empty() || head.last.is_some()) {
            return Found::Full;
        }
        if let Some(item) = head.held.pop_front() {
            return Found::Output(item, head.lineage.clone(), Ack::Sent(0));
        }
        match &head.status {
            Status::Cut => Found::Cut,
            Status::Working | Status::Taken => Found::Nothing,
            Status::PassedOver(fate) => {
                let fate = *fate;
                self.pop().map_or(Found::Nothing, |lineage| Found::PassedOver { fate, lineage })
            }
            Status::Ended => match head.last.take() {
                Some(item) => Found::Output(item, head.lineage.clone(), Ack::Last),
                None => {
                    let is_filtered = head.sent == 0;
                    self.pop().map_or(Found::Nothing, |lineage| Found::Done { is_filtered, lineage })
                }
            },
            Status::Failed(_) => {
                self.is_broken = true;
                match std::mem::replace(&mut head.status, Status::Taken) {
                    Status::Failed(failure) => Found::Failed(failure),
                    _ => Found::Nothing,
                }
            }
        }
    }
}

pub(super) struct Queue<U, L> {
    queue: VecDeque<Queued<U, L>>,
    /// Workers whose output was put and not accepted, the oldest first.
    senders: Vec<Sender>,
    is_closed: bool,
}

struct Sender {
    id: usize,
    waker: Option<Waker>,
    /// The body filled a permit and has returned, and the emitter has the output: the item is done when it is accepted.
    has_ended: bool,
}

struct Queued<U, L> {
    id: usize,
    item: U,
    lineage: L,
    is_last: bool,
}

impl<U, L> Queue<U, L> {
    fn poll_settled(&mut self, id: usize, waker: &Waker) -> Polled {
        if self.is_closed {
            // Nobody takes more: a send never resumes.
            return (Poll::Pending, None);
        }
        match self.sender(id) {
            None => (Poll::Ready(()), None),
            Some(at) => (Poll::Pending, arm(&mut self.senders[at].waker, waker)),
        }
    }

    /// Worker `id` has ended an item without a last output. If one that it has put is still to be accepted, the item is
    /// done only then.
    fn end(&mut self, id: usize) -> Option<Kept<U>> {
        let sender = self.sender(id)?;
        let Some(at) = self.position(id) else {
            self.senders[sender].has_ended = true;
            return Some(Kept::Yes(None));
        };
        self.queue[at].is_last = true;
        Some(Kept::Yes(self.senders.remove(sender).waker))
    }

    /// Takes back the output that worker `id` has put for the item that it is at, unless it was taken.
    fn retract(&mut self, id: usize) -> Option<Retracted<U, L>> {
        let at = self.position(id)?;
        let Queued { item, lineage, .. } = self.queue.remove(at)?;
        let sender = self.sender(id).map(|sender| self.senders.remove(sender));
        Some(Retracted { _output: Some((item, lineage)), _waker: sender.and_then(|sender| sender.waker) })
    }

    /// The entry of worker `id` whose output was put for the item that it is at.
    fn sender(&self, id: usize) -> Option<usize> {
        self.senders.iter().position(|one| one.id == id && !one.has_ended)
    }

    /// Where the output of the item that worker `id` is at waits.
    fn position(&self, id: usize) -> Option<usize> {
        self.queue.iter().position(|queued| queued.id == id && !queued.is_last)
    }
}
