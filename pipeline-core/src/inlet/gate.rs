//! The way into a run, and the line of those who wait before it.

use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

use super::{SendError, TrySendError};
use crate::edge::{Offer, Tx, wake};
use crate::push::Flowing;
use crate::runtime::Rt;
use crate::sync::Mutex;

/// The places of those in line are numbered as they come, so the lowest number is next.
type Place = u64;

pub(super) struct Gate<T, L> {
    state: Mutex<State<T, L>>,
}

struct State<T, L> {
    way: Way<T, L>,
    line: BTreeMap<Place, Waker>,
    next_place: Place,
    /// Places in the edge that were promised to who has not sent yet.
    reserved: usize,
    has_opened: bool,
}

enum Way<T, L> {
    /// The run has not started.
    Unopened,
    Open(Tx<T, L>, Rt),
    Closed,
}

impl<T, L> Default for Gate<T, L> {
    fn default() -> Self {
        let state = State { way: Way::Unopened, line: BTreeMap::new(), next_place: 0, reserved: 0, has_opened: false };
        Gate { state: Mutex::new(state) }
    }
}

impl<T, L> Gate<T, L> {
    /// Opens the way into a run, unless nobody is left to send. False if it was opened before.
    pub(super) fn open(&self, tx: Tx<T, L>, rt: &Rt) -> bool {
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.has_opened, true) {
            return false;
        }
        if matches!(state.way, Way::Unopened) {
            state.way = Way::Open(tx, rt.clone());
        }
        // Everybody looks, since the time of a deadline runs from now on.
        let line: Vec<Waker> = state.line.values().cloned().collect();
        drop(state);
        line.into_iter().for_each(Waker::wake);
        true
    }

    pub(super) fn has_opened(&self) -> bool {
        self.state.lock().has_opened
    }

    /// Lets nobody in any more, and tells those in line. Who is in stays in.
    pub(super) fn close(&self) {
        let (way, line) = {
            let mut state = self.state.lock();
            (std::mem::replace(&mut state.way, Way::Closed), std::mem::take(&mut state.line))
        };
        drop(way);
        line.into_values().for_each(Waker::wake);
    }

    /// The plan was dropped: closed, unless it is of a run that goes on.
    pub(super) fn forsake(&self) {
        if !self.has_opened() {
            self.close();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state.lock().way, Way::Closed)
    }

    /// The runtime of the run, while it goes on.
    pub(super) fn rt(&self) -> Option<Rt> {
        match &self.state.lock().way {
            Way::Open(_, rt) => Some(rt.clone()),
            Way::Unopened | Way::Closed => None,
        }
    }

    /// Lets an item in, at the turn of its place in line. Gives it back to `item` while it waits.
    pub(super) fn poll_send(
        &self,
        item: &mut Option<(T, L)>,
        place: &mut Option<Place>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        let (given, lineage) = item.take().expect("a future that is ready is not polled again");
        let mut state = self.state.lock();
        let (is_next, spare) = (state.is_next(*place), state.reserved);
        let offer = match &mut state.way {
            Way::Open(tx, _) if is_next => tx.offer(given, lineage, spare, Some(cx.waker())),
            Way::Closed => Offer::Over(given, lineage),
            Way::Open(..) | Way::Unopened => Offer::Full(given, lineage, None),
        };
        let (sent, reader) = match offer {
            Offer::Full(given, lineage, armed) => {
                let former = state.wait(place, cx.waker());
                drop(state);
                drop((armed, former));
                *item = Some((given, lineage));
                return Poll::Pending;
            }
            Offer::Accepted(reader) => (Ok(()), reader),
            Offer::Over(given, lineage) => (Err((given, lineage)), None),
        };
        let left = state.leave(place);
        drop(state);
        wake(reader);
        left.wake_next();
        Poll::Ready(sent.map_err(|(given, _)| SendError(given)))
    }

    /// Lets an item in if that can be done at once.
    pub(super) fn try_send(&self, item: T, lineage: L) -> Result<(), TrySendError<T>> {
        let mut state = self.state.lock();
        let (has_line, spare) = (!state.line.is_empty(), state.reserved);
        let offer = match &mut state.way {
            Way::Open(tx, _) if !has_line => tx.offer(item, lineage, spare, None),
            Way::Closed => Offer::Over(item, lineage),
            Way::Open(..) | Way::Unopened => Offer::Full(item, lineage, None),
        };
        drop(state);
        tell(offer)
    }

    /// Reserves a place for an item, at the turn of its place in line. Until it is [given back](Gate::give_back) or
    /// [used](Gate::send_reserved), nobody else gets it.
    pub(super) fn poll_reserve(
        &self,
        place: &mut Option<Place>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<()>>> {
        let mut state = self.state.lock();
        let (is_next, spare) = (state.is_next(*place), state.reserved);
        let (polled, armed) = match &mut state.way {
            Way::Open(tx, _) if is_next => tx.poll_place(spare, cx.waker()),
            Way::Closed => (Poll::Ready(Flowing::Over), None),
            Way::Open(..) | Way::Unopened => (Poll::Pending, None),
        };
        let Poll::Ready(flowing) = polled else {
            let former = state.wait(place, cx.waker());
            drop(state);
            drop((armed, former));
            return Poll::Pending;
        };
        state.reserved += usize::from(flowing == Flowing::On);
        let left = state.leave(place);
        drop(state);
        left.wake_next();
        Poll::Ready(if flowing == Flowing::On { Ok(()) } else { Err(SendError(())) })
    }

    /// Lets an item into the place that was reserved for it.
    pub(super) fn send_reserved(&self, item: T, lineage: L) -> Result<(), TrySendError<T>> {
        let mut state = self.state.lock();
        state.reserved -= 1;
        let spare = state.reserved;
        let offer = match &mut state.way {
            Way::Open(tx, _) => tx.offer(item, lineage, spare, None),
            Way::Unopened | Way::Closed => Offer::Over(item, lineage),
        };
        drop(state);
        tell(offer)
    }

    /// A place is not used that was reserved: the next one in line looks for room.
    pub(super) fn give_back(&self) {
        let next = {
            let mut state = self.state.lock();
            state.reserved -= 1;
            state.line.first_key_value().map(|(_, waker)| waker.clone())
        };
        wake(next);
    }

    /// Leaves the line; the next one looks for room.
    pub(super) fn leave(&self, place: &mut Option<Place>) {
        let left = self.state.lock().leave(place);
        left.wake_next();
    }
}

/// Wakes the reader, outside of the lock, or gives the item back.
fn tell<T, L>(offer: Offer<T, L>) -> Result<(), TrySendError<T>> {
    match offer {
        Offer::Accepted(reader) => {
            wake(reader);
            Ok(())
        }
        Offer::Full(item, ..) => Err(TrySendError::Full(item)),
        Offer::Over(item, _) => Err(TrySendError::Closed(item)),
    }
}

impl<T, L> State<T, L> {
    /// Whether it is the turn of who has that place in line, or none.
    fn is_next(&self, place: Option<Place>) -> bool {
        self.line.first_key_value().is_none_or(|(first, _)| Some(*first) == place)
    }

    /// Gives the former waker, to be dropped outside of the lock.
    #[must_use = "it is dropped outside of the lock"]
    fn wait(&mut self, place: &mut Option<Place>, waker: &Waker) -> Option<Waker> {
        let place = *place.get_or_insert_with(|| {
            self.next_place += 1;
            self.next_place
        });
        self.line.insert(place, waker.clone())
    }

    fn leave(&mut self, place: &mut Option<Place>) -> Left {
        let Some(place) = place.take() else { return Left { own: None, next: None } };
        let own = self.line.remove(&place);
        Left { own, next: self.line.first_key_value().map(|(_, waker)| waker.clone()) }
    }
}

/// The wakers of one who has left the line, and of the next one: for outside of the lock.
#[must_use = "the next one waits for its turn"]
struct Left {
    own: Option<Waker>,
    next: Option<Waker>,
}

impl Left {
    fn wake_next(self) {
        drop(self.own);
        wake(self.next);
    }
}
