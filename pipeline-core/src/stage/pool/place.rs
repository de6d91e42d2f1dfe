//! Where something is that one task at a time may have.

/// Something that is kept in the state of a pool, and lent to one of its tasks.
pub(super) enum Place<T> {
    Here(T),
    Lent,
    /// It is not needed any more, wherever it is.
    Gone,
}

impl<T> Place<T> {
    pub(super) fn as_mut(&mut self) -> Option<&mut T> {
        match self {
            Place::Here(thing) => Some(thing),
            Place::Lent | Place::Gone => None,
        }
    }

    pub(super) fn is_here(&self) -> bool {
        matches!(self, Place::Here(_))
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Place::Gone)
    }

    /// Takes it, to be [given back](Self::give_back).
    pub(super) fn lend(&mut self) -> Option<T> {
        match std::mem::replace(self, Place::Lent) {
            Place::Here(thing) => Some(thing),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Puts it back. Gives it to the caller if it is not needed any more.
    #[must_use = "it is dropped outside of the lock"]
    pub(super) fn give_back(&mut self, thing: T) -> Option<T> {
        if self.is_gone() {
            return Some(thing);
        }
        *self = Place::Here(thing);
        None
    }

    /// Takes it for good.
    pub(super) fn take(&mut self) -> Option<T> {
        match std::mem::replace(self, Place::Gone) {
            Place::Here(thing) => Some(thing),
            Place::Lent | Place::Gone => None,
        }
    }
}
