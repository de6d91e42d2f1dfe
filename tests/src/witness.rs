//! Items that are counted as they are made and dropped.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Counts its items.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    made: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

impl Witness {
    /// A witness that has seen nothing.
    pub fn new() -> Witness {
        Witness::default()
    }

    /// A new item.
    pub fn item(&self, id: u64) -> Item {
        Item { id, witness: self.clone(), family: Family::default(), is_armed: false }.born()
    }

    /// Items made so far.
    pub fn made(&self) -> usize {
        self.made.load(SeqCst)
    }

    /// Items that are left.
    pub fn left(&self) -> usize {
        self.made() - self.dropped.load(SeqCst)
    }
}

/// An item of a [`Witness`].
#[derive(Debug)]
pub struct Item {
    /// Which one it is.
    pub id: u64,
    witness: Witness,
    family: Family,
    is_armed: bool,
}

/// An item and all its clones.
#[derive(Clone, Debug, Default)]
pub struct Family(Arc<AtomicUsize>);

impl Family {
    /// How many of them are left.
    pub fn left(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Item {
    fn born(self) -> Item {
        self.witness.made.fetch_add(1, SeqCst);
        self.family.0.fetch_add(1, SeqCst);
        self
    }

    /// The item and its clones.
    pub fn family(&self) -> Family {
        self.family.clone()
    }

    /// The same item, whose destructor panics, unless something panics already.
    #[must_use]
    pub fn armed(mut self) -> Item {
        self.is_armed = true;
        self
    }

    /// The same item, whose destructor does not panic.
    #[must_use]
    pub fn disarmed(mut self) -> Item {
        self.is_armed = false;
        self
    }
}

/// Items are told apart by their number.
impl PartialEq for Item {
    fn eq(&self, other: &Item) -> bool {
        self.id == other.id
    }
}

impl Eq for Item {}

impl Hash for Item {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

/// A clone is never armed.
impl Clone for Item {
    fn clone(&self) -> Item {
        Item { id: self.id, witness: self.witness.clone(), family: self.family.clone(), is_armed: false }.born()
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.witness.dropped.fetch_add(1, SeqCst);
        self.family.0.fetch_sub(1, SeqCst);
        if self.is_armed && !std::thread::panicking() {
            panic!("the destructor of item {} is bad", self.id);
        }
    }
}

/// Something whose destructor panics, unless something panics already.
#[derive(Debug)]
pub struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("a destructor is bad");
        }
    }
}
